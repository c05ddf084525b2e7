package python

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const lockedPoetry = `-- pyproject.toml --
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["flask>=3"]

[project.optional-dependencies]
prod = ["gunicorn>=22"]

[tool.poetry]
package-mode = false

[tool.poetry.group.dev.dependencies]
alembic = "*"
requests = "*"
-- poetry.lock --
[[package]]
name = "flask"
version = "3.1.3"
optional = false
groups = ["main"]
files = [{file = "flask-3.1.3-py3-none-any.whl", hash = "sha256:x"}]

[[package]]
name = "gunicorn"
version = "27.0.1"
optional = true
groups = ["main"]
markers = "extra == \"prod\""
files = [{file = "gunicorn-27.0.1-py3-none-any.whl", hash = "sha256:x"}]

[[package]]
name = "alembic"
version = "1.13.0"
optional = false
groups = ["dev"]
files = [{file = "alembic-1.13.0-py3-none-any.whl", hash = "sha256:x"}]

[[package]]
name = "requests"
version = "2.32.0"
optional = false
groups = ["dev"]
files = [{file = "requests-2.32.0-py3-none-any.whl", hash = "sha256:x"}]

[metadata]
lock-version = "2.1"
-- alembic.ini --
[alembic]
script_location = migrations
-- app.py --
import requests
from flask import Flask

app = Flask(__name__)
`

// TestOnlyProductionCounts: what a group or an extra brings is not there.
func TestOnlyProductionCounts(t *testing.T) {
	const app = "-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"
	checkKinds(t, []kind{
		{name: "a server in an extra keeps its version", requirement: "gunicorn==27.0.1", warning: "server.not_in_production", remedy: "extras: [prod]", files: lockedPoetry},
		{name: "a server in an extra that is chosen", web: "gunicorn app:app" + wsgiWeb, withoutWarning: "server.", files: "-- slipway.yaml --\nextras: [prod]\n" + lockedPoetry},
		{name: "Alembic in a group migrates nothing", warning: "release.not_in_production", remedy: "groups: [dev]", files: lockedPoetry},
		{name: "an import that only a group brings", warning: "import.not_in_production", remedy: "groups: [dev]", files: lockedPoetry},
		{name: "an import that a chosen group brings", withoutWarning: "import.", files: "-- slipway.yaml --\ngroups: [dev]\n" + lockedPoetry},
		{name: "an import that only a development file brings", warning: "import.not_in_production", remedy: "requirements.txt",
			files: "-- requirements.txt --\nflask==3.0.3\n-- requirements-dev.txt --\nhttpx==0.27.0\n-- app.py --\nimport httpx\nfrom flask import Flask\n\napp = Flask(__name__)\n"},
		{name: "an import that nothing brings", warning: "import.undeclared", remedy: "pyyaml",
			files: "-- requirements.txt --\nflask==3.0.3\n-- app.py --\nimport yaml\nfrom flask import Flask\n\napp = Flask(__name__)\n"},
		{name: "an import that may fail", withoutWarning: "import.",
			files: "-- requirements.txt --\nflask==3.0.3\n-- app.py --\nfrom flask import Flask\n\ntry:\n    import yaml\nexcept ImportError:\n    yaml = None\n\napp = Flask(__name__)\n"},
		{name: "an import that comes with another", withoutWarning: "import.",
			files: "-- requirements.txt --\nflask==3.0.3\nflask-sqlalchemy==3.1.1\n-- app.py --\nimport sqlalchemy\nfrom flask import Flask\n\napp = Flask(__name__)\n"},
		{name: "a server of uv's development group", requirement: gunicornPin, files: "-- pyproject.toml --\n[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"flask\"]\n-- uv.lock --\nversion = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"shop\"\nversion = \"1\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"flask\" }]\n\n[package.dev-dependencies]\ndev = [{ name = \"tool\" }]\n\n[package.metadata]\nrequires-dist = [{ name = \"flask\" }]\n\n[[package]]\nname = \"flask\"\nversion = \"3.0.3\"\nsource = { registry = \"https://packages.example/simple\" }\n\n[[package]]\nname = \"tool\"\nversion = \"1\"\nsource = { registry = \"https://packages.example/simple\" }\ndependencies = [{ name = \"gunicorn\" }]\n\n[[package]]\nname = \"gunicorn\"\nversion = \"21.0.0\"\nsource = { registry = \"https://packages.example/simple\" }\n" + app},
	})
}

