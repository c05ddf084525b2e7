package e2e

import (
	"strings"
	"testing"
)

// TestPagesAsPeopleMeetThem: what answers, and is of no use to anybody who opens
// it, is not said to have succeeded without a word.
func TestPagesAsPeopleMeetThem(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	// Each of them answers every request, and its health check, by a redirect.
	for name, files := range map[string]map[string]string{
		"django": djangoProject(map[string]string{"SECURE_SSL_REDIRECT": "True"}),
		"flask": {"requirements.txt": "flask==3.1.2\nflask-talisman==1.1.0\n",
			"app.py": "from flask import Flask\nfrom flask_talisman import Talisman\n\napp = Flask(__name__)\nTalisman(app)\n\n@app.get('/')\ndef index():\n    return 'hello'\n"},
		"starlette": {"requirements.txt": "starlette==0.49.1\nuvicorn==0.38.0\n",
			"app.py": "from starlette.applications import Starlette\nfrom starlette.middleware import Middleware\nfrom starlette.middleware.httpsredirect import HTTPSRedirectMiddleware\n\napp = Starlette(middleware=[Middleware(HTTPSRedirectMiddleware)])\n"},
	} {
		s.must("service", "add", newRepository(t, files).url(), "--name", name)
		r := s.run("promote", name, "--follow")
		if r.code != 3 || !strings.Contains(r.out+r.err, "a redirect to https://"+name+".dev.localhost, and the edge serves http only here") {
			t.Errorf("%s: %d\n%s%s", name, r.code, r.out, r.err)
		}
	}
	// One of the page's two files is there.
	repo := newRepository(t, map[string]string{"requirements.txt": "flask==3.1.2\n", "static/there.css": "a{}\n", "templates/index.html": `<!doctype html>
<link rel="stylesheet" href="{{ url_for('static', filename='there.css') }}"><script src="{{ url_for('static', filename='build/app.js') }}"></script>
`, "app.py": "from flask import Flask, render_template\n\napp = Flask(__name__)\n\n@app.get('/')\ndef index():\n    return render_template('index.html')\n"})
	s.must("service", "add", repo.url(), "--name", "shop")
	const lacks = "the page / asks for a file of its own that does not come: /static/build/app.js (404)"
	if out := s.must("promote", "shop", "--follow"); !strings.Contains(out, lacks) {
		t.Errorf("what the page lacks isn't said:\n%s", out)
	}
	s.must("service", "set", "shop", "--set", "pages=refuse")
	repo.commit("Refuse", map[string]string{"README.md": "# Shop\n"})
	if r := s.run("promote", "shop", "--follow"); r.code != 3 || !strings.Contains(r.out+r.err, lacks) {
		t.Errorf("%d\n%s%s", r.code, r.out, r.err)
	}
}

// djangoProject is what django-admin startproject makes, with other settings.
func djangoProject(settings map[string]string) map[string]string {
	text := `from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "django-insecure-of-a-test"
DEBUG = True
ALLOWED_HOSTS = []
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "mysite.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
WSGI_APPLICATION = "mysite.wsgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
USE_TZ = True
STATIC_URL = "static/"
`
	for name, value := range settings {
		text += name + " = " + value + "\n"
	}
	return map[string]string{
		"requirements.txt":   "django==5.2.8\n",
		"manage.py":          "import os\nimport sys\n\nif __name__ == '__main__':\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n    from django.core.management import execute_from_command_line\n\n    execute_from_command_line(sys.argv)\n",
		"mysite/__init__.py": "# The project.\n",
		"mysite/settings.py": text,
		"mysite/urls.py":     "from django.contrib import admin\nfrom django.urls import path\n\nurlpatterns = [path('admin/', admin.site.urls)]\n",
		"mysite/wsgi.py":     "import os\n\nfrom django.core.wsgi import get_wsgi_application\n\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\napplication = get_wsgi_application()\n",
	}
}
