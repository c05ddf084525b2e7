package python

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/stated"
)

// TestPrecedence: slipway.yaml, then the overrides, then the Procfile and what
// the code says.
func TestPrecedence(t *testing.T) {
	flask := map[string]string{"requirements.txt": "flask==3.1.0\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n\n@app.get('/healthz')\ndef ok(): return 'ok'\n"}
	script := map[string]string{"requirements.txt": "requests==2.32.0\n", "serve.py": "import http.server\n"}
	for _, c := range []struct {
		name      string
		files     map[string]string
		yaml      string // slipway.yaml, "" for none
		overrides string
		what      string // a finding
		value     string
		rule      string
		void      string // the keys of overrides that slipway.yaml makes void
		problem   string // the code of the first one; "" for a project that can be deployed
	}{
		{name: "nothing to start", files: script, what: "framework", problem: "web.none"},
		{name: "a start command solves it", files: script, overrides: "processes: {web: python serve.py $PORT}", what: "web", value: "python serve.py $PORT", rule: "web.override"},
		{name: "over the Procfile", files: map[string]string{"requirements.txt": "flask==3.1.0\n", "app.py": flask["app.py"], "Procfile": "web: flask run\n"}, overrides: "processes: {web: gunicorn app:app}", what: "web", value: "gunicorn app:app", rule: "web.override"},
		{name: "over a Procfile that can't be used", files: map[string]string{"requirements.txt": "flask==3.1.0\n", "app.py": flask["app.py"], "Procfile": "web: make run\nrelease: \"a\n"}, overrides: "processes: {web: gunicorn app:app}\nrelease_command: python a.py", what: "release", value: "python a.py", rule: "release.override"},
		{name: "under slipway.yaml", files: flask, yaml: "processes: {web: waitress-serve app:app}\n", overrides: "processes: {web: {command: gunicorn app:app}}", what: "web", value: "waitress-serve --listen=${HOST:-127.0.0.1}:$PORT app:app", rule: "web.config", void: "processes.web.command"},
		{name: "beside slipway.yaml", files: flask, yaml: "processes: {worker: python work.py}\n", overrides: "processes: {web: gunicorn app:app}", what: "web", value: "gunicorn app:app", rule: "web.override"},
		{name: "a key below the same key", files: flask, yaml: "health: {timeout_seconds: 5}\n", overrides: "health: {path: /live}", what: "health", value: "/live", rule: "health.override"},
		{name: "the same key below", files: flask, yaml: "health: {path: /ready}\n", overrides: "health: {path: /live, timeout_seconds: 5}", what: "health", value: "/ready", rule: "health.config", void: "health.path"},
		{name: "the repository tests after all", files: flask, yaml: "test: {command: pytest -q}\n", overrides: "test: {skip: true}", what: "test", value: "pytest -q", rule: "test.config", void: "test.skip"},
		{name: "the repository says another way", files: flask, yaml: "application: app:app\n", overrides: "processes: {web: python other.py}", what: "application", value: "app:app", rule: "app.config", void: "processes.web.command"},
		{name: "tests left out", files: flask, overrides: "test: {skip: true}", what: "test", value: "skipped", rule: "test.override_skip"},
		{name: "application", files: flask, overrides: "application: app:app", what: "application", value: "app:app", rule: "app.override"},
		{name: "an application that is not there", files: flask, overrides: "application: shop:app", what: "framework", problem: "app.missing"},
		{name: "server", files: flask, overrides: "server: waitress", what: "server", value: "waitress", rule: "server.override"},
		{name: "framework", files: flask, overrides: "framework: quart", what: "framework", value: "quart", rule: "framework.override"},
		{name: "release command", files: flask, overrides: "release_command: python migrate.py", what: "release", value: "python migrate.py", rule: "release.override"},
		{name: "Python", files: map[string]string{".python-version": "3.11\n", "requirements.txt": "flask==3.1.0\n", "app.py": flask["app.py"]}, overrides: "python: 3.13", what: "python", value: "3.13.0", rule: "python.override"},
		{name: "a Python that is not installed", files: flask, overrides: "python: 3.14", what: "manager", value: "pip", rule: "manager.requirements", problem: "python.not_installed"},
		{name: "manager", files: flask, overrides: "manager: none", what: "manager", value: "none", rule: "manager.override"},
		{name: "requirements", files: map[string]string{"prod.txt": "flask==3.1.0\n", "requirements.txt": "flask==3.1.0\n", "app.py": flask["app.py"]}, overrides: "requirements: [prod.txt]", what: "manager", value: "pip", rule: "manager.override"},
		{name: "root", files: map[string]string{"a/requirements.txt": "flask==3.1.0\n", "a/app.py": flask["app.py"], "b/requirements.txt": "\n", "b/app.py": ""}, overrides: "root: a", what: "root", value: "a", rule: "root.override"},
		{name: "a root that is not there", files: flask, overrides: "root: elsewhere", problem: "root.missing"},
		{name: "a group that is not there", files: flask, overrides: "groups: [server]", problem: "config.unknown_group"},
		{name: "test requirements that are not there", files: flask, overrides: "test: {requirements: [t.txt]}", problem: "test.requirements_missing"},
		{name: "a broken slipway.yaml counts for itself", files: flask, yaml: "server: [\n", overrides: "server: waitress", problem: "config.syntax"},
		{name: "overrides of another version", files: flask, overrides: "{\"of\": \"the future\"}", problem: "config.unknown_key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for name, text := range c.files {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if c.yaml != "" {
				tree[stated.File] = &fstest.MapFile{Data: []byte(c.yaml)}
			}
			o, problems := stated.ParseOverrides(c.overrides)
			if len(problems) > 0 {
				o = slipway.Overrides(c.overrides) // as it may lie in the store
			}
			p, err := Detect(tree, Options{Interpreters: defaultInterpreters(), Overrides: o})
			if err != nil {
				t.Fatal(err)
			}
			problem := ""
			if len(p.Problems) > 0 {
				problem = p.Problems[0].Code
			}
			if problem != c.problem || p.Deployable != (c.problem == "") {
				t.Errorf("problems: %v", p.Problems)
			}
			for _, said := range append(p.Problems, p.Warnings...) {
				if strings.HasPrefix(said.Message, " ") || strings.Contains(said.Remedy, "in  ") || strings.HasSuffix(said.Remedy, "in ") {
					t.Errorf("a sentence names nobody: %+v", said)
				}
			}
			var found *Finding
			for i, f := range p.Findings {
				if f.What == c.what && found == nil {
					found = &p.Findings[i]
				}
			}
			if c.value != "" && (found == nil || found.Value != c.value || found.Rule != c.rule) {
				t.Errorf("%s is %+v, want %s by %s", c.what, found, c.value, c.rule)
			}
			if found != nil && c.rule != "" && (found.Overridden() != strings.Contains(c.rule, "override") || found.Overridden() && (found.File != "" && c.what != "application" || found.Confidence != High)) {
				t.Errorf("the evidence is %+v", found)
			}
			var void []string
			for _, w := range p.Warnings {
				if w.Code == "override.void" {
					void = append(void, w.Key)
				}
			}
			if got := strings.Join(void, " "); got != c.void {
				t.Errorf("void: %q, want %q", got, c.void)
			}
		})
	}
}

