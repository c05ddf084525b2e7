package python

import (
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/python/stated"
)

// FuzzLoadConfig: whatever slipway.yaml holds, it is a config that detection
// takes, or problems that point into the file.
func FuzzLoadConfig(f *testing.F) {
	for _, seed := range []string{
		"", "kind: web\n", "processes:\n  web: gunicorn app:app\n  worker: {command: [python, -m, worker], instances: 2, grace_seconds: 5, memory_mb: 64}\n",
		"python: '3.12'\nenv: {A: b}\nhealth: {path: /healthz, statuses: [200, 204]}\ntest: {skip: true}\n", "files:\n  - {template: app.ini.j2, path: ../app.ini}\n",
		"verify:\n  - {path: /, status: 200, contains: ok, max_millis: 500}\nverify_command: python check.py\nrelease_command: [a, b]\nrelease_repeatable: yes\n",
		"a: &a [*a]\n", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nenv: *c\n", "env: {<<: {A: b}}\n", "kind: web\nkind: web\n", "---\n---\n", "!!binary aGk=\n", "env: {A: 1e999, B: ~, 7: x}\n", "\x00", "\xff\xfe", "- - -\n", "build: {commands: ['a \"b'], timeout_seconds: -1}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree := fstest.MapFS{"app.py": {Data: []byte("from flask import Flask\napp = Flask(__name__)\n")}, stated.File: {Data: []byte(text)}}
		config, problems := stated.Load(tree, stated.File)
		if config == nil && len(problems) == 0 {
			t.Fatalf("%q is neither a config nor a problem", text)
		}
		for _, p := range problems {
			if p.File != stated.File || p.Code == "" || p.Message == "" {
				t.Fatalf("%q: %+v", text, p)
			}
		}
		if _, err := Detect(tree, Options{Interpreters: defaultInterpreters()}); err != nil {
			t.Fatal(err)
		}
	})
}
