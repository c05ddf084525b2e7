package python

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
)

func cacheKey(t *testing.T, tree fstest.MapFS, interpreter, bucket string) string {
	t.Helper()
	p, err := Detect(tree, Options{Interpreters: defaultInterpreters()})
	if err != nil {
		t.Fatal(err)
	}
	key, err := p.CacheKey(interpreter, "linux-x86_64", "1", bucket, "", nil, func(name string) ([]byte, error) { return fs.ReadFile(tree, name) })
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestCacheKey(t *testing.T) {
	tree := func(base, requirements string) fstest.MapFS {
		return fstest.MapFS{
			"requirements.txt": {Data: []byte("-r base.txt\n" + requirements)},
			"base.txt":         {Data: []byte(base)},
			"app.py":           {Data: []byte("app = 1\n")},
		}
	}
	pinned := tree("six==1.17.0\n", "")
	first := cacheKey(t, pinned, "3.12.1", "monday")
	if cacheKey(t, pinned, "3.12.1", "tuesday") != first {
		t.Error("a pinned environment was renewed by time alone")
	}
	pinned["app.py"] = &fstest.MapFile{Data: []byte("app = 2\n")}
	if cacheKey(t, pinned, "3.12.1", "monday") != first {
		t.Error("a change of code made another environment")
	}
	if cacheKey(t, pinned, "3.12.2", "monday") == first {
		t.Error("another interpreter has the same key")
	}
	if cacheKey(t, tree("six==1.16.0\n", ""), "3.12.1", "monday") == first {
		t.Error("a change of a nested file was not seen")
	}
	loose := tree("six==1.17.0\n", "flask\n")
	if cacheKey(t, loose, "3.12.1", "monday") == cacheKey(t, loose, "3.12.1", "tuesday") {
		t.Error("an unpinned environment is never renewed")
	}
}

// TestLocalParts: an environment with a part that is built from the tree is known
// by the whole tree, however the part is spelled; one without is not.
func TestLocalParts(t *testing.T) {
	lib := fstest.MapFS{"lib/pyproject.toml": {Data: []byte("[project]\nname = 'lib'\nversion = '1'\n")}, "app.py": {Data: []byte("app = 1\n")},
		"slipway.yaml": {Data: []byte("processes: {web: python app.py}\n")}, "wheels/x-1-py3-none-any.whl": {}}
	const head = "[project]\nname = 'svc'\nversion = '1'\n"
	cases := []struct {
		name              string
		files             map[string]string
		production, tests bool
	}{
		{"from an index", map[string]string{"requirements.txt": "six==1.17.0\n"}, false, false},
		{"from a repository", map[string]string{"requirements.txt": "six @ git+https://example.com/six@0123456789\n"}, false, false},
		{"path", map[string]string{"requirements.txt": "./lib\n"}, true, true},
		{"path with an extra", map[string]string{"requirements.txt": "./lib[x]\n"}, true, true},
		{"itself", map[string]string{"requirements.txt": "-e .\n", "setup.py": "from setuptools import setup\nsetup(name='svc')\n"}, true, true},
		{"nested", map[string]string{"requirements.txt": "-r a/b.txt\n", "a/b.txt": "-e ./lib\n"}, true, true},
		{"constraint", map[string]string{"requirements.txt": "six==1.17.0\n-c c.txt\n", "c.txt": "six @ file:./wheels/x-1-py3-none-any.whl\n"}, true, true},
		{"wheels beside it", map[string]string{"requirements.txt": "--find-links wheels\nsix==1.17.0\n"}, true, true},
		{"file URL", map[string]string{"pyproject.toml": head + "dependencies = ['lib @ file:lib']\n"}, true, true},
		{"root URL", map[string]string{"pyproject.toml": head + "dependencies = ['lib @ file:///${PROJECT_ROOT}/lib']\n"}, true, true},
		{"uv source", map[string]string{"pyproject.toml": head + "dependencies = ['lib']\n[tool.uv.sources]\nlib = {path = 'lib'}\n"}, true, true},
		{"uv sources by marker", map[string]string{"pyproject.toml": head + "dependencies = ['lib']\n[tool.uv.sources]\nlib = [{path = 'lib', marker = \"sys_platform == 'linux'\"}]\n"}, true, true},
		{"uv find-links", map[string]string{"pyproject.toml": head + "dependencies = ['six']\n[tool.uv]\nfind-links = ['wheels']\n"}, true, true},
		{"computed dependencies", map[string]string{"pyproject.toml": head + "dynamic = ['dependencies']\n[tool.setuptools.dynamic]\ndependencies = {file = ['r.in']}\n", "r.in": "six\n"}, true, true},
		{"tests alone", map[string]string{"requirements.txt": "six==1.17.0\n", "requirements-dev.txt": "pytest==8.4.2\n./lib\n", "tests/test_a.py": "def test(): pass\n"}, false, true},
		{"group alone", map[string]string{"pyproject.toml": head + "dependencies = ['six']\n[dependency-groups]\ntest = ['pytest', 'lib @ file:lib']\n", "tests/test_a.py": "def test(): pass\n"}, false, true},
	}
	for _, c := range cases {
		tree := fstest.MapFS{}
		for name, f := range lib {
			tree[name] = f
		}
		for name, text := range c.files {
			tree[name] = &fstest.MapFile{Data: []byte(text)}
		}
		p, err := Detect(tree, Options{Interpreters: defaultInterpreters()})
		if err != nil {
			t.Fatal(err)
		}
		if (p.Install.Local != "") != c.production || (p.Test.Local != "") != c.tests {
			t.Errorf("%s: production %q, tests %q", c.name, p.Install.Local, p.Test.Local)
		}
		key := func(tree string) (string, error) {
			return p.CacheKey("3.12.1", "linux-x86_64", "1", "monday", tree, nil, func(name string) ([]byte, error) { return []byte(name), nil })
		}
		one, err1 := key("one")
		two, err2 := key("two")
		if err1 != nil || err2 != nil || one == two {
			t.Errorf("%s: the tree is not part of the key: %v %v", c.name, err1, err2)
		}
		if _, err := key(""); (err != nil) != c.production {
			t.Errorf("%s: without the tree's digest: %v", c.name, err)
		}
	}
}

// TestHashesAreALock: requirements that all carry hashes are a lock, whoever wrote them
// there, as installers then take nothing else; versions alone leave what they bring open.
func TestHashesAreALock(t *testing.T) {
	hash := " --hash=sha256:" + fmt.Sprintf("%x", sha256.Sum256([]byte("x")))
	for name, c := range map[string]struct {
		text   string
		locked bool
	}{
		"hashes, no header":       {"six==1.17.0" + hash + "\n", true},
		"exported by uv":          {"# This file was autogenerated by uv via the following command:\n#    uv export\nsix==1.17.0" + hash + "\n", true},
		"exported without hashes": {"# This file was autogenerated by uv via the following command:\n#    uv export --no-hashes\nsix==1.17.0\n", false},
		"versions alone":          {"six==1.17.0\n", false},
	} {
		p, err := Detect(fstest.MapFS{"requirements.txt": {Data: []byte(c.text)}, "app.py": {Data: []byte("app = 1\n")}}, Options{Interpreters: defaultInterpreters()})
		if err != nil {
			t.Fatal(err)
		}
		if locked := p.Lock != nil; locked != c.locked || locked && p.Lock.Digest != fmt.Sprintf("%x", sha256.Sum256([]byte(c.text))) {
			t.Errorf("%s: lock %+v", name, p.Lock)
		}
	}
}