func TestSpellingsOfFiles(t *testing.T) {
	const app = "-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"
	checkKinds(t, []kind{
		{name: "a variable in an address", warning: "requirements.variable", remedy: "build: {env: {TOKEN", nothing: true, files: "-- requirements.txt --\nflask==3.0.3\nlib @ git+https://${TOKEN}@git.example/lib.git\n" + app},
		{name: "pylock without packages", problem: "lock.empty", files: "-- pylock.toml --\nlock-version = \"1.0\"\ncreated-by = \"uv\"\n" + app},
		{name: "a broken Pipfile.lock", problem: "lock.unreadable", remedy: "pipenv lock", files: "-- Pipfile --\n[packages]\nflask = \"*\"\n-- Pipfile.lock --\nnot json\n" + app},
		{name: "broken JSON of another platform", warning: "suggestion.unreadable", remedy: "app.json", files: "-- requirements.txt --\nflask==3.0.3\n-- app.json --\n{\"a\": \n" + app},
		{name: "a broken setup.cfg", problem: "setup.syntax", files: "-- setup.py --\nfrom setuptools import setup\nsetup()\n-- setup.cfg --\nname = x\n" + app},
		{name: "Python 2", problem: "python.two", remedy: "app.py", files: "-- requirements.txt --\nflask==3.0.3\n-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\nprint 'x'\n"},
		{name: "two exceptions of Python 3.14", nothing: true, files: "-- requirements.txt --\nflask==3.0.3\n-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\ntry:\n    pass\nexcept ValueError, TypeError:\n    pass\n"},
		{name: "a pointer that no .gitattributes tells of", problem: "source.lfs", remedy: "data/model.bin", files: "-- data/model.bin --\nversion https://git-lfs.github.com/spec/v1\noid sha256:x\nsize 1\n-- requirements.txt --\nflask==3.0.3\n" + app},
		{name: "an import without any manifest", problem: "import.undeclared", remedy: "requirements.txt with flask", files: app},
		{name: "an import of a program without any manifest", problem: "import.undeclared", remedy: "requirements.txt with requests", files: "-- Procfile --\nworker: python bot.py\n-- bot.py --\nimport requests\n"},
		{name: "a pointer of Git LFS", problem: "source.lfs", remedy: "model.bin", files: "-- .gitattributes --\n*.bin filter=lfs diff=lfs merge=lfs -text\n-- model.bin --\nversion https://git-lfs.github.com/spec/v1\noid sha256:x\nsize 1\n-- requirements.txt --\nflask==3.0.3\n" + app},
	})
}

// TestWideRequirements: PowerShell's > writes UTF-16, which pip and uv read.
func TestWideRequirements(t *testing.T) {
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		data := mark
		for _, c := range "flask==3.0.3\r\n" {
			if mark[0] == 0xff {
				data += string([]byte{byte(c), 0})
			} else {
				data += string([]byte{0, byte(c)})
			}
		}
		p, err := Detect(fstest.MapFS{
			"requirements.txt": {Data: []byte(data)}, "app.py": {Data: []byte("from flask import Flask\n\napp = Flask(__name__)\n")},
		}, Options{Interpreters: defaultInterpreters()})
		if err != nil || len(p.Problems) > 0 || !slices.Contains(p.Direct(), "flask") {
			t.Errorf("%q: %v %v %v", mark, err, p.Problems, p.Direct())
		}
	}
}

// TestStaleLockThatIsLetThrough goes on with the lock as it is; Poetry would
// refuse it whatever is set.
func TestStaleLockThatIsLetThrough(t *testing.T) {
	const uvStale = "-- slipway.yaml --\nstale_lock: warn\n-- pyproject.toml --\n[project]\nname = \"shop\"\nversion = \"2\"\nrequires-python = \">=3.11\"\ndependencies = []\n-- uv.lock --\nversion = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"shop\"\nversion = \"1\"\nsource = { virtual = \".\" }\n-- app.py --\ndef app(environ, start_response):\n    return []\n"
	p := detectKind(t, kind{files: uvStale})
	if len(p.Problems) > 0 || !p.Install.Frozen || p.Lock == nil || p.Lock.Fresh == nil || *p.Lock.Fresh {
		t.Errorf("frozen %v, lock %+v, problems %v", p.Install.Frozen, p.Lock, p.Problems)
	}
	checkKinds(t, []kind{
		{name: "uv says what differs", problem: "lock.stale", remedy: "uv lock", files: strings.Replace(uvStale[len("-- slipway.yaml --\nstale_lock: warn\n"):], "= []", "= [\"flask\"]", 1)},
		{name: "its own version alone", nothing: true, warning: "lock.version", remedy: "uv lock", files: uvStale[len("-- slipway.yaml --\nstale_lock: warn\n"):]},
		{name: "what somebody's own uv says", nothing: true, warning: "lock.setting", remedy: "uv lock", files: strings.Replace(strings.Replace(uvStale[len("-- slipway.yaml --\nstale_lock: warn\n"):], "version = \"2\"", "version = \"1\"", 1), "\n\n[[package]]", "\n\n[options]\nexclude-newer = \"0001-01-01T00:00:00Z\"\nexclude-newer-span = \"P2D\"\n\n[[package]]", 1)},
		{name: "what somebody's own uv says, and more", problem: "lock.stale", files: strings.Replace(strings.Replace(uvStale[len("-- slipway.yaml --\nstale_lock: warn\n"):], "= []", "= [\"flask\"]", 1), "\n\n[[package]]", "\n\n[options]\nexclude-newer = \"2026-06-16T16:13:40Z\"\n\n[[package]]", 1)},
		{name: "its own version alone, and refused", problem: "lock.stale", files: strings.Replace(uvStale, "warn", "refuse", 1)},
		{name: "Poetry", problem: "lock.stale", remedy: "poetry lock", files: "-- slipway.yaml --\nstale_lock: warn\n-- pyproject.toml --\n[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"flask\"]\n\n[tool.poetry]\npackage-mode = false\n-- poetry.lock --\n[metadata]\nlock-version = \"2.1\"\ncontent-hash = \"x\"\n"},
	})
}
