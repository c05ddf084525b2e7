package python

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestPythonThatTheIndexSpeaksFor: what an index tells of pins decides where the
// project leaves the choice open, and nowhere else.
func TestPythonThatTheIndexSpeaksFor(t *testing.T) {
	at := func(text string) time.Time {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return day
	}
	pure := []string{"x-1-py3-none-any.whl"}
	older := func(name, day string) PinFacts {
		return PinFacts{Pin: Pin{name, "1.0"}, Wheels: pure, Uploaded: at(day), Superseded: true}
	}
	for _, c := range []struct {
		name, python, finding, warning string
		pins                           []PinFacts
		files                          map[string]string
	}{
		{name: "nothing against the newest", python: "3.13.0", pins: []PinFacts{{Pin: Pin{"a", "1.0"}, Wheels: pure, Uploaded: at("2024-09-01"), Superseded: true}}},
		{name: "no wheel for newer ones", python: "3.11.7", finding: "no wheel for Python 3.12", pins: []PinFacts{{Pin: Pin{"a", "1.0"}, Wheels: []string{"a-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", "a-1.0-cp310-cp310-manylinux_2_17_x86_64.whl"}}}},
		{name: "an abi for all that follow", python: "3.13.0", pins: []PinFacts{{Pin: Pin{"a", "1.0"}, Wheels: []string{"a-1.0-cp37-abi3-manylinux_2_17_x86_64.whl"}}}},
		{name: "it requires an older one", python: "3.10.13", finding: "a 1.0 requires Python >=3.7,<3.11", warning: "python.end_of_life", pins: []PinFacts{{Pin: Pin{"a", "1.0"}, RequiresPython: ">=3.7,<3.11", Wheels: pure}}},
		{name: "it requires a newer one than its wheels' age", python: "3.12.1", pins: []PinFacts{{Pin: Pin{"a", "1.0"}, RequiresPython: ">=3.12", Wheels: pure}, {Pin: Pin{"b", "1.0"}, Wheels: []string{"b-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"}}}, warning: "python.too_new"},
		{name: "pins of their day", python: "3.9.18", finding: "is of March 2021", warning: "python.end_of_life", pins: []PinFacts{older("a", "2020-11-01"), older("b", "2021-03-01")}},
		{name: "shortly before a Python", python: "3.11.7", pins: []PinFacts{older("a", "2022-09-01")}},
		{name: "what nothing came after has no age", python: "3.13.0", pins: []PinFacts{{Pin: Pin{"a", "1.0"}, Wheels: pure, Uploaded: at("2019-01-01")}}},
		{name: "a compiled pin proves a newer one", python: "3.12.1", pins: []PinFacts{older("a", "2021-03-01"), {Pin: Pin{"b", "1.0"}, Wheels: []string{"b-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"}, Uploaded: at("2021-02-01"), Superseded: true}}},
		{name: "a range is open, too", python: "3.11.7", finding: "no wheel for Python 3.12", pins: []PinFacts{{Pin: Pin{"a", "1.0"}, Wheels: []string{"a-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"}}},
			files: map[string]string{"setup.cfg": "[options]\npython_requires = >=3.9\n"}},
		{name: "what is stated is followed", python: "3.13.0", pins: []PinFacts{older("a", "2020-11-01")}, warning: "python.too_new", files: map[string]string{".python-version": "3.13\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := fstest.MapFS{"requirements.txt": {Data: []byte("a==1.0\nb==1.0\n")}, "app.py": {Data: []byte("def app(environ, start_response):\n    return []\n")}}
			for name, text := range c.files {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			p, err := Detect(tree, Options{Interpreters: defaultInterpreters(), Today: at("2026-11-29"), Pins: c.pins})
			if err != nil {
				t.Fatal(err)
			}
			if asked := len(p.AskedPins()); asked != 2 && c.files[".python-version"] == "" || asked > 0 && c.files[".python-version"] != "" {
				t.Errorf("%d pins are asked for", asked)
			}
			said := ""
			for _, f := range p.Findings {
				if f.What == "python" {
					said = strings.Join(f.Rivals, "; ")
				}
			}
			if p.Python.Version != c.python || !strings.Contains(said, c.finding) || len(p.Problems) > 0 {
				t.Errorf("python is %s (%s), want %s (%s); problems %v", p.Python.Version, said, c.python, c.finding, p.Problems)
			}
			warned := c.warning == ""
			for _, w := range p.Warnings {
				warned = warned || w.Code == c.warning
			}
			if !warned {
				t.Errorf("no %s in %v", c.warning, p.Warnings)
			}
		})
	}
}

func TestWhatAnOlderPythonStillHas(t *testing.T) {
	for output, want := range map[string]int{
		"ModuleNotFoundError: No module named 'distutils'":                                                    11,
		"ModuleNotFoundError: No module named 'imp'":                                                          11,
		"ModuleNotFoundError: No module named 'cgi'":                                                          12,
		"ImportError: cannot import name 'Mapping' from 'collections' (/usr/lib/python3.13/x.py)":             9,
		`TypeError: required field "type_ignores" missing from Module`:                                        7,
		"AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: 'zipimporter'?":       11,
		"AttributeError: module 'inspect' has no attribute 'getargspec'":                                      10,
		"src/x.c:12:10: fatal error: longintrepr.h: No such file or directory":                                10,
		"error: too few arguments to function ‘_PyLong_AsByteArray’":                                          12,
		"ValueError: 'not' is not a valid parameter name":                                                     10,
		"AttributeError: module 'time' has no attribute 'clock'":                                              7,
		"ImportError: cannot import name 'escape' from 'cgi' (/usr/lib/python3.12/cgi.py)":                    7,
		"AttributeError: module 'platform' has no attribute 'dist'":                                           7,
		"AttributeError: module 'base64' has no attribute 'encodestring'":                                     8,
		"AttributeError: type object '_asyncio.Task' has no attribute 'current_task'":                         8,
		"TypeError: As of 3.10, the *loop* parameter was removed from Lock() since it is no longer necessary": 9,
		"TypeError: Lock.__init__() got an unexpected keyword argument 'loop'":                                9,
		"TypeError: translation() got an unexpected keyword argument 'codeset'":                               10,
		"AttributeError: module 'ssl' has no attribute 'wrap_socket'":                                         11,
		"TypeError: ForwardRef._evaluate() missing 1 required keyword-only argument: 'recursive_guard'":       11,
		"AssertionError: Class <class 'sqlalchemy.sql.elements.SQLCoreOperations'> directly inherits TypingOnly but has additional attributes {'__firstlineno__', '__static_attributes__'}.": 12,
		"ModuleNotFoundError: No module named 'numpy'":                                                      13,
		"ModuleNotFoundError: No module named 'cgi'\nModuleNotFoundError: No module named 'distutils.core'": 11,
	} {
		newest, why, ok := Outgrown(output, 13)
		if newest != want || ok != (want < 13) || ok && why == "" {
			t.Errorf("%s: 3.%d %q %v, want 3.%d", output, newest, why, ok, want)
		}
	}
	if _, _, ok := Outgrown("No module named 'distutils'", 11); ok {
		t.Error("a Python that has distutils is found too new")
	}
	p := &Project{Python: Python{Version: "3.13.0"}}
	if says := p.NeedsOlder("No module named 'imp'", defaultInterpreters()); !strings.HasPrefix(says, "this needs Python 3.11 or older: ") || !strings.HasSuffix(says, "put 3.11 in .python-version") {
		t.Error(says)
	}
	if problem := (&Project{Python: Python{Version: "3.13.0"}, Application: &Application{Module: "app", Object: "app"}}).Judge(ImportResult{ErrorType: "ModuleNotFoundError", Error: "No module named 'imp'"}); problem == nil ||
		problem.Code != "python.too_new" || !strings.HasPrefix(problem.Message, "this needs Python 3.11 or older") {
		t.Errorf("the import: %+v", problem)
	}
}

func TestSetuptoolsThatOldPinsNeed(t *testing.T) {
	const app = "-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"
	for name, c := range map[string]struct {
		files string
		want  bool
	}{
		"an old gunicorn":        {"-- requirements.txt --\nflask==3.0.3\ngunicorn==20.0.4\n" + app, true},
		"a newer gunicorn":       {"-- requirements.txt --\nflask==3.0.3\ngunicorn==23.0.0\n" + app, false},
		"one that is stated":     {"-- requirements.txt --\nflask==3.0.3\ngunicorn==20.0.4\nsetuptools==60.0.0\n" + app, false},
		"a locked dash":          {"-- Pipfile --\n[packages]\ndash = \"*\"\n-- Pipfile.lock --\n{\"_meta\": {}, \"default\": {\"dash\": {\"version\": \"==2.3.1\"}}, \"develop\": {}}\n" + app, true},
		"a locked setuptools":    {"-- Pipfile --\n[packages]\ndash = \"*\"\n-- Pipfile.lock --\n{\"_meta\": {}, \"default\": {\"dash\": {\"version\": \"==2.3.1\"}, \"setuptools\": {\"version\": \"==80.0.0\"}}, \"develop\": {}}\n" + app, false},
		"the service's own code": {"-- requirements.txt --\nflask==3.0.3\n-- app.py --\nimport pkg_resources\nfrom flask import Flask\n\napp = Flask(__name__)\n", true},
	} {
		p := detectKind(t, kind{files: c.files})
		if got := slices.Contains(p.Install.Packages, oldSetuptools); got != c.want {
			t.Errorf("%s: %v; %v", name, got, p.Install.Packages)
		}
	}
}

// TestImportsOfPins: what is known of a pin's imports counts beside what the index says
// of its wheels.
func TestImportsOfPins(t *testing.T) {
	old := time.Date(2016, 12, 1, 0, 0, 0, 0, time.UTC)
	pins := []PinFacts{{Pin: Pin{"django", "1.10.5"}, Wheels: []string{"x-1-py3-none-any.whl"}, Uploaded: old, Superseded: true}}
	have := append(defaultInterpreters(), Interpreter{Version: "3.8.18", Path: "/3.8"}, Interpreter{Version: "3.7.16", Path: "/3.7"}, Interpreter{Version: "3.6.15", Path: "/3.6"})
	for version, want := range map[string]string{"1.10.5": "3.7.16", "1.11.10": "3.6.15", "1.11.29": "3.8.18"} {
		tree := fstest.MapFS{"requirements.txt": {Data: []byte("django==" + version + "\n")}, "app.py": {Data: []byte("def app(environ, start_response):\n    return []\n")}}
		p, err := Detect(tree, Options{Interpreters: have, Today: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC), Pins: pins})
		if err != nil || p.Python.Version != want {
			t.Errorf("django %s: %v Python %s, want %s", version, err, p.Python.Version, want)
		}
	}
}
