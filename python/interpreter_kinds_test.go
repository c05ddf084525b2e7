package python

import (
	"strings"
	"testing"
)

// TestInterpreterThatThePinsCanUse: nothing states a version, and the newest
// is not what the project was written for.
func TestInterpreterThatThePinsCanUse(t *testing.T) {
	const app = "-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"
	only313 := []Interpreter{{Version: "3.13.0", Path: "/p/3.13"}}
	checkKinds(t, []kind{
		{name: "pins of the day", python: "3.13.0", nothing: true, withoutWarning: "python.", files: "-- requirements.txt --\nflask==3.0.3\nnumpy==2.1.0\n" + app},
		{name: "no wheel for 3.13", python: "3.12.1", nothing: true, finding: "python.pins 3.12.1", files: "-- requirements.txt --\nflask==3.0.3\nnumpy==1.26.4\n" + app},
		{name: "the strictest pin decides", python: "3.11.7", files: "-- requirements.txt --\nflask==3.0.3\nnumpy==1.26.4\npandas==1.5.3\n" + app},
		{name: "older than anything alive", python: "3.10.13", nothing: true, warning: "python.end_of_life", files: "-- requirements.txt --\nflask==2.0.3\nnumpy==1.21.6\n" + app},
		{name: "nothing here will do", python: "3.13.0", warning: "python.too_new", remedy: "have Python 3.10 installed", interpreters: only313, files: "-- requirements.txt --\nflask==2.0.3\nnumpy==1.21.6\n" + app},
		{name: "Django that imports distutils", python: "3.11.7", files: "-- requirements.txt --\ndjango==2.2.28\n-- app.py --\nimport django\n"},
		{name: "a module that is gone", python: "3.11.7", finding: "python.pins 3.11.7", files: "-- requirements.txt --\nflask==3.0.3\n-- old.py --\nimport imp\n" + app},
		{name: "a module that is gone since 3.13", python: "3.12.1", files: "-- requirements.txt --\nflask==3.0.3\n-- old.py --\nimport cgi, os\n" + app},
		{name: "a module that came back", python: "3.13.0", files: "-- requirements.txt --\nflask==3.0.3\nlegacy-cgi==2.6\n-- old.py --\nimport cgi\n" + app},
		{name: "a module that may be missed", python: "3.13.0", files: "-- requirements.txt --\nflask==3.0.3\n-- old.py --\ntry:\n    import cgi\nexcept ImportError:\n    cgi = None\n" + app},
		{name: "a stated version is followed, with a warning", python: "3.13.0", warning: "python.too_new", nothing: true, files: "-- .python-version --\n3.13\n-- requirements.txt --\nflask==3.0.3\nnumpy==1.26.4\n" + app},
		{name: "within a range", python: "3.12.1", finding: "python.range.pins 3.12.1", files: "-- pyproject.toml --\n[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"flask==3.0.3\", \"numpy==1.26.4\"]\n" + app},
	})
}

func TestVersionsAsPeopleWriteThem(t *testing.T) {
	const app = "-- requirements.txt --\nflask==3.0.3\n-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"
	const pipfile = "-- Pipfile.lock --\n{\"_meta\": {}, \"default\": {}, \"develop\": {}}\n-- app.py --\nx = 1\n"
	checkKinds(t, []kind{
		{name: "any patch", python: "3.12.1", nothing: true, files: "-- .python-version --\n3.12.x\n" + app},
		{name: "any patch with a star", python: "3.12.1", nothing: true, files: "-- runtime.txt --\npython-3.12.*\n" + app},
		{name: "a range", python: "3.12.1", nothing: true, files: "-- .python-version --\n>=3.11,<3.13\n" + app},
		{name: "past its end of life", python: "3.9.18", nothing: true, warning: "python.end_of_life", files: "-- .python-version --\n3.9\n" + app},
		{name: "past its end of life, strictly", problem: "python.end_of_life", files: "-- slipway.yaml --\nstrict: true\n-- .python-version --\n3.9\n" + app},
		{name: "a patch that is not here", problem: "python.not_installed", remedy: "have Python 3.13.3 installed",
			files: "-- .python-version --\n3.13.3\n-- pyproject.toml --\n[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.13.2\"\ndependencies = [\"flask\"]\n-- app.py --\nx = 1\n"},
		{name: "a Pipfile that disagrees", problem: "python.conflict", remedy: "Pipfile", files: "-- .python-version --\n3.12\n-- Pipfile --\n[requires]\npython_version = \"3.11\"\n" + pipfile},
		{name: "a Pipfile's range", python: "3.12.1", files: "-- Pipfile --\n[requires]\npython_version = \">=3.9,<3.13\"\n" + pipfile},
		{name: "a Pipfile's nonsense", problem: "python.unreadable", files: "-- Pipfile --\n[requires]\npython_version = \"newest\"\n" + pipfile},
	})
}

// What isn't installed is mended without a commit where something else that is will do.
func TestAnotherInstalledPythonIsNamed(t *testing.T) {
	project := func(pyproject string) string {
		return "-- .python-version --\n3.14\n-- pyproject.toml --\n[project]\nname = \"shop\"\nversion = \"1\"\n" + pyproject + "-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"
	}
	checkKinds(t, []kind{
		{name: "one that will do", files: project("requires-python = \">=3.11\"\n"), problem: "python.not_installed", remedy: "--set python=3.13; or have Python 3.14 installed"},
		{name: "none", files: project("requires-python = \">=3.14\"\n"), problem: "python.not_installed", remedy: "have Python 3.14 installed, which slipway up --fetch-python does"},
	})
	for _, p := range detectKind(t, kind{files: project("requires-python = \">=3.14\"\n")}).Problems {
		if strings.Contains(p.Remedy, "--set python") {
			t.Errorf("a Python is named that the project refuses: %s", p.Remedy)
		}
	}
}
