package python

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/syntax"
)

// FuzzParsers feeds one text to two of the files that are parsed: none may
// panic.
func FuzzParsers(f *testing.F) {
	for _, seed := range []string{
		"flask==3.0 --hash=sha256:00 \\\n  ; python_version < '3.9' # via -r x.in\n-r requirements.txt\n-e .[a]\n-c c\n--index-url=x\n",
		"[project]\nname = 'a'\ndependencies = ['b[c]>=1 ; x']\n[tool.poetry.dependencies]\npython = '^3.9'\nd = [{version = '1'}]\n",
		"[[package]]\nname = 'a'\nversion = '1'\nfiles = [{file = 'a-1-py3-none-any.whl', hash = 'x'}]\n[metadata]\ncontent-hash = 'x'\n",
		"{\"_meta\": {\"hash\": {\"sha256\": \"x\"}}, \"default\": {\"a\": {\"version\": \"==1\"}}}",
		"[packages]\na = '*'\n[requires]\npython_version = '3.12'\n", "3.12\n", "python 3.12.1\n",
		"[options]\ninstall_requires =\n  a\n", "setup(install_requires=['a', \"b\"])", "~=1", "^", "1!2.0.post1.dev3+x",
	} {
		for which := range uint(16) {
			f.Add(seed, which*17)
		}
	}
	names := []string{
		"requirements.txt", "requirements.in", "pyproject.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile", "Pipfile.lock", "pylock.toml",
		"setup.py", "setup.cfg", ".python-version", ".tool-versions", "mise.toml", "runtime.txt", "Procfile",
	}
	f.Fuzz(func(t *testing.T, text string, which uint) {
		tree := fstest.MapFS{"app.py": {}}
		for i, name := range names {
			if uint(i) == which%uint(len(names)) || uint(i) == which/uint(len(names))%uint(len(names)) {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		if _, err := Detect(tree, Options{Interpreters: defaultInterpreters()}); err != nil {
			t.Fatal(err)
		}
		if v, ok := manifest.ParseVersion(text); ok {
			if again, ok := manifest.ParseVersion(v.String()); !ok || again.Compare(v) != 0 {
				t.Fatalf("%q reads as %q and not back", text, v)
			}
		}
		set, err := manifest.ParseSpecifiers(text)
		if err == nil {
			set.Contains(manifest.Version{Release: []int{3, 12}, Post: -1, Dev: -1})
		}
		_, _ = manifest.SameMarker(text, "python_version >= '3.9' and "+text, nil)
		_, _ = manifest.SetOf(text)
		lock.WheelFits(text, 12)
	})
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
		syntax.Parse(text, nil)
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

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{"a b", "a '${X:-1}' \"$Y\" \\ ", "A=1 b", "a && b", "exec ${", "a $", "\"`", "é 'ü"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args, err := Command(text).Expand(func(string) string { return "" })
		if err == nil && (len(args) == 0 || args[0] == "" || strings.ContainsRune(strings.Join(args, ""), 0)) {
			t.Fatalf("%q expands to %q", text, args)
		}
		if line, err := Command(text).Parse(); err == nil {
			targetOf(line)
			line.Words()
		}
	})
}