// TestOverridesMeetInOneProcess: the repository states the command, the owners
// how many.
func TestOverridesMeetInOneProcess(t *testing.T) {
	tree := fstest.MapFS{"app.py": {Data: []byte("from flask import Flask\napp = Flask(__name__)\n")}, stated.File: {Data: []byte("processes: {web: gunicorn app:app}\nenv: {A: file}\ngroups: []\n")}}
	o, _ := stated.ParseOverrides("processes: {web: {command: x, instances: 3}}\nenv: {A: owners, B: owners}\nverify: [{path: /}]\n")
	p, err := Detect(tree, Options{Interpreters: defaultInterpreters(), Overrides: o})
	if err != nil {
		t.Fatal(err)
	}
	if w := p.Config.Processes["web"]; w.Command != "gunicorn app:app" || w.Instances != 3 {
		t.Errorf("web is %+v", w)
	}
	if p.Config.Env["A"] != "file" || p.Config.Env["B"] != "owners" || len(p.Config.Verify) != 1 {
		t.Errorf("%+v", p.Config)
	}
}

// TestFindingKeys: what a finding's key says is what the finding is next time.
func TestFindingKeys(t *testing.T) {
	tree := fstest.MapFS{"requirements.txt": {Data: []byte("flask==3.1.0\n")}, "app.py": {Data: []byte("from flask import Flask\napp = Flask(__name__)\n")}, "test_app.py": {Data: []byte("def test(): pass\n")}}
	for key, value := range map[string]string{"manager": "none", "python": "3.11", "framework": "quart", "application": "app:app", "server": "waitress", "processes.web.command": "python app.py", "release_command": "python app.py", "test.command": "python app.py", "health.path": "/x"} {
		text := value
		parts := strings.Split(key, ".")
		for i := len(parts) - 1; i >= 0; i-- {
			text = "{" + parts[i] + ": " + text + "}"
		}
		o, problems := stated.ParseOverrides(text)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		p, err := Detect(tree, Options{Interpreters: defaultInterpreters(), Overrides: o})
		if err != nil {
			t.Fatal(err)
		}
		ok := false
		for _, f := range p.Findings {
			ok = ok || f.Key() == key && f.Overridden() && strings.HasPrefix(f.Value, value)
		}
		if !ok {
			t.Errorf("%s: no finding says that it was overridden: %+v", key, p.Findings)
		}
	}
}

