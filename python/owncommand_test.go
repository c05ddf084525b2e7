package python

import (
	"strings"
	"testing"
)

const (
	clickServer = "import click\nimport uvicorn\n\n\n@click.group()\ndef cli():\n    pass\n\n\n@cli.command()\n@click.argument(\"names\", nargs=-1)\n@click.option(\"-h\", \"--host\", default=\"127.0.0.1\")\n@click.option(\"-p\", \"--port\", type=int, default=8001)\ndef serve_all(names, host, port):\n    options = dict(host=host, port=port)\n    uvicorn.run(make(names), **options)\n\n\n@cli.command()\n@click.option(\"--port\", default=1)\ndef publish(port):\n    pass\n"
	ownPackage  = "-- pyproject.toml --\n[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"click\", \"uvicorn==0.37.0\", \"typer\"]\n[project.scripts]\nshop = \"shop.cli:cli\"\n[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n-- shop/__init__.py --\n"
)

// TestOwnCommands: a project that is started by a command of its own is started by it
// where it is seen to serve and to be told its port, and nothing else is.
func TestOwnCommands(t *testing.T) {
	const host = " --host ${HOST:-127.0.0.1}"
	checkKinds(t, []kind{
		{name: "a group of click's", web: "shop serve-all" + host + " --port $PORT", nothing: true, finding: "web.own_command shop serve-all" + host + " --port $PORT",
			files: ownPackage + "-- Dockerfile --\nFROM python:3.13\nCMD [\"shop\"]\n-- shop/__main__.py --\nfrom shop.cli import cli\n\nif __name__ == \"__main__\":\n    cli()\n-- shop/cli.py --\n" + clickServer},
		{name: "without a script", web: "python -m shop serve-all" + host + " --port $PORT", nothing: true,
			files: "-- requirements.txt --\nclick==8.1.8\nuvicorn==0.37.0\n-- shop/__init__.py --\n-- shop/__main__.py --\nfrom shop.cli import cli\n\nif __name__ == \"__main__\":\n    cli()\n-- shop/cli.py --\n" + clickServer},
		{name: "one command of click's", web: "shop --port $PORT", nothing: true,
			files: ownPackage + "-- shop/cli.py --\nimport click\nfrom waitress import serve\n\n\n@click.command()\n@click.option(\"--port\")\ndef cli(port):\n    serve(make(), port=port)\n"},
		{name: "typer", web: "shop" + host + " --port $PORT", nothing: true,
			files: ownPackage + "-- shop/cli.py --\nimport typer\nimport uvicorn\n\ncli = typer.Typer()\n\n\n@cli.command()\ndef serve(host: str = \"127.0.0.1\", port: int = 8000):\n    uvicorn.run(make(), host=host, port=port)\n"},
		{name: "argparse", web: "shop --port $PORT", nothing: true,
			files: ownPackage + "-- shop/cli.py --\nimport argparse\nimport uvicorn\n\n\ndef cli():\n    parser = argparse.ArgumentParser()\n    parser.add_argument(\"--port\", type=int)\n    args = parser.parse_args()\n    uvicorn.run(make(), port=args.port)\n"},
		{name: "a tool that serves nothing", problem: "web.none", remedy: "slipway service set SERVICE --set processes.web=shop ",
			files: ownPackage + "-- shop/cli.py --\nimport click\n\n\n@click.command()\n@click.option(\"--port\")\ndef cli(port):\n    print(port)\n"},
		{name: "the file of another platform tells the port", web: "shop --listen $PORT", nothing: true, finding: "web.suggested shop --listen $PORT",
			files: ownPackage + "-- shop/cli.py --\ndef cli():\n    run()\n-- render.yaml --\nservices:\n- type: web\n  startCommand: shop --listen $PORT\n"},
		{name: "an image's server, by its place there", web: "gunicorn -b ${HOST:-127.0.0.1}:$PORT -w 4 shop.run", nothing: true, warning: "web.port_overruled",
			files: "-- requirements.txt --\nwerkzeug==3.1.3\n-- Dockerfile --\nFROM python:3.13\nENTRYPOINT [\"/shop/bin/gunicorn\", \"-b\", \"0.0.0.0:8080\", \"-w\", \"4\"]\nCMD [\"shop.run\"]\n-- shop/__init__.py --\n-- shop/run.py --\nfrom shop import made as application\n"},
		{name: "an image's file that is run", web: "python serve.py", nothing: true,
			files: "-- requirements.txt --\naiohttp==3.13.0\n-- Dockerfile --\nFROM python:3.13\nWORKDIR /code\nCOPY . .\nCMD [\"python3\", \"-u\", \"/code/serve.py\"]\n-- serve.py --\nimport os\n\nfrom aiohttp import web\n\nweb.run_app(make(), port=int(os.environ[\"PORT\"]))\n-- other.py --\nimport os\n\nfrom aiohttp import web\n\nif __name__ == \"__main__\":\n    web.run_app(make(), port=int(os.environ[\"PORT\"]))\n"},
		{name: "the project's own words name one of two", web: "python api.py", nothing: true, finding: "web.named python api.py",
			files: "-- requirements.txt --\naiohttp==3.13.0\n-- README.md --\nStart it:\n\n    $ python api.py\n-- api.py --\nimport os\n\nfrom aiohttp import web\n\nif __name__ == \"__main__\":\n    web.run_app(make(), port=int(os.environ[\"PORT\"]))\n-- other.py --\nimport os\n\nfrom aiohttp import web\n\nif __name__ == \"__main__\":\n    web.run_app(make(), port=int(os.environ[\"PORT\"]))\n"},
		{name: "a page that the project's own words name", web: "streamlit run two.py --server.port $PORT --server.address ${HOST:-127.0.0.1} --server.headless true", nothing: true,
			files: "-- requirements.txt --\nstreamlit==1.50.0\n-- README.md --\n```\nstreamlit run two.py\n```\n-- one.py --\nimport streamlit\n-- two.py --\nimport streamlit\n"},
	})
}

