package build

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// itsOwn are attacks that are none where a dependency is built: both are thrown away.
var itsOwn = []string{
	`    "write to its environment": write(sys.prefix + "/planted"),` + "\n", "",
	`    "exchange its source": lambda: os.rename(os.getcwd(), os.getcwd() + "2"),` + "\n", "",
}

// TestBuiltDependenciesReachTheirOwnOnly has a dependency that is built from source
// try what a build command does, and write to what builds share.
func TestBuiltDependenciesReachTheirOwnOnly(t *testing.T) {
	plantedData(t)
	setup := "import sys\nsys.argv[1:1] = " + fmt.Sprintf("[%q, '%d', 'false']", shared.o.Data, os.Getpid()) + "\nlines = []\nsaid, print = print, lambda *words: lines.append(' '.join(map(str, words)))\n" +
		strings.NewReplacer(itsOwn...).Replace(attacks) +
		"del sys.argv[1:4]\nopen('lib/result.py', 'w').write('RESULT = %r' % '\\n'.join(lines))\nfrom setuptools import setup\nsetup(name='lib', version='1', packages=['lib'])\n"
	a, log := mustBuild(t, project(t, files{
		"requirements.txt": "./lib\nflask>=3,<4\n", "app.py": "print('one')\n", "slipway.yaml": scriptAlone,
		"lib/setup.py": setup, "lib/lib/__init__.py": "",
	}))
	if !strings.Contains(log, "apart from what builds share") {
		t.Errorf("nothing was said of the building:\n%s", log)
	}
	results, _ := filepath.Glob(filepath.Join(a.Path, "venv", "lib", "python3*", "site-packages", "lib", "result.py"))
	if len(results) != 1 {
		t.Fatalf("the dependency was not built: %v\n%s", results, log)
	}
	text, err := os.ReadFile(results[0])
	if err != nil {
		t.Fatal(err)
	}
	checkHeld(t, string(text), 14)
	// What it did where uv alone may run nobody would have told.
	if _, err := os.Stat(filepath.Join(shared.o.Data, "cache", "uv", "planted")); err == nil {
		t.Error("it wrote to the cache that builds share")
	}
}

// TestEnvironmentsShareNothing: what two environments have in common are two copies,
// and nobody writes to either.
func TestEnvironmentsShareNothing(t *testing.T) {
	one, _ := mustBuild(t, project(t, files{"requirements.txt": "iniconfig==2.1.0\n", "app.py": "print('one')\n", "slipway.yaml": scriptAlone}))
	two, _ := mustBuild(t, project(t, files{"requirements.txt": "iniconfig==2.1.0\npackaging==25.0\n", "app.py": "print('one')\n", "slipway.yaml": scriptAlone}))
	var infos []os.FileInfo
	for _, path := range []string{one.Path, two.Path} {
		found, _ := filepath.Glob(filepath.Join(path, "venv", "lib", "python3*", "site-packages", "iniconfig", "__init__.py"))
		if len(found) != 1 {
			t.Fatalf("%v", found)
		}
		info, err := os.Stat(found[0])
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, info)
		if info.Mode().Perm()&0o222 != 0 {
			t.Errorf("%s can be written: %v", found[0], info.Mode())
		}
		compiled, _ := filepath.Glob(filepath.Join(filepath.Dir(found[0]), "__pycache__", "__init__.*.pyc"))
		if len(compiled) != 1 {
			t.Errorf("%s is not compiled", found[0])
		}
	}
	if one.Manifest.Environment == two.Manifest.Environment || os.SameFile(infos[0], infos[1]) {
		t.Error("two environments have one file in common")
	}
	cached := 0
	_ = filepath.WalkDir(filepath.Join(shared.o.Data, "cache", "uv"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == "__init__.py" {
			if info, err := entry.Info(); err == nil {
				cached++
				if os.SameFile(info, infos[0]) {
					t.Errorf("%s is the environment's file", path)
				}
			}
		}
		return nil
	})
	if cached == 0 {
		t.Error("wheels don't come by the common cache")
	}
}

// TestNewestWithoutAWheel: that the common cache takes wheels alone must not mean an
// older version.
func TestNewestWithoutAWheel(t *testing.T) {
	index := t.TempDir()
	t.Setenv("UV_FIND_LINKS", index)
	for version, what := range map[string]string{"1": "--wheel", "2": "--sdist"} {
		dir := project(t, files{"setup.py": "from setuptools import setup\nsetup(name='slipway-newest', version='" + version + "', py_modules=['newest'])\n", "newest.py": "version = " + version + "\n"})
		lock(t, dir, uv, nil, "build", "--quiet", what, "--out-dir", index)
	}
	a, log := mustBuild(t, project(t, files{"requirements.txt": "slipway-newest\n", "app.py": "print('one')\n", "slipway.yaml": scriptAlone}))
	list, err := shared.Dependencies(t.Context(), a.Digest)
	if err != nil || len(list) != 1 || list[0].Version != "2" {
		t.Errorf("%+v %v\n%s", list, err, log)
	}
}