// FuzzOverrides: whatever is taken is one text, also by way of YAML, and
// detection takes it.
func FuzzOverrides(f *testing.F) {
	for _, seed := range []string{"", "python: 3.12", "processes: {web: {command: x, instances: 2}, w: 'a: b'}", "env: {A: \"\\n\", B: '#'}", "files: [{template: a, path: b}]", "test: {skip: true}", "name: x", "verify: [{path: /, contains: '<'}]"} {
		f.Add(seed)
	}
	tree := fstest.MapFS{"app.py": {Data: []byte("from flask import Flask\napp = Flask(__name__)\n")}, stated.File: {Data: []byte("processes: {web: gunicorn app:app}\n")}}
	f.Fuzz(func(t *testing.T, text string) {
		o, problems := stated.ParseOverrides(text)
		if len(problems) > 0 {
			if o != "" {
				t.Fatalf("%q is refused and taken", text)
			}
			return
		}
		if again, problems := stated.ParseOverrides(string(o)); again != o || len(problems) > 0 {
			t.Fatalf("%q becomes %q, then %q %v", text, o, again, problems)
		}
		written, err := stated.OverridesYAML(o)
		if err != nil {
			t.Fatalf("%q: %v", o, err)
		}
		if again, problems := stated.ParseOverrides(written); len(written) <= stated.MaxOverrides && (again != o || len(problems) > 0) {
			t.Fatalf("%q is %q as YAML, which is %q %v", o, written, again, problems)
		}
		if again, problems := stated.EditOverrides(string(o), nil); again != o || len(problems) > 0 {
			t.Fatalf("%q edited by nothing is %q %v", o, again, problems)
		}
		p, err := Detect(tree, Options{Interpreters: defaultInterpreters(), Overrides: o})
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range p.Problems {
			if strings.HasPrefix(problem.Message, "the service's overrides:") {
				t.Fatalf("%q was taken and is refused later: %v", o, problem)
			}
		}
	})
}