// TestToldWhere: a program that takes its port on another platform alone takes it here.
func TestToldWhere(t *testing.T) {
	const program = "-- requirements.txt --\nbottle==0.13.4\n-- Procfile --\nweb: python ./app.py\n-- app.py --\nimport os\nfrom bottle import run\n\nif os.environ.get('APP_LOCATION') == 'heroku':\n    run(host='0.0.0.0',\n        port=int(os.environ.get('PORT', 5000)))\nelse:\n    run(host='0.0.0.0', port=8080)\n"
	checkKinds(t, []kind{
		{name: "by a variable", web: "APP_LOCATION=${APP_LOCATION:-heroku} python ./app.py", nothing: true, warning: "web.told_where", files: program},
		{name: "which is set", web: "python ./app.py", nothing: true, withoutWarning: "web.told_where", files: program + "-- slipway.yaml --\nenv: {APP_LOCATION: here}\n"},
	})
}

// TestEmptySettings: a package of settings that has none itself is said to, with those
// that something else takes.
func TestEmptySettings(t *testing.T) {
	const site = "-- requirements.txt --\ndjango==5.2.8\n-- manage.py --\nimport os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings.development')\nfrom django.core.management import execute_from_command_line\n-- shop/__init__.py --\n-- shop/wsgi.py --\nimport os\nfrom django.core.wsgi import get_wsgi_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\napplication = get_wsgi_application()\n-- shop/settings/development.py --\nfrom .base import *\n-- shop/settings/base.py --\nROOT_URLCONF = 'shop.urls'\n"
	checkKinds(t, []kind{
		{name: "empty", problem: "django.settings_empty", remedy: "slipway service set SERVICE --set env.DJANGO_SETTINGS_MODULE=shop.settings.development ", files: site + "-- shop/settings/__init__.py --\n"},
		{name: "said", nothing: true, files: site + "-- shop/settings/__init__.py --\n-- slipway.yaml --\nenv: {DJANGO_SETTINGS_MODULE: shop.settings.development}\n"},
		{name: "not empty", nothing: true, files: site + "-- shop/settings/__init__.py --\nfrom .development import *\n"},
	})
	said := detectKind(t, kind{files: site + "-- shop/settings/__init__.py --\n-- slipway.yaml --\nenv: {DJANGO_SETTINGS_MODULE: shop.settings.development}\n"})
	for _, trial := range said.Trials {
		for _, arg := range trial.Args {
			if strings.HasPrefix(arg, "DJANGO_SETTINGS_MODULE=") {
				t.Errorf("the rehearsal takes others than those that are stated: %s", arg)
			}
		}
	}
}
