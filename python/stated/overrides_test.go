package stated

import (
	"strings"
	"testing"
)

func TestParseOverrides(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"{}", ""},
		{"{test: {skip: false}, strict: false, health: {statuses: []}, build: {env: {}}, env: {}}", ""},
		{`{"env":{"A":"\ud83d\ude00 \u003c \/"},"python":3.10}`, `{"python":"3.10","env":{"A":"😀 < /"}}`},
		{"python: 3.10", `{"python":"3.10"}`},
		{`{"python": "3.10"}`, `{"python":"3.10"}`},
		{"processes:\n  web: python -m http.server $PORT && true\n", `{"processes":{"web":{"command":"python -m http.server $PORT && true"}}}`},
		{"health: {path: /live}\nprocesses: {b: {command: b, instances: 2}, a: a}\n", `{"processes":{"a":{"command":"a"},"b":{"command":"b","instances":2}},"health":{"path":"/live"}}`},
	} {
		got, problems := ParseOverrides(c.text)
		if len(problems) > 0 || string(got) != c.want {
			t.Errorf("%q: %s %v, want %s", c.text, got, problems, c.want)
		}
		if again, problems := ParseOverrides(string(got)); again != got || len(problems) > 0 {
			t.Errorf("%q read again: %s %v", got, again, problems)
		}
	}
}

// TestOverridesAreRefusedByKey names the key, so that a form and the API point at it.
func TestOverridesAreRefusedByKey(t *testing.T) {
	for _, c := range []struct{ text, key, says string }{
		{"pyhton: 3.12", "pyhton", "did you mean python?"},
		{"name: billing", "name", "leave it out"},
		{"server: apache", "server", "use one of"},
		{"processes: {web: \"a 'b\"}", "processes.web.command", "correct"},
		{"processes: {WEB: x}", "processes.WEB", "lower-case"},
		{"processes: {web: {command: x, instances: 0}}", "processes.web.instances", "from 1 to 100"},
		{"test: {timeout_seconds: soon}", "test.timeout_seconds", "write a number"},
		{"health: {path: live}", "health.path", "write it as /health"},
		{"root: ../..", "root", "relative to"},
		{"env: {PORT: 1}", "env.PORT", "delete it"},
		{"python:", "python", "give python a value"},
		{"python: &a 3.12\nroot: *a", "root", "write the value out"},
		{"[python]", "", "correct it"},
		{"a: [", "", "correct that line"},
		{"env: {A: " + strings.Repeat("x", MaxOverrides) + "}", "", "shorten"},
		{`env: {A: "` + strings.Repeat(`\"`, MaxOverrides/2-20) + `\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"}`, "", "shorten"}, // only its canonical form is too long
	} {
		o, problems := ParseOverrides(c.text)
		if len(problems) != 1 || o != "" {
			t.Errorf("%.60q: %q %+v", c.text, o, problems)
			continue
		}
		if p := problems[0]; p.Key != c.key || p.File != "" || !strings.Contains(p.Remedy, c.says) {
			t.Errorf("%.60q: key %q, remedy %q", c.text, p.Key, p.Remedy)
		}
	}
	if _, problems := ParseOverrides("pyhton: 3.12\nserver: apache\nhealth: {pth: /}"); len(problems) != 2 {
		t.Errorf("two unknown keys are %v", problems) // values are looked at once the keys are right
	}
}

