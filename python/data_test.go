package python_test

import (
	"strings"
	"testing"
)

// TestData: what a service writes inside its own tree, as people write it.
func TestData(t *testing.T) {
	const django = "from pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\nROOT_URLCONF = 'shop.urls'\n"
	flask := func(body string) map[string]string {
		return map[string]string{"requirements.txt": "flask==3.1.2\ngunicorn==23.0.0\n", "app.py": "import os, sqlite3\nfrom flask import Flask\napp = Flask(__name__)\n" + body}
	}
	settings := func(body string) map[string]string {
		return map[string]string{
			"requirements.txt": "django==5.2.8\ngunicorn==23.0.0\n", "shop/__init__.py": "", "shop/settings.py": django + body,
			"manage.py":    "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\nfrom django.core.management import execute_from_command_line\n",
			"shop/wsgi.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\nfrom django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
		}
	}
	also := func(files map[string]string, name, text string) map[string]string { files[name] = text; return files }
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // a directory ends with /
	}{
		{"startproject", settings("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'db.sqlite3'}}\n"), "db.sqlite3"},
		{"startproject of old", settings("import os\nBASE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.path.join(BASE_DIR, 'data', 'db.sqlite3')}}\n"), "data/db.sqlite3"},
		{"a plain name", settings("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'shop.db'}}\n"), "shop.db"},
		{"a name without an ending", settings("import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.path.join(BASE_DIR, os.environ.get('DATABASE_NAME', 'shopdata'))}, 'other': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'other'}}\n"), "shopdata"},
		{"a name that a variable alone says", settings("import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.environ['DATABASE_NAME']}}\n"), ""},
		{"in memory of Django", settings("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\n"), ""},
		{"django-environ", settings("import environ\nenv = environ.Env()\nDATABASES = {'default': env.db('DATABASE_URL', default='sqlite:///db.sqlite3')}\n"), "db.sqlite3"},
		{"dj-database-url", settings("import dj_database_url\nDATABASES = {'default': dj_database_url.config(default=f'sqlite:///{BASE_DIR}/var/db.sqlite3')}\n"), "var/db.sqlite3"},
		{"media", settings("MEDIA_ROOT = BASE_DIR / 'media'\n"), "media/"},
		{"a database in media", settings("MEDIA_ROOT = BASE_DIR / 'var'\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'var' / 'db.sqlite3'}}\n"), "var/"},
		{"postgres", settings("DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'shop'}}\n"), ""},
		{"settings in a package", also(also(settings(""), "shop/settings.py", ""), "shop/settings/base.py", "from pathlib import Path\nROOT = Path(__file__).resolve().parents[2]\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ROOT / 'db.sqlite3'}}\n"), "db.sqlite3"},
		{"sqlite3", flask("con = sqlite3.connect('notes.db')\n"), "notes.db"},
		{"sqlite3 beside the module", flask("con = sqlite3.connect(os.path.join(os.path.dirname(__file__), 'notes.db'))\n"), "notes.db"},
		{"in memory", flask("con = sqlite3.connect(':memory:')\n"), ""},
		{"elsewhere", flask("con = sqlite3.connect('/var/lib/notes.db')\nurl = 'sqlite:////var/lib/other.db'\n"), ""},
		{"a variable's default", flask("con = sqlite3.connect(os.environ.get('NOTES_DB', 'notes.db'))\n"), "notes.db"},
		{"the tutorial's instance", flask("app.config.from_mapping(DATABASE=os.path.join(app.instance_path, 'flaskr.sqlite'))\n"), "instance/"},
		{"Flask-SQLAlchemy", also(flask("app.config['SQLALCHEMY_DATABASE_URI'] = 'sqlite:///project.db'\n"), "requirements.txt", "flask==3.1.2\nflask-sqlalchemy==3.1.1\ngunicorn==23.0.0\n"), "instance/"},
		{"a URL made of parts", flask("basedir = os.path.abspath(os.path.dirname(__file__))\nURI = os.environ.get('DATABASE_URL') or 'sqlite:///' + os.path.join(basedir, 'app.db')\n"), "app.db"},
		{"a name of its own", flask("sqlite_file = 'database.db'\nurl = f'sqlite:///{sqlite_file}'\n"), "database.db"},
		{"async", flask("url = 'sqlite+aiosqlite:///./test.db'\n"), "test.db"},
		{"uploads", flask("app.config['UPLOAD_FOLDER'] = os.path.join('static', 'uploads')\nprint(app.config['UPLOAD_FOLDER'])\n"), "static/uploads/"},
		{"a list of names", flask("skipped = [os.sep + 'app.db', os.sep + 'app.log1', os.sep + 'gdrive.db']\ncon = sqlite3.connect('notes.db')\n"), "notes.db"},
		{"a tuple of names", flask("both = ('one.db', 'two.db')\n"), "one.db two.db"},
		{"below a file", flask("con = sqlite3.connect('notes.db')\nother = os.path.join('notes.db', 'old.db')\n"), "notes.db"},
		{"no name", flask("stem = name.removesuffix('.db')\nspot = re.sub('*/ ', '', name) + '.db'\nimport sqlite3 as tortoise\nengine = 'tortoise.backends.sqlite'\n"), ""},
		{"outside", flask("con = sqlite3.connect('../shared.db')\n"), ""},
		{"below /tmp", flask("con = sqlite3.connect('/tmp/notes.db')\nurl = 'sqlite:////tmp/shop/other.db?timeout=5'\nelse_ = 'sqlite:////tmp/{}.db'\n"), "/tmp/notes.db /tmp/shop/other.db"},
		{"below /var/tmp", flask("con = sqlite3.connect(os.environ.get('NOTES', '/var/tmp/notes.db'))\n"), "/tmp/notes.db"},
		{"uploads below /tmp", flask("app.config['UPLOAD_FOLDER'] = os.path.join('/tmp', 'uploads')\n"), "/tmp/uploads/"},
		{"Django's below /tmp", settings("import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.environ.get('DB', '/tmp/db.sqlite3')}}\n"), "/tmp/db.sqlite3"},
		{"stated below /tmp", also(flask(""), "slipway.yaml", "data: [/tmp/state/]\n"), "/tmp/state/"},
		{"a test's", also(flask(""), "tests/test_app.py", "import sqlite3\nsqlite3.connect('test.db')\n"), ""},
		{"stated", also(flask("con = sqlite3.connect('notes.db')\n"), "slipway.yaml", "data: [var/, state.json]\n"), "var/ state.json"},
		{"a variable that is stated", also(settings("import environ\nDATABASES = {'default': environ.Env().db()}\n"), "slipway.yaml", "env:\n  DATABASE_URL: sqlite:///db.sqlite3\n  OTHER_URL: sqlite://\n"), "db.sqlite3"},
		{"stated as none", also(flask("con = sqlite3.connect('notes.db')\n"), "slipway.yaml", "data: []\n"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := detected(t, c.files)
			var got []string
			for _, at := range p.Data {
				name := at.String()
				if at.Directory {
					name += "/"
				}
				got = append(got, name)
			}
			if strings.Join(got, " ") != c.want || len(p.Problems) > 0 {
				t.Errorf("%q, want %q; %+v", got, c.want, p.Problems)
			}
			warned := false
			for _, w := range p.Warnings {
				warned = warned || w.Code == "data.inside" && strings.Contains(w.Remedy, "slipway service set SERVICE --set 'data=["+strings.ReplaceAll(c.want, " ", ", ")+"]'")
			}
			if found := c.want != "" && !strings.HasPrefix(c.name, "stated"); warned != found {
				t.Errorf("warned: %t, want %t", warned, found)
			}
		})
	}
}
