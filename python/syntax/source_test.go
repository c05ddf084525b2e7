package syntax

import (
	"strings"
	"testing"
)

func TestStatements(t *testing.T) {
	src := "import os; x = 'a' 'b'\n" +
		"y = (\n  1,  # one\n  'two'\n)\n" +
		"z = '''three\nlines''' + \\\n  r'\\d'\n" +
		"if x:\n\tw = f'{x}'\n" +
		"v = 'unclosed\nu = 1\n"
	all := Statements(src)
	var lines []int
	for _, s := range all {
		lines = append(lines, s.Line)
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
	if s := all[3].Tokens[2]; s.Text != "three\nlines" || !s.Plain {
		t.Errorf("triple-quoted string: %+v", s)
	}
	if s := all[3].Tokens[4]; s.Text != `\d` {
		t.Errorf("raw string: %+v", s)
	}
	if all[5].Indent != 8 || all[5].Tokens[2].Plain {
		t.Errorf("indented f-string: %+v", all[5])
	}
	if all[7].Tokens[0].Text != "u" {
		t.Errorf("an unclosed string ends with its line: %+v", all[7])
	}
}

func TestModule(t *testing.T) {
	m := Parse(strings.Join([]string{
		"from flask import (Flask as F, request)", "import a.b as c, d.e", "from . import db", "from ..x import y",
		"try:", "    app = F(__name__)", "except E:", "    pass",
		"def create_app(a, b=1): return a", "async def later(*, x=1, **k):", "    inner = F()",
		"class C:", "    attr = F()", "one = two = F()", "if __name__ == '__main__':", "    guarded = F()", "NAME: str = 'text'",
	}, "\n"), nil)
	for local, full := range map[string]string{"F": "flask.Flask", "request": "flask.request", "c": "a.b", "d": "d", "db": ".db", "y": "..x.y"} {
		if m.Imports[local] != full {
			t.Errorf("%s is %q, want %q", local, m.Imports[local], full)
		}
	}
	var names []string
	for _, a := range m.Assigns {
		names = append(names, a.Name)
	}
	if got := strings.Join(names, " "); got != "app one two NAME" {
		t.Errorf("assigned: %s", got)
	}
	if f, ok := m.Def("create_app"); !ok || f.Optional {
		t.Errorf("create_app(a, b=1) needs an argument: %+v", f)
	}
	if f, ok := m.Def("later"); !ok || !f.Optional || !f.Async {
		t.Errorf("later(*, x=1, **k) needs none: %+v", f)
	}
	if m.Guard != 15 || m.Strings["NAME"] != "text" {
		t.Errorf("guard %d, NAME %q", m.Guard, m.Strings["NAME"])
	}
}
