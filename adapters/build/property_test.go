package build

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestWhatAnEnvironmentIsKnownBy changes one file of a generated project after the
// other. Each change makes another release; and where the environment is said to be
// the same as before, one that is made anew from the changed project has to be the
// same, byte by byte. So no file that an install reads can be left out of what an
// environment is known by. The judge is the install, not what we think that it reads.
func TestWhatAnEnvironmentIsKnownBy(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			f := generated(int(seed%3), rand.New(rand.NewPCG(seed, 12)), fmt.Sprintf("# of seed %d alone\n", seed))
			dir := project(t, f)
			if _, ok := f["requirements.txt"]; !ok {
				lock(t, dir, uv, nil, "lock")
				text, err := os.ReadFile(filepath.Join(dir, "uv.lock"))
				if err != nil {
					t.Fatal(err)
				}
				f["uv.lock"] = string(text)
			}
			before, log := mustBuild(t, dir)
			first, outside := environmentOf(t, before), 0
			for _, name := range slices.Sorted(maps.Keys(f)) {
				write(t, dir, files{name: changed(name, f[name])})
				if keyOf(t, dir) == first.key {
					outside++
					if second, log := anew(t, dir, first.key); second.made != first || second.release == before.Digest {
						t.Errorf("%s is read by the install, and the environment isn't known by it; or it isn't in the release\n%s", name, log)
					}
				}
				write(t, dir, files{name: f[name]})
			}
			if keyOf(t, dir) != first.key {
				t.Error("what was changed and changed back is another environment")
			}
			t.Logf("%d files, %d of them outside the environment\n%s", len(f), outside, log)
		})
	}
}

// made is an environment: what it is known by, and what it is.
type made struct{ key, digest string }

func environmentOf(t *testing.T, a slipway.Artifact) made {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shared.o.Data, "environments", a.Manifest.Environment, "digest"))
	if err != nil {
		t.Fatal(err)
	}
	return made{a.Manifest.Environment, string(text)}
}

// keyOf is what a build of the files in dir would know its environment by.
func keyOf(t *testing.T, dir string) string {
	t.Helper()
	var log bytes.Buffer
	r, done, err := shared.newRun(runID("k", t), &log)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	var overrides slipway.Overrides
	p, err := r.detect(t.Context(), dir, "", overrides)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	key, err := r.key(t.Context(), p, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

type remade struct {
	made
	release slipway.Digest
}

// anew has an environment made once more at its place, from the files in dir.
func anew(t *testing.T, dir, key string) (remade, string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(shared.o.Data, "environments", key)); err != nil {
		t.Fatal(err)
	}
	a, log := mustBuild(t, dir)
	if a.Reused {
		t.Fatalf("it was not made anew\n%s", log)
	}
	return remade{environmentOf(t, a), a.Digest}, log
}

// generated is a project whose install reads some of its files, in spellings that
// are drawn: requirements and constraints that include others, a library in the tree
// whose build reads a file beside it, a directory of wheels, settings of uv; or a
// pyproject.toml, which is to be locked. The first shape is to be locked, the second has
// parts of its tree installed, the third has not. mark is a comment that no other one has.
func generated(shape int, r *rand.Rand, mark string) files {
	draw := func(of ...string) string { return of[r.IntN(len(of))] }
	f := files{
		"app.py": "print('one')\n", "slipway.yaml": scriptAlone, "README.md": "A service.\n", "data/table.csv": "1,2\n", ".gitignore": "*.pyc\n",
		"templates/index.html": "<p>one</p>\n", "test_app.py": "def test_app():\n    assert True\n", "scripts/run.sh": "#!/bin/sh\n", ".env": "A=1\n",
	}
	if r.IntN(2) == 0 {
		f["uv.toml"] = "index-strategy = \"first-index\"\n"
	}
	if shape == 0 {
		f["pyproject.toml"] = "[project]\nname = \"svc\"\nversion = \"1\"\nrequires-python = \">=3.10\"\nreadme = \"README.md\"\ndependencies = [\"iniconfig==2.0.0\"]\n" + mark
		return f
	}
	include, constrain, folder := draw("-r ", "--requirement=", "--requirement "), draw("-c ", "--constraint=", "--constraint "), draw("", "deps/", "deps/more/")
	lines := []string{include + folder + "base.txt"}
	f[folder+"base.txt"] = draw("iniconfig", "iniconfig>=2", "iniconfig ; python_version > '3'") + "\n" + constrain + draw("limits.txt", "./limits.txt") + "\n"
	f[folder+"limits.txt"] = "iniconfig==2.0.0\n"
	if shape == 1 {
		at := draw("lib/", "parts/lib/")
		f[at+"setup.py"] = "from setuptools import setup\n\nsetup(name='lib', version=open('" + strings.Repeat("../", strings.Count(at, "/")) + "VERSION').read().strip(), packages=['lib'], package_data={'lib': ['*.txt']})\n"
		f[at+"lib/__init__.py"], f[at+"lib/note.txt"], f["VERSION"] = "value = 'one'\n", "one\n", "1\n"
		lines = append(lines, []string{"./" + at, "-e ./" + at, "lib @ file:./" + at}[r.IntN(3)])
	}
	if shape == 1 && r.IntN(2) == 0 {
		f["wheels/small-1-py3-none-any.whl"] = smallWheel("one")
		lines = append(lines, draw("--find-links ./wheels", "-f wheels", "--find-links=wheels"), "small==1")
	}
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	f["requirements.txt"] = mark + strings.Join(lines, "\n") + "\n"
	return f
}

// changed is another text of a file, as its kind allows it.
func changed(name, text string) string {
	switch {
	case strings.HasSuffix(name, ".whl"):
		return smallWheel("two")
	case name == "uv.lock":
		return text + "\n# more\n"
	case path.Base(name) == "limits.txt":
		return "iniconfig==2.1.0\n"
	case path.Base(name) == "VERSION":
		return "2\n"
	case strings.HasSuffix(name, ".py"):
		return text + "\nmore = 2\n"
	case path.Base(name) == "requirements.txt" || path.Base(name) == "base.txt":
		return text + "typing-extensions\n"
	case strings.HasSuffix(name, ".toml") || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".sh"):
		return text + "# more\n"
	}
	return text + "more\n"
}

func smallWheel(value string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range [][2]string{
		{"small.py", "value = '" + value + "'\n"}, {"small-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1\n"},
		{"small-1.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{"small-1.dist-info/RECORD", "small.py,,\nsmall-1.dist-info/METADATA,,\nsmall-1.dist-info/WHEEL,,\nsmall-1.dist-info/RECORD,,\n"},
	} {
		part, err := w.Create(f[0])
		if err == nil {
			_, err = part.Write([]byte(f[1]))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}
