package python

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// commandProject has scripts of every manager.
var commandProject = map[string]string{
	"pyproject.toml": `[project]
name = "shop"
version = "1"
dependencies = ["flask==3.0.3", "gunicorn==23.0.0", "uvicorn==0.30.0", "celery==5.4.0"]

[project.optional-dependencies]
extra = ["httpx==0.27.0"]

[project.scripts]
serve = "shop.cli:main"

[dependency-groups]
jobs = ["rq==2.0"]

[tool.pdm.scripts]
start = "gunicorn app:app"
both = {composite = ["flask db upgrade", "start"]}
made = {call = "shop.cli:main('a b')"}
words = {cmd = ["gunicorn", "app:app", "--name", "a b"], env = {MODE = "x y"}}
shelled = {shell = "gunicorn app:app | cat"}
with_args = "gunicorn {args:app:app} --workers 2"

[tool.hatch.envs.default.scripts]
start = "gunicorn app:app"

[tool.rye.scripts]
start = {cmd = "gunicorn app:app"}
`,
	"Pipfile":     "[packages]\nflask = \"*\"\n\n[scripts]\nstart = \"gunicorn app:app\"\n",
	"app.py":      "from flask import Flask\n\napp = Flask(__name__)\n",
	"start.sh":    "#!/bin/sh\n# prepares\nset -e\nexport MODE=x\npoetry run gunicorn app:app\n",
	"good.sh":     "#!/bin/sh\nset -e\nexec gunicorn app:app\n",
	"task.py":     "import sys\n",
	"Procfile":    "",
	"shop/cli.py": "def main(): pass\n",
}

