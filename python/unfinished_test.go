package python_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/python"
)

// TestObjectsWithoutRoutes: an object that gets its routes in a program which starts its
// own server is not served without them: the program is started.
func TestObjectsWithoutRoutes(t *testing.T) {
	base := map[string]string{
		"requirements.txt":  "flask==3.1.2\ntornado==6.5.2\n",
		"library/pages.py":  "from flask import Blueprint\npages = Blueprint('pages', __name__)\n\n\n@pages.route('/')\ndef home():\n    return 'books'\n",
		"library/server.py": "from library import other\nfrom tornado.httpserver import HTTPServer\nfrom tornado.wsgi import WSGIContainer\nfrom tornado.ioloop import IOLoop\n\n\nclass Server:\n    port = 8083\n\n    def start(self, app):\n        http = HTTPServer(WSGIContainer(app))\n        http.listen(self.port)\n        IOLoop.instance().start()\n",
		"library/main.py":   "from . import app\nfrom .server import Server\n\n\ndef main():\n    from .pages import pages\n    app.register_blueprint(pages)\n    Server().start(app)\n",
		"run.py":            "from library.main import main\n\nif __name__ == '__main__':\n    main()\n",
	}
	const object = "from flask import Flask\napp = Flask(__name__)\n"
	for _, c := range []struct {
		name, init string
		more       map[string]string
		want       string // of the command for web
	}{
		{"its program has them", object, nil, `runpy.run_path("run.py"`},
		{"its program has the package's name", object, map[string]string{"run.py": "", "library.py": base["run.py"]}, `runpy.run_path("library.py"`},
		{"it has one itself", object + "\n\n@app.get('/')\ndef home():\n    return 'books'\n", nil, "gunicorn library:app"},
		{"it gets them where it is made", object + "from .pages import pages\napp.register_blueprint(pages)\n", nil, "gunicorn library:app"},
		{"two programs", object, map[string]string{"other.py": base["run.py"]}, "gunicorn library:app"},
		{"it takes its port", object, map[string]string{"run.py": "import os\n" + base["run.py"] + "    print(os.environ['PORT'])\n"}, "python run.py"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := fstest.MapFS{"library/__init__.py": {Data: []byte(c.init)}}
			for _, set := range []map[string]string{base, c.more} {
				for name, text := range set {
					files[name] = &fstest.MapFile{Data: []byte(text)}
				}
			}
			p, err := python.Detect(files, python.Options{Interpreters: []python.Interpreter{{Path: "/usr/bin/python3.13", Version: "3.13.1"}}})
			if err != nil {
				t.Fatal(err)
			}
			if got := string(p.Processes["web"]); !strings.Contains(got, c.want) || len(p.Problems) > 0 {
				t.Errorf("%s, want %s; %+v", got, c.want, p.Problems)
			}
		})
	}
}
