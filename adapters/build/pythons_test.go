package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

// TestPythonForOldPins: nothing states a Python, and what the index says of the pins
// chooses one that they can use. They are really installed and imported.
func TestPythonForOldPins(t *testing.T) {
	t.Parallel()
	dir := project(t, files{"requirements.txt": "flask==1.1.2\nwerkzeug==1.0.1\njinja2==2.11.3\nmarkupsafe==1.1.1\nitsdangerous==1.1.0\nclick==7.1.2\ngunicorn==20.0.4\n", "app.py": "from flask import Flask\n\napp = Flask(__name__)\n\n@app.route(\"/\")\ndef index():\n    return \"\"\n"})
	a, log := mustBuild(t, dir)
	if !strings.HasPrefix(a.Manifest.Python, "3.9.") {
		t.Errorf("built with Python %s; markupsafe 1.1.1 has no wheel for a newer one than 3.9\n%s", a.Manifest.Python, log)
	}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(a.Path, "venv", "bin", "gunicorn"), "--version").CombinedOutput(); err != nil || !bytes.Contains(out, []byte("20.0.4")) {
		t.Errorf("gunicorn, which imports pkg_resources: %v %s", err, out)
	}
	known, err := filepath.Glob(filepath.Join(shared.o.Data, "cache", "pins", "*.json"))
	if err != nil || len(known) < 7 {
		t.Errorf("what the index told isn't kept: %v %v", known, err)
	}
}

// TestIndexThatTellsNothing: a build doesn't depend on what the index says of pins.
func TestIndexThatTellsNothing(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html>an older index</html>"))
	}))
	defer server.Close()
	t.Setenv("PIP_INDEX_URL", server.URL+"/simple")
	var log bytes.Buffer
	r, done, err := shared.newRun("pins-"+t.Name(), &log)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if facts := r.pinFacts(t.Context(), []python.Pin{{Name: "flask", Version: "1.1.2"}}); facts != nil || !strings.Contains(log.String(), "doesn't tell") {
		t.Errorf("%v, %s", facts, log.String())
	}
}

// TestSourceThatNeedsAnOlderPython: the build of a source distribution asks for what
// the Python no longer has, and the error says which Python has it.
func TestSourceThatNeedsAnOlderPython(t *testing.T) {
	t.Parallel()
	dir := project(t, files{
		"requirements.txt": "./lib\n", "lib/setup.py": "import imp\nfrom setuptools import setup\nsetup(name='lib', version='1', py_modules=['lib'])\n", "lib/lib.py": "x = 1\n",
		".python-version": "3.13\n", "app.py": "import lib\n\n\ndef app(environ, start_response):\n    return []\n",
	})
	_, log, err := build(t, dir)
	if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "this needs Python 3.11 or older: something asks for imp, which Python 3.12 no longer has; put 3.11 in .python-version") {
		t.Errorf("%v\n%s", err, log)
	}
}

// TestSourceThatNeedsOlderTools: a source distribution of other days is built with
// the tools of its days.
func TestSourceThatNeedsOlderTools(t *testing.T) {
	t.Parallel()
	_, log := mustBuild(t, project(t, files{
		"requirements.txt": "./lib\n", "lib/setup.py": "import pkg_resources\nfrom setuptools import setup\nsetup(name='lib', version='1', py_modules=['lib'])\n", "lib/lib.py": "x = 1\n",
		"app.py": "import lib\n\n\ndef app(environ, start_response):\n    return []\n",
	}))
	if strings.Contains(log, "not allowed as constraints") {
		t.Errorf("the tree is held to a version:\n%s", log)
	}
	if !strings.Contains(log, "building it again with setuptools<82") {
		t.Errorf("the log doesn't say it:\n%s", log)
	}
	for output, want := range map[string]string{
		"ImportError: cannot import name 'Feature' from 'setuptools' (/x)": "setuptools<46", "error in x setup command: use_2to3 is invalid.": "setuptools<58",
		"AttributeError: cython_sources": "cython<3", "fatal error: pg_config": "",
	} {
		if got := strings.Join(olderTools(output), " "); got != want {
			t.Errorf("%s: %q, want %q", output, got, want)
		}
	}
}