func commandTree(procfile string) fstest.MapFS {
	tree := fstest.MapFS{}
	for name, text := range commandProject {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree["Procfile"] = &fstest.MapFile{Data: []byte(procfile)}
	return tree
}

// TestCommandsAsPeopleWriteThem is what a release runs of a command that its
// author wrote for a manager, an environment of their own or a shell.
func TestCommandsAsPeopleWriteThem(t *testing.T) {
	for given, want := range map[string]string{
		"gunicorn app:app":                                       "gunicorn app:app",
		"uv run gunicorn app:app":                                "gunicorn app:app",
		"uv run --frozen gunicorn app:app":                       "gunicorn app:app",
		"uv run --no-sync --no-dev gunicorn app:app":             "gunicorn app:app",
		"uv run --python 3.12 -q gunicorn app:app":               "gunicorn app:app",
		"uv --offline run gunicorn app:app":                      "gunicorn app:app",
		"uv run -- gunicorn app:app":                             "gunicorn app:app",
		"uv run -m gunicorn app:app":                             "python -m gunicorn app:app",
		"uv run task.py --now":                                   "python task.py --now",
		"uv run --with flask gunicorn app:app":                   "gunicorn app:app",
		"WEB_CONCURRENCY=2 uv run gunicorn app:app":              "WEB_CONCURRENCY=2 gunicorn app:app",
		"exec uv run gunicorn app:app":                           "exec gunicorn app:app",
		"uv run flask db upgrade && uv run gunicorn a:b":         "flask db upgrade && gunicorn a:b",
		"poetry -n run gunicorn app:app":                         "gunicorn app:app",
		"poetry --no-interaction run gunicorn app:app":           "gunicorn app:app",
		"poetry run python -m gunicorn app:app":                  "python -m gunicorn app:app",
		"poetry run gunicorn app:app --name 'a b'":               "gunicorn app:app --name 'a b'",
		"pdm run -s gunicorn app:app":                            "gunicorn app:app",
		"pdm run both":                                           "flask db upgrade && gunicorn app:app",
		"pdm run start":                                          "gunicorn app:app",
		"pdm run start --workers 3":                              "gunicorn app:app --workers 3",
		"pdm run with_args":                                      "gunicorn app:app --workers 2",
		"pdm run with_args other:app":                            "gunicorn other:app --workers 2",
		"pdm run words":                                          "MODE='x y' gunicorn app:app --name 'a b'",
		"pdm run shelled":                                        "gunicorn app:app | cat",
		"pipenv run start":                                       "gunicorn app:app",
		"pipenv run gunicorn app:app":                            "gunicorn app:app",
		"hatch run start":                                        "gunicorn app:app",
		"hatch run gunicorn app:app":                             "gunicorn app:app",
		"rye run start":                                          "gunicorn app:app",
		"poetry run serve":                                       "python -c 'import sys, shop.cli; sys.exit(shop.cli.main())'",
		"uvx gunicorn app:app":                                   "gunicorn app:app",
		"uv tool run gunicorn app:app":                           "gunicorn app:app",
		"pipx run gunicorn app:app":                              "gunicorn app:app",
		".venv/bin/gunicorn app:app":                             "gunicorn app:app",
		"./venv/bin/python -m gunicorn app:app":                  "python -m gunicorn app:app",
		"/opt/venv/bin/gunicorn app:app":                         "gunicorn app:app",
		"bin/serve":                                              "bin/serve",
		"source .venv/bin/activate && gunicorn app:app":          "gunicorn app:app",
		". venv/bin/activate; exec gunicorn app:app":             "exec gunicorn app:app",
		`bash -c "gunicorn app:app --bind :$PORT"`:               "gunicorn app:app --bind :$PORT",
		`sh -ec 'uv run gunicorn app:app'`:                       "gunicorn app:app",
		`bash -c "source venv/bin/activate && gunicorn app:app"`: "gunicorn app:app",
		"gunicorn app:app | tee log":                             "gunicorn app:app | tee log",
	} {
		p, err := Detect(commandTree("web: "+given+"\n"), Options{Interpreters: defaultInterpreters()})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(p.Processes["web"]); got != want {
			t.Errorf("%s: runs %s, want %s", given, got, want)
		}
		for _, problem := range p.Problems {
			if strings.HasPrefix(problem.Code, "command.") {
				t.Errorf("%s: %s", given, problem.Sentence())
			}
		}
	}
}

// TestCommandsThatNoReleaseCanRun are said at detection, with the way out.
func TestCommandsThatNoReleaseCanRun(t *testing.T) {
	for given, want := range map[string]string{
		"uv run --with httpx gunicorn app:app":  "command.with",
		"uv run --directory api gunicorn a:app": "command.directory",
		"uvx httpie":                            "command.tool",
		"poetry install && gunicorn app:app":    "command.missing_tool",
		"./start.sh":                            "command.missing_tool",
		"bash start.sh":                         "command.missing_tool",
		"docker compose up api":                 "command.missing_tool",
		"supervisord -n -c supervisor.conf":     "command.missing_tool",
	} {
		p, err := Detect(commandTree("worker: "+given+"\n"), Options{Interpreters: defaultInterpreters()})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, problem := range append(p.Problems, p.Warnings...) {
			found = found || problem.Code == want && problem.Remedy != "" && problem.File != ""
		}
		if !found {
			t.Errorf("%s: no problem %s; got %v", given, want, p.Problems)
		}
	}
	p, err := Detect(commandTree("worker: ./good.sh\n"), Options{Interpreters: defaultInterpreters()})
	if err != nil || len(p.Problems) > 0 {
		t.Errorf("good.sh: %v %v", p.Problems, err)
	}
}

// TestStatedExtrasOfACommand: what "uv run --extra" asks for is installed.
func TestStatedExtrasOfACommand(t *testing.T) {
	p, err := Detect(commandTree("web: uv run --extra extra --group jobs gunicorn app:app\n"), Options{Interpreters: defaultInterpreters()})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(p.Install.Extras, "extra") || !slices.Contains(p.Install.Groups, "jobs") {
		t.Errorf("extras %v, groups %v", p.Install.Extras, p.Install.Groups)
	}
}

func TestOldFlaskTakesItsVariable(t *testing.T) {
	tree := fstest.MapFS{
		"requirements.txt": {Data: []byte("flask==2.0.3\ngunicorn==23.0.0\n")},
		"app.py":           {Data: []byte("from flask import Flask\n\napp = Flask(__name__)\n")},
		"Procfile":         {Data: []byte("web: gunicorn app:app\nrelease: flask --app app db upgrade\n")},
	}
	p, err := Detect(tree, Options{Interpreters: defaultInterpreters()})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Problems) != 1 || p.Problems[0].Code != "command.flask_app" || !strings.Contains(p.Problems[0].Remedy, "FLASK_APP=app flask db upgrade") {
		t.Errorf("got %v", p.Problems)
	}
}