func TestOverridesAsYAML(t *testing.T) {
	o, problems := ParseOverrides(`{"python":"3.12","processes":{"web":"gunicorn app:app","worker":{"command":"w","instances":2}},"env":{"ON":"yes","NO":"3"},"groups":["a"],"health":{"path":"/x"}}`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got, err := OverridesYAML(o, "python", "health.path", "processes.worker.command", "processes.nobody.command", "server")
	if want := "groups:\n  - a\nprocesses:\n  web: gunicorn app:app\n  worker:\n    instances: 2\nenv:\n  NO: \"3\"\n  ON: yes\n"; err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
	if got, err := OverridesYAML(o, "python", "processes", "env", "groups", "health"); got != "" || err != nil {
		t.Errorf("nothing is left, and it is %q, %v", got, err)
	}
	if got, err := OverridesYAML(""); got != "" || err != nil {
		t.Errorf("nothing is %q, %v", got, err)
	}
	values := OverrideValues(o)
	for key, want := range map[string]string{"python": "3.12", "processes.web.command": "gunicorn app:app", "processes.worker.instances": "2", "env.NO": "3", "groups": "[a]", "health.path": "/x"} {
		if values[key] != want {
			t.Errorf("%s is %q, want %q", key, values[key], want)
		}
	}
	if len(values) != 8 {
		t.Errorf("%d values: %v", len(values), values)
	}
}

func TestEditOverrides(t *testing.T) {
	for _, c := range []struct {
		name, text string
		set        map[string]string
		want, key  string // the key at fault
	}{
		{name: "nothing", want: ""},
		{name: "a new one", set: map[string]string{"python": "3.12"}, want: `{"python":"3.12"}`},
		{name: "text that YAML reads otherwise", set: map[string]string{"processes.web": "a: b # c", "env.A": "true"}, want: `{"processes":{"web":{"command":"a: b # c"}},"env":{"A":"true"}}`},
		{name: "a list, a number, a truth", set: map[string]string{"groups": "[a, b]", "health.timeout_seconds": "90", "test.skip": "true"}, want: `{"groups":["a","b"],"test":{"skip":true},"health":{"timeout_seconds":90}}`},
		{name: "beside another", text: "processes:\n  web: {instances: 2}\nenv: {A: b}\n", set: map[string]string{"processes.web.command": "x"}, want: `{"processes":{"web":{"command":"x","instances":2}},"env":{"A":"b"}}`},
		{name: "below a bare command", text: "processes: {web: x}", set: map[string]string{"processes.web.instances": "3"}, want: `{"processes":{"web":{"command":"x","instances":3}}}`},
		{name: "in place of another", text: "python: 3.11\nhealth: {path: /a}", set: map[string]string{"health.path": "/b"}, want: `{"python":"3.11","health":{"path":"/b"}}`},
		{name: "taken back", text: "python: 3.11\nhealth: {path: /a}", set: map[string]string{"health.path": "", "server": "", "env.A": ""}, want: `{"python":"3.11"}`},
		{name: "all taken back", text: "python: 3.11", set: map[string]string{"python": ""}, want: ""},
		{name: "an unknown key", set: map[string]string{"pyhton": "3.12"}, key: "pyhton"},
		{name: "no key", set: map[string]string{"": "3.12"}, key: ""},
		{name: "below a value", text: "python: 3.12", set: map[string]string{"python.version": "3"}, key: "python"},
		{name: "no truth", set: map[string]string{"test.skip": "maybe"}, key: "test.skip"},
		{name: "no YAML", set: map[string]string{"groups": "[a"}, key: "groups"},
		{name: "text that is no YAML", text: "a: [", key: ""},
		{name: "text that is a list", text: "[a]", set: map[string]string{"python": "3.12"}, key: ""},
	} {
		got, problems := EditOverrides(c.text, c.set)
		if c.want == "" && (c.key != "" || len(problems) > 0) {
			if len(problems) != 1 || problems[0].Key != c.key || problems[0].Remedy == "" {
				t.Errorf("%s: %q, %+v", c.name, got, problems)
			}
			continue
		}
		if string(got) != c.want || len(problems) > 0 {
			t.Errorf("%s: %s %v, want %s", c.name, got, problems, c.want)
		}
	}
	if _, problems := EditOverrides("", map[string]string{"": "3.12"}); len(problems) == 0 {
		t.Error("no key at all is taken")
	}
}

// A key that is there twice is no choice of ours, in either form.
func TestOverridesHaveEachKeyOnce(t *testing.T) {
	for text, key := range map[string]string{
		"python: '3.12'\npython: '3.13'": "python", `{"python":"3.12","python":"3.13"}`: "python", `{"health":{"path":"/a","path":"/b"}}`: "path",
		`{"verify":[{"path":"/"},{"path":"/","path":"/b"}]}`: "path",
	} {
		if o, problems := ParseOverrides(text); o != "" || len(problems) != 1 || !strings.Contains(problems[0].Message, key) {
			t.Errorf("%s is read as %s: %v", text, o, problems)
		}
	}
	if _, problems := ParseOverrides(`{"health":{"path":"/a"},"verify":[{"path":"/a"},{"path":"/b"}]}`); len(problems) > 0 {
		t.Error(problems)
	}
}
