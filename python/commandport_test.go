package python

import "testing"

// A server listens at the port of its instance, whatever its command says.
func TestCommandsListenAtTheirPort(t *testing.T) {
	const host = "${HOST:-127.0.0.1}"
	for command, want := range map[string]string{
		"gunicorn app:app -b 0.0.0.0:8000 -w 2":                 "gunicorn app:app -b " + host + ":$PORT -w 2",
		"gunicorn --bind=:8000 --bind=[::]:8000 app:app":        "gunicorn --bind=" + host + ":$PORT app:app",
		"bin/start gunicorn app:app -b :8000":                   "bin/start gunicorn app:app -b :8000",
		"gunicorn app:app":                                      "gunicorn app:app",
		"gunicorn -c conf.py app:app":                           "gunicorn -c conf.py app:app --bind " + host + ":$PORT",
		"gunicorn app:app -b 0.0.0.0:$PORT":                     "gunicorn app:app -b 0.0.0.0:$PORT",
		"uvicorn app:app --host 0.0.0.0 --port 80":              "uvicorn app:app --host 0.0.0.0 --port $PORT",
		"python -m uvicorn app:app":                             "python -m uvicorn app:app --host " + host + " --port $PORT",
		"uvicorn app:app --host 0.0.0.0":                        "uvicorn app:app --host 0.0.0.0 --port $PORT",
		"python manage.py migrate && gunicorn app:app -b :8000": "python manage.py migrate && gunicorn app:app -b " + host + ":$PORT",
		"python manage.py runserver 0.0.0.0:8000 --noreload":    "python manage.py runserver " + host + ":$PORT --noreload",
		"./manage.py runserver":                                 "./manage.py runserver " + host + ":$PORT",
		"flask --app app run -p 5000":                           "flask --app app run -p $PORT",
		"LOG=1 exec streamlit run app.py":                       "LOG=1 exec streamlit run app.py --server.address " + host + " --server.port $PORT --server.headless true",
		"waitress-serve --threads 4 app:app":                    "waitress-serve --listen=" + host + ":$PORT --threads 4 app:app",
		"hypercorn app:app":                                     "hypercorn app:app --bind " + host + ":$PORT",
		"daphne -b 0.0.0.0 -p 8001 app:app":                     "daphne -b 0.0.0.0 -p $PORT app:app",
		"fastapi run app.py --port=80":                          "fastapi run app.py --port=$PORT",
		"python serve.py --port 8000":                           "python serve.py --port 8000",
	} {
		p := detectKind(t, kind{files: "-- requirements.txt --\nflask==3.0.3\ngunicorn==23.0.0\n-- conf.py --\nbind = '0.0.0.0:8080'\nworkers = 2\n-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n-- Procfile --\nweb: " + command + "\n"})
		if got := string(p.Processes["web"]); got != want {
			t.Errorf("%s becomes\n%s, want\n%s", command, got, want)
		}
	}
}