// TestSettingsOfUVMakeAnother: two projects that ask for the same but tell uv to take
// it from elsewhere don't share an environment.
func TestSettingsOfUVMakeAnother(t *testing.T) {
	plain := files{"part/requirements.txt": "iniconfig==2.1.0\n", "part/app.py": "print('one')\n", "part/slipway.yaml": scriptAlone}
	keys := map[string]string{}
	for name, more := range map[string]files{
		"plain": nil, "ruff": {"part/pyproject.toml": "[tool.ruff]\nline-length = 100\n"},
		"uv.toml": {"part/uv.toml": "index-url = \"https://index.example/simple\"\n"}, "above": {"uv.toml": "index-url = \"https://index.example/simple\"\n"},
		"table": {"part/pyproject.toml": "[tool.uv.pip]\nindex-url = \"https://index.example/simple\"\n"}, "table above": {"pyproject.toml": "[tool.uv]\nindex-url = \"https://index.example/simple\"\n"},
	} {
		dir := project(t, with(plain, more))
		var log bytes.Buffer
		r, done, err := shared.newRun(runID("k", t), &log)
		if err != nil {
			t.Fatal(err)
		}
		p, err := r.detect(t.Context(), dir, "part", "")
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, log.String())
		}
		if keys[name], err = r.key(t.Context(), p, dir, ""); err != nil {
			t.Fatal(err)
		}
		done()
	}
	if keys["plain"] != keys["ruff"] {
		t.Error("what isn't uv's makes another environment")
	}
	for _, name := range []string{"uv.toml", "above", "table", "table above"} {
		if keys[name] == keys["plain"] {
			t.Errorf("%s: the environment is the same", name)
		}
	}
}

// TestOlderBuildToolsUnderHashes: that a lock has hashes of what it names is no reason
// to build it with today's tools, of which it has none.
func TestOlderBuildToolsUnderHashes(t *testing.T) {
	index := t.TempDir()
	t.Setenv("UV_FIND_LINKS", index)
	var archive bytes.Buffer
	packed := gzip.NewWriter(&archive)
	w := tar.NewWriter(packed)
	for _, f := range [][2]string{{"PKG-INFO", "Metadata-Version: 1.0\nName: slipway-hashed\nVersion: 1\n"}, {"hashed.py", ""}, {"setup.py", "from setuptools import convert_path, setup\nsetup(name='slipway-hashed', version='1', py_modules=['hashed'])\n"}} {
		if err := w.WriteHeader(&tar.Header{Name: "slipway-hashed-1/" + f[0], Mode: 0o644, Size: int64(len(f[1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), packed.Close(), os.WriteFile(filepath.Join(index, "slipway-hashed-1.tar.gz"), archive.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	_, log := mustBuild(t, project(t, files{"requirements.txt": fmt.Sprintf("slipway-hashed==1 --hash=sha256:%x\n", sha256.Sum256(archive.Bytes())), "app.py": "print('one')\n", "slipway.yaml": scriptAlone}))
	if !strings.Contains(log, "building it again with setuptools<70") {
		t.Errorf("nothing was said of older tools:\n%s", log)
	}
}

// TestOlderBuildTools: what today's build tools refuse is built with those of its days.
func TestOlderBuildTools(t *testing.T) {
	t.Parallel()
	a, log := mustBuild(t, project(t, files{
		"requirements.txt": "./lib\n", "app.py": "print('one')\n", "slipway.yaml": scriptAlone,
		"lib/setup.py": "from setuptools import convert_path, setup\nsetup(name='slipway-old', version='1', py_modules=['old'], package_dir={'': convert_path('src')})\n", "lib/src/old.py": "",
	}))
	if !strings.Contains(log, "building it again with setuptools<70") {
		t.Errorf("nothing was said of older tools:\n%s", log)
	}
	if found, _ := filepath.Glob(filepath.Join(a.Path, "venv", "lib", "python3*", "site-packages", "old.py")); len(found) != 1 {
		t.Errorf("it isn't installed: %v", found)
	}
	for said, want := range map[string]string{
		"ImportError: cannot import name 'Feature' from 'setuptools' (/x/__init__.py)":                  "setuptools<46",
		"ImportError: cannot import name 'Feature'\n":                                                   "setuptools<46",
		"ImportError: cannot import name 'Feature' from 'flags' (/x/flags.py)":                          "",
		"error in anyjson setup command: use_2to3 is invalid.":                                          "setuptools<58",
		"setuptools.extern.packaging.version.InvalidVersion: Invalid version: '1.0-dev-x'":              "setuptools<66",
		"error in celery setup command: 'extras_require' must be a dictionary whose values are strings": "setuptools<66",
		"ModuleNotFoundError: No module named 'setuptools.command.test'":                                "setuptools<72",
		"setuptools.errors.InvalidConfigError: Invalid dash-separated key 'description-file'":           "setuptools<78",
		"error: command 'gcc' failed":                                                                   "",
	} {
		if got := strings.Join(olderTools(said), " "); got != want {
			t.Errorf("%q needs %q, want %q", said, got, want)
		}
	}
}