// TestPythonIsFetched: a Python that is missing is fetched by uv where the platform
// may, from the place that it is told, and is used by build and tests.
func TestPythonIsFetched(t *testing.T) {
	home := ""
	for _, i := range interpreters {
		if prefix := filepath.Dir(filepath.Dir(i.Path)); strings.HasPrefix(i.Version, "3.12.") && strings.Contains(prefix, ".pyenv") {
			home = prefix
		}
	}
	if home == "" {
		t.Skip("not tried: no Python 3.12 stands in a directory of its own here (pyenv), of which to make the archive")
	}
	place := t.TempDir()
	archive := filepath.Join(place, "cpython-3.12.99.tar.gz")
	tar := func(args ...string) {
		if out, err := exec.CommandContext(t.Context(), "tar", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	tar("-C", filepath.Dir(home), "--exclude=test", "--exclude=__pycache__", "--exclude=*.a", "--exclude=site-packages", "--exclude=idlelib", "--transform", "s,^"+filepath.Base(home)+",python,", "-cf", archive, filepath.Base(home))
	tar("-C", place, "-xf", archive)
	// Where it finds its library has to go with it, as in those that uv fetches.
	program := filepath.Join(place, "python", "bin", "python3.12")
	code, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	from, to := []byte(home+"/lib\x00"), make([]byte, len(home)+5)
	copy(to, "$ORIGIN/../lib")
	if err := os.WriteFile(program, bytes.ReplaceAll(code, from, to), 0o755); err != nil {
		t.Fatal(err)
	}
	tar("-C", place, "-czf", archive, "python")
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(place)))
	defer server.Close()
	sum := sha256.Sum256(content)
	list, err := json.Marshal(map[string]any{"cpython-3.12.1-linux-x86_64-gnu": map[string]any{
		"name": "cpython", "arch": map[string]any{"family": map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH], "variant": nil}, "os": "linux", "libc": "gnu",
		"major": 3, "minor": 12, "patch": 1, "prerelease": "", "url": server.URL + "/cpython-3.12.99.tar.gz", "sha256": hex.EncodeToString(sum[:]), "variant": nil, "build": "20240107",
	}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, place, files{"downloads.json": string(list)})
	t.Setenv("UV_PYTHON_DOWNLOADS_JSON_URL", filepath.Join(place, "downloads.json"))

	var without []python.Interpreter
	for _, i := range interpreters {
		if !strings.HasPrefix(i.Version, "3.12.") {
			without = append(without, i)
		}
	}
	dir := project(t, files{".python-version": "3.12\n", "app.py": "def app(environ, start_response):\n    return []\n"})
	data := t.TempDir()
	if err := os.Symlink(filepath.Join(shared.o.Data, "tools"), filepath.Join(data, "tools")); err != nil {
		t.Fatal(err)
	}
	for _, may := range []bool{false, true} {
		b, err := New(Options{Data: data, Interpreters: without, FetchPython: may})
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		a, err := b.Build(t.Context(), slipway.BuildRequest{Service: "svc", Dir: dir, RunID: "fetch"}, &log)
		if !may {
			if slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "Python 3.12, which is not installed") {
				t.Errorf("without leave: %v", err)
			}
			continue
		}
		if err != nil || a.Manifest.Python != "3.12.1" {
			t.Fatalf("python %s, %v\n%s", a.Manifest.Python, err, log.String())
		}
		real, err := filepath.EvalSymlinks(filepath.Join(a.Path, "venv", "bin", "python"))
		if err != nil || !strings.HasPrefix(real, filepath.Join(data, "pythons")+"/") {
			t.Errorf("the environment's Python is %s, %v", real, err)
		}
	}
}

// TestBuiltOnceMore: what only installing and importing tell, that it needs an older
// Python and the pkg_resources of an older setuptools, is used for a second try; a
// Python that is stated is kept.
func TestBuiltOnceMore(t *testing.T) {
	t.Parallel()
	tree := files{
		"requirements.txt": "./lib\nbottle==0.13.2\n", "lib/pyproject.toml": "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"lib\"\nversion = \"1\"\n[tool.setuptools]\npy-modules = [\"lib\"]\n",
		"lib/lib.py": "from pkg_resources import get_distribution\nfrom collections import Mapping\n", "app.py": "import bottle\nimport lib\napp = bottle.default_app()\n",
	}
	a, log := mustBuild(t, project(t, tree))
	if !strings.HasPrefix(a.Manifest.Python, "3.9.") || !strings.Contains(log, "it is built once more, with Python 3.9.") || !strings.Contains(log, "setuptools<82, which has it, is installed as well") {
		t.Errorf("built with Python %s\n%s", a.Manifest.Python, log)
	}
	tree["lib/lib.py"] = "import asyncio\n"
	tree["lib/setup.py"] = "import asyncio\nfrom setuptools import setup\nasyncio.coroutine\nsetup()\n"
	dir := project(t, tree)
	if a, log = mustBuild(t, dir); !strings.HasPrefix(a.Manifest.Python, "3.10.") {
		t.Errorf("built with Python %s\n%s", a.Manifest.Python, log)
	}
	if again, log := mustBuild(t, dir); again.Digest != a.Digest || strings.Contains(log, "installing requirements.txt") || !strings.Contains(log, "an earlier build of these dependencies failed with this Python") {
		t.Errorf("it is tried once more with the newer one\n%s", log)
	}
	tree["lib/lib.py"], tree[".python-version"] = "from collections import Mapping\n", "3.11\n"
	delete(tree, "lib/setup.py")
	_, log, err := build(t, project(t, tree))
	if err == nil || !strings.Contains(err.Error(), "this needs Python 3.9 or older") || strings.Contains(log, "once more") {
		t.Errorf("a stated Python: %v\n%s", err, log)
	}
}

// TestImportThatConnects: an application that looks for a server while it is imported is
// told which, and how a build is given one.
func TestImportThatConnects(t *testing.T) {
	t.Parallel()
	_, log, err := build(t, project(t, files{
		"requirements.txt": "redis==5.2.1\n", "app.py": "import os\n\nimport redis\n\nredis.Redis.from_url(os.environ.get(\"REDIS_URL\", \"redis://127.0.0.1:1/0\")).ping()\n\n\ndef app(environ, start_response):\n    return []\n",
	}))
	wantRefused(t, err, log, "importing app:app fails: it wants a server at 127.0.0.1:1, and none answers in the build; let it connect when it first needs it", "slipway service set SERVICE --set build.env.REDIS_URL=...")
}
