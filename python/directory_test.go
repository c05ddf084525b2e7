package python

import (
	"strings"
	"testing"
)

// TestOneDirectoryForAllCommands: what Slipway writes for an application runs
// where the application lies.
func TestOneDirectoryForAllCommands(t *testing.T) {
	const django = "-- server/manage.py --\nimport os\nfrom django.core.management import execute_from_command_line\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n" +
		"-- server/shop/__init__.py --\n-- server/shop/settings.py --\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3'}}\nSTORAGES = {'staticfiles': {'BACKEND': 'x.ManifestStaticFilesStorage'}}\n" +
		"-- server/shop/wsgi.py --\nimport os\nfrom django.core.wsgi import get_wsgi_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\napplication = get_wsgi_application()\n" +
		"-- server/shop/tests.py --\nfrom django.test import TestCase\n\n\nclass ShopTest(TestCase):\n    def test_it(self):\n        pass\n-- server/shop/jobs.py --\nfrom celery import Celery\n\nqueue = Celery('x')\n" +
		"-- requirements.txt --\ndjango==5.1\ngunicorn==23.0.0\ncelery==5.4.0\n"
	const flask = "-- server/app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n-- server/test_app.py --\nimport pytest\n\n\ndef test_it():\n    pass\n-- requirements.txt --\nflask==3.0.3\ngunicorn==23.0.0\n"
	for _, k := range []struct{ name, files, web, release, test, before, worker, data string }{
		{"Django below", django, "cd server && gunicorn shop.wsgi:application" + wsgiWeb, "cd server && python manage.py migrate --no-input", "cd server && python manage.py test --no-input",
			"cd server && python manage.py collectstatic --no-input", "cd server && celery -A shop.jobs worker", "server/db.sqlite3"},
		{"a stated web command goes nowhere", "-- Procfile --\nweb: gunicorn --chdir server shop.wsgi\n" + django, "gunicorn --chdir server shop.wsgi", "cd server && python manage.py migrate --no-input", "cd server && python manage.py test --no-input",
			"cd server && python manage.py collectstatic --no-input", "", "server/db.sqlite3"},
		{"the project that the web command means", "-- Procfile --\nweb: cd server && gunicorn shop.wsgi\n-- demo/manage.py --\nfrom django.core.management import execute_from_command_line\n" + django, "cd server && gunicorn shop.wsgi",
			"cd server && python manage.py migrate --no-input", "cd server && python manage.py test --no-input", "", "", ""},
		{"Flask by cd", "-- Procfile --\nweb: cd server && gunicorn app:app --bind 0.0.0.0:$PORT\n" + flask, "cd server && gunicorn app:app --bind 0.0.0.0:$PORT", "", "cd server && python -m pytest", "", "", ""},
		{"pytest's settings beside the application", "-- Procfile --\nweb: gunicorn --chdir server app:app\n-- server/pytest.ini --\n[pytest]\n" + flask, "", "", "cd server && python -m pytest", "", "", ""},
		{"pytest's settings at the root", "-- Procfile --\nweb: cd server && gunicorn app:app\n-- pytest.ini --\n[pytest]\ntestpaths = server\n" + flask, "", "", "PYTHONPATH=server python -m pytest", "", "", ""},
		{"Alembic beside its settings", "-- Procfile --\nweb: cd server && gunicorn app:app\n-- server/alembic.ini --\n[alembic]\nscript_location = versions\n-- server/versions/env.py --\n" + flask + "alembic==1.13.0\n", "", "cd server && alembic upgrade head", "", "", "", ""},
		{"Alembic's settings for the root", "-- server/alembic.ini --\n[alembic]\nscript_location = server/versions\n-- server/versions/env.py --\n" + flask + "alembic==1.13.0\n", "", "alembic -c server/alembic.ini upgrade head", "", "", "", ""},
	} {
		t.Run(k.name, func(t *testing.T) {
			p := detectKind(t, kind{files: k.files})
			worker, data, before := "", "", ""
			for _, f := range p.Findings {
				if f.Rule == "worker.suggestion" {
					worker = f.Value
				}
			}
			if len(p.Data) > 0 {
				data = string(p.Data[0].Path)
			}
			if len(p.Test.Before) > 0 {
				before = string(p.Test.Before[0])
			}
			for _, c := range []struct{ what, got, want string }{
				{"web", string(p.Processes["web"]), k.web}, {"release", string(p.ReleaseCommand), k.release}, {"test", string(p.Test.Command), k.test},
				{"before", before, k.before}, {"worker", worker, k.worker}, {"data", data, k.data},
			} {
				if c.want != "" && c.got != c.want {
					t.Errorf("%s is %q, want %q; problems %v", c.what, c.got, c.want, p.Problems)
				}
			}
			for _, w := range p.Warnings {
				if w.Code == "command.shell" {
					t.Errorf("warned: %s", w.Sentence())
				}
			}
			for _, trial := range p.Trials {
				if trial.Name == trialDjango && (trial.Dir != "server" || strings.Contains(strings.Join(trial.Args, " "), "server/")) {
					t.Errorf("the check runs %q in %s", trial.Args, trial.Dir)
				}
			}
		})
	}
}
