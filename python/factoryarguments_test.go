package python_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/python"
)

// TestFactoriesWithArguments: a factory that wants a name of a configuration is found, with
// the whole command; stated, it is called with what it wants.
func TestFactoriesWithArguments(t *testing.T) {
	files := fstest.MapFS{
		"requirements.txt": {Data: []byte("flask==3.1.2\n")},
		"shop/__init__.py": {Data: []byte("from flask import Flask\nfrom .config import config\n\n\ndef create_app(config_name):\n    return Flask(__name__)\n")},
		"shop/config.py":   {Data: []byte("class Base: pass\nconfig = {'development': Base, 'production': Base, 'default': Base}\n")},
	}
	detect := func() *python.Project {
		p, err := python.Detect(files, python.Options{Interpreters: []python.Interpreter{{Path: "/usr/bin/python3.13", Version: "3.13.1"}}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const call = `'shop:create_app("production")'`
	if p := detect(); len(p.Problems) != 1 || p.Problems[0].Code != "app.arguments" || p.Problems[0].Line != 5 || !strings.Contains(p.Problems[0].Remedy, call) {
		t.Errorf("%+v", p.Problems)
	}
	files["Procfile"] = &fstest.MapFile{Data: []byte("web: gunicorn " + call + " --bind $HOST:$PORT\n")}
	if p := detect(); len(p.Problems) > 0 || p.Application == nil || p.Application.Arguments != `"production"` {
		t.Errorf("%+v %+v", p.Application, p.Problems)
	}
	files["shop/other.py"] = &fstest.MapFile{Data: []byte("from flask import Flask\ndef make_app(name):\n    return Flask(name)\n")}
	delete(files, "Procfile")
	if p := detect(); len(p.Problems) != 1 || p.Problems[0].Code != "web.none" {
		t.Errorf("of two: %+v", p.Problems)
	}
}
