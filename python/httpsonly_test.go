package python

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestRedirectsToHTTPS: the line that sends everybody where the edge isn't, and the
// variable by which it is switched off.
func TestRedirectsToHTTPS(t *testing.T) {
	django := func(settings string) map[string]string {
		return map[string]string{"requirements.txt": "django==5.1\n", "shop/__init__.py": "", "shop/settings.py": "import os\n" + settings, "shop/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
			"manage.py": "import os\nfrom django.core.management import execute_from_command_line\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"}
	}
	flask := func(line string) map[string]string {
		return map[string]string{"requirements.txt": "flask\nflask-talisman\n", "app.py": "from flask import Flask\nfrom flask_talisman import Talisman\napp = Flask(__name__)\n" + line + "\n"}
	}
	starlette := func(code string) map[string]string {
		return map[string]string{"requirements.txt": "fastapi\nuvicorn\n", "app.py": "from fastapi import FastAPI\nfrom starlette.middleware import Middleware\nfrom starlette.middleware.httpsredirect import HTTPSRedirectMiddleware\n" + code}
	}
	for name, c := range map[string]struct {
		files map[string]string
		line  int // 0: nothing is said
		says  string
	}{
		"always":               {django("SECURE_SSL_REDIRECT = True\n"), 2, "let it come from a variable"},
		"unless a variable":    {django("SECURE_SSL_REDIRECT = env.bool('SSL_REDIRECT', default=True)\n"), 2, "SERVICE --env ENVIRONMENT SSL_REDIRECT=False"},
		"by os.environ":        {django("SECURE_SSL_REDIRECT = os.environ.get('SSL', 'true') == 'true'\n"), 2, "SSL=False"},
		"never":                {django("SECURE_SSL_REDIRECT = False\n"), 0, ""},
		"when a variable says": {django("SECURE_SSL_REDIRECT = env.bool('SSL_REDIRECT', default=False)\n"), 0, ""},
		"not at all":           {django(""), 0, ""},
		"Talisman":             {flask("Talisman(app, content_security_policy=None)"), 4, "force_https"},
		"Talisman without":     {flask("Talisman(app, force_https=False)"), 0, ""},
		"Talisman imported":    {flask(""), 0, ""},
		"add_middleware":       {starlette("app = FastAPI()\napp.add_middleware(HTTPSRedirectMiddleware)\n"), 5, "leave it out"},
		"a list":               {starlette("app = FastAPI(middleware=[Middleware(HTTPSRedirectMiddleware)])\n"), 4, "leave it out"},
		"imported":             {starlette("app = FastAPI()\n"), 0, ""},
	} {
		tree := fstest.MapFS{}
		for file, text := range c.files {
			tree[file] = &fstest.MapFile{Data: []byte(text)}
		}
		p, err := Detect(tree, Options{Interpreters: defaultInterpreters()})
		if err != nil {
			t.Fatal(err)
		}
		line, remedy := 0, ""
		for _, w := range p.Warnings {
			if w.Code == "https.redirect" {
				line, remedy = w.Line, w.Remedy
			}
		}
		if line != c.line || !strings.Contains(remedy, c.says) {
			t.Errorf("%s: line %d, %q", name, line, remedy)
		}
	}
}
