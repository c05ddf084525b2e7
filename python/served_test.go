package python

import "testing"

// TestServedByTheRepositoryItself: what a script or a settings file of the repository
// starts is the application, under the name by which it is imported there.
func TestServedByTheRepositoryItself(t *testing.T) {
	t.Parallel()
	const fastapi = "-- requirements.txt --\nfastapi==0.110.0\nuvicorn==0.27.1\n"
	const flask = "-- requirements.txt --\nflask==3.0.0\ngunicorn==23.0.0\n"
	checkKinds(t, []kind{
		{name: "below a directory named as the framework", web: "uvicorn src.external.web.fastapi.app:app --host ${HOST:-127.0.0.1} --port $PORT", nothing: true,
			files: fastapi + "-- init_api.py --\nimport uvicorn\nif __name__ == '__main__':\n    uvicorn.run('src.external.web.fastapi.app:app', host='0.0.0.0', port=8000)\n" +
				"-- src/__init__.py --\n-- src/external/web/fastapi/api.py --\nfrom fastapi import APIRouter\nrouter = APIRouter()\n" +
				"-- src/external/web/fastapi/app.py --\nfrom fastapi import FastAPI\nfrom src.external.web.fastapi.api import router\napp = FastAPI()\napp.include_router(router)\n"},
		{name: "and nothing starts it", web: "uvicorn src.external.web.fastapi.app:app --host ${HOST:-127.0.0.1} --port $PORT", nothing: true,
			files: fastapi + "-- src/__init__.py --\n-- src/external/web/fastapi/api.py --\nfrom fastapi import APIRouter\nrouter = APIRouter()\n" +
				"-- src/external/web/fastapi/app.py --\nfrom fastapi import FastAPI\nfrom src.external.web.fastapi.api import router\napp = FastAPI()\n"},
		{name: "flask likewise", web: "gunicorn shop.web.flask.app:app --bind ${HOST:-127.0.0.1}:$PORT --threads 8", nothing: true,
			files: flask + "-- shop/__init__.py --\n-- shop/web/flask/views.py --\n-- shop/web/flask/app.py --\nfrom flask import Flask\nfrom shop.web.flask import views\napp = Flask(__name__)\n"},
		{name: "of two, the one that a script starts", web: "uvicorn shop.service:api --host ${HOST:-127.0.0.1} --port $PORT", nothing: true,
			files: fastapi + "-- run.py --\nimport uvicorn\nuvicorn.run('shop.service:api')\n-- shop/__init__.py --\n-- shop/service.py --\nfrom fastapi import FastAPI\napi = FastAPI()\n-- shop/app.py --\nfrom fastapi import FastAPI\napp = FastAPI()\n"},
		{name: "a factory", web: "uvicorn shop.boot:build --host ${HOST:-127.0.0.1} --port $PORT --factory", nothing: true,
			files: fastapi + "-- run.py --\nfrom uvicorn import run\nrun('shop.boot:build', factory=True)\n-- shop/__init__.py --\n-- shop/boot.py --\nfrom fastapi import FastAPI\ndef build():\n    return FastAPI()\n"},
		{name: "a script beside it", web: "PYTHONPATH=backend uvicorn main:app --host ${HOST:-127.0.0.1} --port $PORT", nothing: true,
			files: fastapi + "-- backend/__init__.py --\n-- backend/serve.py --\nimport uvicorn\nuvicorn.run('main:app')\n-- backend/main.py --\nfrom fastapi import FastAPI\napp = FastAPI()\n"},
		{name: "a script whose name is out of date", web: "uvicorn backend.main:app --host ${HOST:-127.0.0.1} --port $PORT", nothing: true,
			files: fastapi + "-- backend/__init__.py --\n-- backend/routes.py --\n-- backend/main.py --\nimport uvicorn\nfrom fastapi import FastAPI\nfrom backend import routes\napp = FastAPI()\nif __name__ == '__main__':\n    uvicorn.run('main:app', reload=True)\n"},
		{name: "a package whose files import each other by bare name", web: "PYTHONPATH=api gunicorn app:api --bind ${HOST:-127.0.0.1}:$PORT --threads 8", nothing: true,
			files: flask + "-- api/__init__.py --\n-- api/middlewares/__init__.py --\n-- api/email.py --\n-- api/app.py --\nimport email\nimport middlewares\nfrom flask import Flask\napi = Flask(__name__)\n"},
		{name: "a package with files that are named as Python's own and as installed ones", web: "gunicorn api.app:api --bind ${HOST:-127.0.0.1}:$PORT --threads 8", nothing: true,
			files: flask + "-- api/__init__.py --\n-- api/flask.py --\n-- api/email.py --\n-- api/app.py --\nimport email\nfrom flask import Flask\napi = Flask(__name__)\n"},
		{name: "gunicorn's settings", web: "gunicorn shop.site:site --bind ${HOST:-127.0.0.1}:$PORT", nothing: true,
			files: flask + "-- gunicorn.conf.py --\nwsgi_app = 'shop.site:site'\n-- shop/__init__.py --\n-- shop/site.py --\nfrom flask import Flask\nsite = Flask(__name__)\n-- shop/admin.py --\nfrom flask import Flask\napp = Flask(__name__)\n"},
		{name: "the image's command", web: "gunicorn shop.site:site --bind ${HOST:-127.0.0.1}:$PORT --threads 8", nothing: true,
			files: flask + "-- Dockerfile --\nFROM python:3.12\nCMD [\"gunicorn\", \"-b\", \"0.0.0.0:80\", \"shop.site:site\"]\n-- shop/__init__.py --\n-- shop/site.py --\nfrom flask import Flask\nsite = Flask(__name__)\n-- shop/admin.py --\nfrom flask import Flask\napp = Flask(__name__)\n"},
	})
}
