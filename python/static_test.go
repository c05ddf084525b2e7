package python

import (
	"reflect"
	"testing"
	"testing/fstest"
)

// TestStatic: a Django project's static files are collected however its server is
// stated, and not where its owners keep that to themselves.
func TestStatic(t *testing.T) {
	project := map[string]string{
		"requirements.txt": "django==5.1\ngunicorn==23.0.0\nwhitenoise==6.8.2\n", "Procfile": "web: gunicorn shop.wsgi\n",
		"manage.py":        "import os\nfrom django.core.management import execute_from_command_line\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
		"shop/__init__.py": "", "shop/settings.py": "STATIC_URL = 'static/'\n", "shop/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
	}
	plain := Static{Settings: "shop.settings", Dir: "."}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  *Static
	}{
		{"a stated web", nil, &plain},
		{"an inferred web", map[string]string{"Procfile": "worker: python manage.py work\n"}, &plain},
		{"the application wraps itself", map[string]string{"shop/wsgi.py": "from django.core.wsgi import get_wsgi_application\nfrom whitenoise import WhiteNoise\napplication = WhiteNoise(get_wsgi_application())\n"}, &Static{Settings: "shop.settings", Dir: ".", Serves: true}},
		{"a build command collects", map[string]string{"slipway.yaml": "build:\n  commands: [python manage.py collectstatic --no-input -i docs]\n"}, &Static{Settings: "shop.settings", Dir: ".", Collected: true}},
		{"the owners want it so", map[string]string{"slipway.yaml": "static_files: application\n"}, nil},
		{"no web", map[string]string{"Procfile": "worker: python manage.py work\n", "shop/wsgi.py": ""}, nil},
		{"no Django", map[string]string{"manage.py": "print(1)\n", "shop/wsgi.py": "from flask import Flask\napplication = Flask(__name__)\n", "requirements.txt": "flask\ngunicorn\n"}, nil},
	} {
		tree := fstest.MapFS{}
		for _, files := range []map[string]string{project, c.files} {
			for name, text := range files {
				if delete(tree, name); text != "" || files["requirements.txt"] != "" {
					tree[name] = &fstest.MapFile{Data: []byte(text)}
				}
			}
		}
		p, err := Detect(tree, Options{Interpreters: defaultInterpreters()})
		if err != nil || !reflect.DeepEqual(p.Static, c.want) {
			t.Errorf("%s: %+v, want %+v (%v)", c.name, p.Static, c.want, err)
		}
		if _, args, ok := p.CollectStatic("/src", "/src/x", "/answer"); ok != (c.want != nil) || ok && (args[1] != "/src" || args[6] != "/answer") {
			t.Errorf("%s: %v %t", c.name, args, ok)
		}
	}
}

func TestStaticPaths(t *testing.T) {
	for url, want := range map[string]bool{"/static/": true, "/a/b/": true, "/": false, "//": false, "/static": false, "static/": false, "/a//b/": false, "/a/../": false, "": false, "https://x/": false} {
		if StaticPath(url) != want {
			t.Errorf("%q", url)
		}
	}
}
