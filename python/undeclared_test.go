package python

import "testing"

// TestFrameworksThatNothingBrings: what is certain to fail at its first import is said at
// detection, and not after a build; what another dependency may bring is not.
func TestFrameworksThatNothingBrings(t *testing.T) {
	const (
		poetry = "-- pyproject.toml --\n[tool.poetry]\nname = \"video\"\nversion = \"1\"\n[tool.poetry.dependencies]\npython = \"^3.10\"\n"
		quart  = "-- video.py --\nfrom quart import Quart\napp = Quart(__name__)\n"
		locked = "-- pyproject.toml --\n[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = []\n-- uv.lock --\nversion = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"shop\"\nversion = \"1\"\nsource = { virtual = \".\" }\n"
		site   = "-- requirements.txt --\ndjango==5.2.8\n-- manage.py --\nimport os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings.development')\nfrom django.core.management import execute_from_command_line\n-- shop/__init__.py --\n-- shop/settings/__init__.py --\n-- shop/settings/development.py --\nROOT_URLCONF = 'shop.urls'\n-- shop/wsgi.py --\nimport os\nfrom django.core.wsgi import get_wsgi_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop_conf')\napplication = get_wsgi_application()\n"
	)
	checkKinds(t, []kind{
		{name: "no dependencies", problem: "import.undeclared", remedy: "add quart to the dependencies in pyproject.toml", files: poetry + quart},
		{name: "a lock without it", problem: "import.undeclared", remedy: "add flask", files: locked + "-- app.py --\nfrom flask import Flask\napp = Flask(__name__)\n"},
		{name: "what isn't a framework", nothing: true, warning: "import.undeclared", files: locked + "-- app.py --\nimport requests\ndef app(environ, start_response):\n    return []\n"},
		{name: "a lock that is not all", nothing: true, withoutWarning: "import.undeclared", files: "-- requirements.txt --\nflask-restx==1.3.0\n-- app.py --\nfrom flask import Flask\napp = Flask(__name__)\n"},
		{name: "dependencies that are elsewhere", nothing: true, files: "-- pyproject.toml --\n[project]\nname = \"shop\"\nversion = \"1\"\ndynamic = [\"dependencies\"]\n[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n" + quart},
		{name: "settings of nobody's", problem: "django.settings_nowhere", remedy: "slipway service set SERVICE --set env.DJANGO_SETTINGS_MODULE=shop.settings.development", files: site},
		{name: "settings that are stated", nothing: true, files: site + "-- slipway.yaml --\nenv: {DJANGO_SETTINGS_MODULE: shop.settings.development}\n"},
		{name: "settings that a build may make", nothing: true, files: site + "-- slipway.yaml --\nbuild: {commands: [cp shop/settings/development.py shop_conf.py]}\n"},
	})
}
