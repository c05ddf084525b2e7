package python_test

import (
	"fmt"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/python/syntax"
)

func TestVariables(t *testing.T) {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"shop/settings.py": `
import os, environ
from os import environ as e, getenv
env = environ.Env(DEBUG=(bool, False))
SECRET = os.environ["SECRET_KEY"]
HOST = os.environ.get("DB_HOST", "localhost")
URL = env.db("DATABASE_URL")
DEBUG = env.bool("DEBUG", default=False)
TZ = getenv("TIME_ZONE")
os.environ["WRITTEN"] = "1"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
# os.environ["COMMENTED"]
text = 'os.environ["QUOTED"]'
NAME = os.environ[computed]
`,
		"shop/later.py":      "from decouple import config\nKEY = config('API_KEY')\nLEVEL = config('LEVEL', default='info')\nsecret = __import__('os').environ.get('SECRET_KEY')\n",
		"shop/dyna.py":       "from dynaconf import Dynaconf, Validator\nsettings = Dynaconf(\n    envvar_prefix=\"SHOP\",\n    validators=[Validator(\"DB_USER\", required=True), Validator(\"PORT\", must_exist=True, default=1), Validator(\"NOTE\")])\n",
		"shop/plain.py":      "config('NOT_A_VARIABLE')\n",
		"tests/test_shop.py": "import os\nos.environ['ONLY_IN_TESTS']\n",
		"conftest.py":        "import os\nos.environ['ONLY_IN_TESTS_TOO']\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	var got []string
	for _, v := range syntax.Variables(files, ".") {
		need := ""
		if v.Required {
			need = "!"
		}
		got = append(got, fmt.Sprintf("%s%s@%s:%d", v.Name, need, v.File, v.Line))
	}
	want := "API_KEY!@shop/later.py:2 DATABASE_URL!@shop/settings.py:7 DB_HOST@shop/settings.py:6 DEBUG@shop/settings.py:8 LEVEL@shop/later.py:3 SECRET_KEY!@shop/settings.py:5 SHOP_DB_USER!@shop/dyna.py:4 TIME_ZONE@shop/settings.py:9"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestJudgeTrial(t *testing.T) {
	for _, c := range []struct {
		result slipway.TrialResult
		state  slipway.Readiness
		says   string
	}{
		{slipway.TrialResult{Name: "import", Answer: `{"ok":true,"interface":"wsgi","callable":true}`, Took: 400 * time.Millisecond}, slipway.Ready, "in 0.4 s"},
		{slipway.TrialResult{Name: "import", Exit: 1, Answer: `{"ok":false,"error_type":"KeyError","error":"'SECRET_KEY'","line":"shop/settings.py:5"}`}, slipway.Unready, "shop/settings.py:5: KeyError: 'SECRET_KEY'"},
		{slipway.TrialResult{Name: "import", Exit: 3, Output: "boom\nSegmentation fault\n"}, slipway.Unready, "Segmentation fault"},
		{slipway.TrialResult{Name: "import", Exit: -1, TimedOut: true, Took: time.Minute}, slipway.Unready, "1m0s"},
		{slipway.TrialResult{Name: "django check", Output: "WARNINGS:\n?: (security.W008) Your SECURE_SSL_REDIRECT setting is not set to True. Unless.\n"}, slipway.Ready, "manage.py check --deploy has nothing to say"},
		{slipway.TrialResult{Name: "django check", Output: "System check identified no issues (0 silenced).\n"}, slipway.Ready, "nothing to say"},
		{slipway.TrialResult{Name: "django check", Output: "System check identified some issues:\n\nWARNINGS:\n?: (security.W004) You have not set a value for the SECURE_HSTS_SECONDS setting. If your entire site is served only over SSL, you may want to.\n\nSystem check identified 1 issue (0 silenced).\n"}, slipway.Unsure, "security.W004: You have not set a value for the SECURE_HSTS_SECONDS setting."},
		{slipway.TrialResult{Name: "django check", Exit: 1, Output: "SystemCheckError: System check identified some issues:\n\nERRORS:\n?: (shop.api.E002) The site is not among the hosts\n\tHINT: Add 'localhost' to them\n\nWARNINGS:\n?: (security.W004) You have not set a value for the SECURE_HSTS_SECONDS setting. It may.\n"}, slipway.Unready, "shop.api.E002: The site is not among the hosts (Add 'localhost' to them)"},
		{slipway.TrialResult{Name: "django check", Exit: 1, Output: "SystemCheckError: System check identified some issues:\n\nERRORS:\nshop.Order.customer: (fields.E300) Field defines a relation with model 'Customer', which is either not installed, or is abstract.\n"}, slipway.Unready, "fields.E300"},
		{slipway.TrialResult{Name: "django check", Exit: 1, Output: "Traceback\ndjango.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.\n"}, slipway.Unready, "must not be empty"},
		{slipway.TrialResult{Name: "migrations", Output: "[X]  shop.0001_initial\n[ ]  shop.0002_price\n"}, slipway.Ready, "1 to apply: shop.0002_price"},
		{slipway.TrialResult{Name: "migrations", Output: "[X]  shop.0001_initial\n"}, slipway.Ready, "has all of them"},
		{slipway.TrialResult{Name: "migrations", Output: "ae1027a6acf (head)\n"}, slipway.Ready, "the schema is at ae1027a6acf (head)"},
		{slipway.TrialResult{Name: "migrations", Output: "INFO  [alembic.runtime.migration] Context impl SQLiteImpl.\nfd9e -> 0e84 (head), three\ne25a -> fd9e, two\n<base> -> e25a (current), one\n"}, slipway.Ready, "2 to apply: fd9e two, 0e84 three"},
		{slipway.TrialResult{Name: "migrations", Output: "fd9e, ab12 -> 0e84 (head) (mergepoint) (current), three\n"}, slipway.Ready, "has all of them"},
		{slipway.TrialResult{Name: "migrations", Output: "<base> -> e25a (head), one, two\n"}, slipway.Ready, "1 to apply: e25a one, two"},
		{slipway.TrialResult{Name: "migrations", Output: ""}, slipway.Ready, "none is applied"},
		{slipway.TrialResult{Name: "migrations", Exit: 1, Output: "OperationalError: connection refused\n"}, slipway.Unsure, "connection refused"},
	} {
		if got := python.JudgeTrial(c.result); got.State != c.state || !strings.Contains(got.Text, c.says) {
			t.Errorf("%+v: %+v", c.result, got)
		}
	}
}

func TestTrials(t *testing.T) {
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"flask": {fstest.MapFS{"requirements.txt": {Data: []byte("flask\n")}, "app.py": {Data: []byte("from flask import Flask\napp = Flask(__name__)\n")}}, "import"},
		"django": {fstest.MapFS{
			"requirements.txt": {Data: []byte("django\n")},
			"manage.py":        {Data: []byte("import os\nfrom django.core.management import execute_from_command_line\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n")},
			"shop/settings.py": {Data: []byte("DATABASES = {'default': {'ENGINE': 'x'}}\nWSGI_APPLICATION = 'shop.wsgi.application'\n")},
			"shop/wsgi.py":     {Data: []byte("import os\nfrom django.core.wsgi import get_wsgi_application\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\napplication = get_wsgi_application()\n")},
		}, "import; python manage.py check --deploy --no-color; python manage.py showmigrations --plan --no-color"},
		"alembic": {fstest.MapFS{
			"requirements.txt": {Data: []byte("flask\nalembic\n")}, "app.py": {Data: []byte("from flask import Flask\napp = Flask(__name__)\n")},
			"alembic.ini": {Data: []byte("[alembic]\nscript_location = migrations\n")}, "migrations/env.py": {Data: []byte("")}, "migrations/versions/1.py": {Data: []byte("revision = '1'\ndown_revision = None\n")},
		}, "import; alembic history --rev-range current: --indicate-current"},
		"flask of before --app": {fstest.MapFS{
			"requirements.txt": {Data: []byte("flask==1.1.4\nflask-migrate==2.7.0\n")}, "app.py": {Data: []byte("from flask import Flask\napp = Flask(__name__)\n")},
			"migrations/env.py": {Data: []byte("")}, "migrations/alembic.ini": {Data: []byte("[alembic]\n")}, "migrations/versions/1.py": {Data: []byte("revision = '1'\ndown_revision = None\n")},
		}, "import; env FLASK_APP=app:app flask db history --rev-range current: --indicate-current"},
		"through a manager, with more before it": {fstest.MapFS{
			"requirements.txt": {Data: []byte("flask==3.1.2\nflask-migrate==4.1.0\n")}, "app.py": {Data: []byte("from flask import Flask\napp = Flask(__name__)\n")},
			"slipway.yaml": {Data: []byte("release_command: A=1 B='x y' python -m flask db upgrade\n")},
		}, "import; env A=1 B=x y flask db history --rev-range current: --indicate-current"},
	} {
		p, err := python.Detect(c.files, python.Options{Interpreters: []python.Interpreter{{Version: "3.12.1", Path: "/python"}}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, trial := range p.Trials {
			words := trial.Name
			if !trial.Answers {
				words = strings.Join(trial.Args, " ")
			}
			got = append(got, words)
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %s, problems %v", name, strings.Join(got, "; "), p.Problems)
		}
	}
}

// TestWhereTrialsRun: a service in a directory of the repository, and one whose
// manifests lie below that, are rehearsed where they are run.
func TestWhereTrialsRun(t *testing.T) {
	flask := map[string]string{"requirements.txt": "flask==3.1.2\ngunicorn==23.0.0\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n"}
	inSrc := map[string]string{"requirements.txt": flask["requirements.txt"], "src/app.py": flask["app.py"]}
	django := map[string]string{
		"requirements.txt": "django==5.2.8\ngunicorn==23.0.0\n", "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\nfrom django.core.management import execute_from_command_line\n",
		"shop/__init__.py": "", "shop/settings.py": "SECRET_KEY = 'x'\nROOT_URLCONF = 'shop.urls'\nWSGI_APPLICATION = 'shop.wsgi.application'\n",
		"shop/wsgi.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\nfrom django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
	}
	for _, c := range []struct {
		name, at, path string
		files          map[string]string
		root           slipway.SourcePath
		dirs           string
	}{
		{"at the root", "", "", flask, ".", "import=."},
		{"in a directory", "services/api", "services/api", flask, "services/api", "import=services/api"},
		{"below src of a directory", "services/api", "services/api", inSrc, "services/api", "import=services/api/src"},
		{"below the directory", "services/api/server", "services/api", flask, "services/api/server", "import=services/api/server"},
		{"django", "", "", django, ".", "import=. django check=."},
		{"django in a directory", "shop", "shop", django, "shop", "import=shop django check=shop"},
		{"django below the directory", "shop/server", "shop", django, "shop/server", "import=shop/server django check=shop/server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := fstest.MapFS{"README.md": &fstest.MapFile{}}
			for name, text := range c.files {
				files[path.Join(c.at, name)] = &fstest.MapFile{Data: []byte(text)}
			}
			p, err := python.Detect(files, python.Options{Path: c.path, Interpreters: []python.Interpreter{{Path: "/usr/bin/python3.13", Version: "3.13.1"}}})
			if err != nil {
				t.Fatal(err)
			}
			var dirs []string
			for _, trial := range p.Trials {
				dirs = append(dirs, trial.Name+"="+string(trial.Dir))
			}
			if p.Root != c.root || strings.Join(dirs, " ") != c.dirs {
				t.Errorf("root %s, trials %q, problems %+v", p.Root, dirs, p.Problems)
			}
		})
	}
}
