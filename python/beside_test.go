package python

import (
	"strings"
	"testing"
)

// TestImportsOfWhatLiesBeside: in a package, Python 3 doesn't look beside a file.
func TestImportsOfWhatLiesBeside(t *testing.T) {
	t.Parallel()
	const old = "-- requirements.txt --\nflask==3.0.0\ngunicorn==23.0.0\n-- app.py --\nfrom flask import Flask\nimport shop\napp = Flask(__name__)\n-- shop/auth.py --\n"
	checkKinds(t, []kind{
		{name: "beside it", problem: "python.two_import", remedy: `write "from . import auth" there`, files: old + "-- shop/__init__.py --\nimport auth\n"},
		{name: "as Python 3 wants it", nothing: true, files: old + "-- shop/__init__.py --\nfrom . import auth\n"},
		{name: "found at the top as well", nothing: true, files: old + "-- shop/__init__.py --\nimport auth\n-- auth.py --\n"},
		{name: "Python's own", nothing: true, files: old + "-- shop/__init__.py --\nimport email\n-- shop/email.py --\n"},
		{name: "an installed one", nothing: true, files: old + "-- shop/__init__.py --\nimport flask\n-- shop/flask.py --\n"},
		{name: "where the path is changed", nothing: true, files: old + "-- shop/__init__.py --\nimport os, sys\nsys.path.insert(0, os.path.dirname(__file__))\nimport auth\n"},
		{name: "where it may be missed", nothing: true, files: old + "-- shop/__init__.py --\ntry:\n    import auth\nexcept ImportError:\n    from . import auth\n"},
	})
	p := &Project{Python: Python{Version: "3.12.1"}, Application: &Application{Module: "fastapi.app", Object: "app", Dir: "."}}
	if problem := p.Judge(ImportResult{ErrorType: "ModuleNotFoundError", Error: "No module named 'fastapi.app'"}); problem == nil || !strings.Contains(problem.Remedy, "the project's own") {
		t.Errorf("a module of the project that an installed package hides: %+v", problem)
	}
	if problem := p.Judge(ImportResult{ErrorType: "ModuleNotFoundError", Error: "No module named 'six'"}); problem == nil || strings.Contains(problem.Remedy, "the project's own") {
		t.Errorf("a package that is missing: %+v", problem)
	}
}
