package python

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestStatements(t *testing.T) {
	src := "import os; x = 'a' 'b'\n" +
		"y = (\n  1,  # one\n  'two'\n)\n" +
		"z = '''three\nlines''' + \\\n  r'\\d'\n" +
		"if x:\n\tw = f'{x}'\n" +
		"v = 'unclosed\nu = 1\n"
	all := statements(src)
	var lines []int
	for _, s := range all {
		lines = append(lines, s.line)
	}
	want := []int{1, 1, 2, 6, 9, 10, 11, 12}
	if len(lines) != len(want) {
		t.Fatalf("lines %v, want %v", lines, want)
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Fatalf("lines %v, want %v", lines, want)
		}
	}
	if s := all[3].tokens[2]; s.text != "three\nlines" || !s.plain {
		t.Errorf("triple-quoted string: %+v", s)
	}
	if s := all[3].tokens[4]; s.text != `\d` {
		t.Errorf("raw string: %+v", s)
	}
	if all[5].indent != 8 || all[5].tokens[2].plain {
		t.Errorf("indented f-string: %+v", all[5])
	}
	if all[7].tokens[0].text != "u" {
		t.Errorf("an unclosed string ends with its line: %+v", all[7])
	}
}

func TestModule(t *testing.T) {
	m := parseModule(strings.Join([]string{
		"from flask import (Flask as F, request)", "import a.b as c, d.e", "from . import db", "from ..x import y",
		"try:", "    app = F(__name__)", "except E:", "    pass",
		"def create_app(a, b=1): return a", "async def later(*, x=1, **k):", "    inner = F()",
		"class C:", "    attr = F()", "one = two = F()", "if __name__ == '__main__':", "    guarded = F()", "NAME: str = 'text'",
	}, "\n"))
	for local, full := range map[string]string{"F": "flask.Flask", "request": "flask.request", "c": "a.b", "d": "d", "db": ".db", "y": "..x.y"} {
		if m.imports[local] != full {
			t.Errorf("%s is %q, want %q", local, m.imports[local], full)
		}
	}
	var names []string
	for _, a := range m.assigns {
		names = append(names, a.name)
	}
	if got := strings.Join(names, " "); got != "app one two NAME" {
		t.Errorf("assigned: %s", got)
	}
	if f, ok := m.def("create_app"); !ok || f.optional {
		t.Errorf("create_app(a, b=1) needs an argument: %+v", f)
	}
	if f, ok := m.def("later"); !ok || !f.optional || !f.async {
		t.Errorf("later(*, x=1, **k) needs none: %+v", f)
	}
	if m.guard != 15 || m.strings["NAME"] != "text" {
		t.Errorf("guard %d, NAME %q", m.guard, m.strings["NAME"])
	}
}

// FuzzSource feeds any text as Python source and slipway.yaml: detection ends
// without a panic.
func FuzzSource(f *testing.F) {
	for _, seed := range []string{
		"from flask import Flask\napp = Flask(__name__)\n@app.route('/health')\ndef a(): pass\n", "x = (((", "'''", "app = app = app.app", "from . import *\nfrom ... import a",
		"def create_app(: return create_app()\napp = create_app()", "@", "import", "path('', include('main'))", "name: a\nprocesses: {web: b}", "a: &a [*a]", "<<: {}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parseModule(text)
		file := &fstest.MapFile{Data: []byte(text)}
		for _, name := range []string{"slipway.yaml", "Procfile", "render.yaml", "Dockerfile"} {
			tree := fstest.MapFS{"main.py": file, "manage.py": file, "shop/__init__.py": file, "shop/urls.py": file, "shop/settings.py": file, ".flaskenv": file, name: file,
				"requirements.txt": {Data: []byte("flask==3.0.3\nflask-migrate==4\n")}}
			if _, err := Detect(tree, Options{Interpreters: defaultInterpreters()}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
