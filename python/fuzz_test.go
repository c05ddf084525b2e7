package python

import (
	"testing"
	"testing/fstest"
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
		if v, ok := parseVersion(text); ok {
			if again, ok := parseVersion(v.String()); !ok || again.compare(v) != 0 {
				t.Fatalf("%q reads as %q and not back", text, v)
			}
		}
		set, err := parseSpecifiers(text)
		if err == nil {
			set.contains(version{release: []int{3, 12}, post: -1, dev: -1})
		}
		_, _ = sameMarker(text, "python_version >= '3.9' and "+text, nil)
		_, _ = setOf(text)
		wheelFits(text, 12)
	})
}
