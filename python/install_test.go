package python

import (
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
	key, err := p.CacheKey(interpreter, "linux-x86_64", "1", bucket, nil, func(name string) ([]byte, error) { return fs.ReadFile(tree, name) })
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
