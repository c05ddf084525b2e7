package build

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/artifact"
	"github.com/slipway-dev/slipway/python"
)

// compiled lays out an environment with these packages and gives it its bytecode.
func compiled(t *testing.T, packages files, before func(library string)) (interpreter, library string) {
	t.Helper()
	return compiledTelling(t, new(bytes.Buffer), packages, before)
}

func compiledTelling(t *testing.T, log *bytes.Buffer, packages files, before func(library string)) (interpreter, library string) {
	t.Helper()
	r, done, err := shared.newRun(runID("c", t), log)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	p := &python.Project{}
	if p.Python.Interpreter, err = toolInterpreter(interpreters); err != nil {
		t.Fatal(err)
	}
	for _, i := range interpreters {
		if i.Path == p.Python.Interpreter {
			p.Python.Version = i.Version
		}
	}
	env := environment{dir: t.TempDir()}
	library = filepath.Join(env.venv(), "lib", fmt.Sprintf("python3.%d", minor(p.Python.Version)), "site-packages")
	write(t, library, packages)
	if before != nil {
		before(library)
	}
	if err := r.compile(t.Context(), p, env); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	return p.Python.Interpreter, library
}

// TestCompilingIsTold: what keeps a build waiting for seconds says so, and what doesn't
// says nothing.
func TestCompilingIsTold(t *testing.T) {
	packages := files{}
	for i := range sayCompiling + 1 {
		packages[fmt.Sprintf("pkg/m%d.py", i)] = fmt.Sprintf("number = %d  # %s\n", i, t.Name())
	}
	for _, want := range []string{"compiling 201 Python files, so that no start has to\n", ""} {
		var log bytes.Buffer
		if compiledTelling(t, &log, packages, nil); log.String() != want {
			t.Errorf("said %q, want %q", log.String(), want)
		}
	}
}

func bytecodeIn(t *testing.T, library, name string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(library, filepath.Dir(name), "__pycache__", filepath.Base(name)+".*.pyc"))
	if len(found) != 1 {
		t.Fatalf("%s is not compiled: %v", name, found)
	}
	return found[0]
}

// TestBytecodeIsMadeOnce: a second environment with the same source gets a copy of
// what was made for the first, which says where its own source lies.
func TestBytecodeIsMadeOnce(t *testing.T) {
	packages := files{"pkg/__init__.py": "import sys\nwhere = sys._getframe().f_code.co_filename  # " + t.Name() + "\n", "pkg/template.py": "def {{ name }}(): pass\n"}
	_, first := compiled(t, packages, nil)
	stored := func() map[string]os.FileInfo {
		all := map[string]os.FileInfo{}
		_ = filepath.WalkDir(shared.bytecodes(), func(path string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				all[path], _ = entry.Info()
			}
			return err
		})
		return all
	}
	before := stored()
	interpreter, second := compiled(t, packages, nil)
	after := stored()
	for path, info := range after {
		if old, there := before[path]; !there || !os.SameFile(old, info) {
			t.Errorf("%s was made again", filepath.Base(path))
		}
	}
	infos := make([]os.FileInfo, 2)
	for i, library := range []string{first, second} {
		info, err := os.Stat(bytecodeIn(t, library, "pkg/__init__"))
		if err != nil {
			t.Fatal(err)
		}
		infos[i] = info
		for path, kept := range after {
			if os.SameFile(kept, info) {
				t.Errorf("%s is a file of the store: %s", library, path)
			}
		}
	}
	if os.SameFile(infos[0], infos[1]) {
		t.Error("two environments have one file in common")
	}
	// That it is used shows when the source says something else.
	write(t, second, files{"pkg/__init__.py": "where = 'the source was read'\n"})
	out, err := exec.CommandContext(t.Context(), interpreter, "-I", "-B", "-c", "import sys; sys.path.insert(0, sys.argv[1]); import pkg; print(pkg.where)", second).CombinedOutput()
	if want := filepath.Join(second, "pkg", "__init__.py"); err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%s, not %s: %v", out, want, err)
	}
	if err := shared.sweepBytecode(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for path := range stored() {
		if filepath.Base(path) != "tag" {
			t.Errorf("%s is kept for ever", path)
		}
	}
	_, third := compiled(t, packages, nil)
	bytecodeIn(t, third, "pkg/__init__")
}

// TestBytecodeOfAPackageIsNotBelieved: what a package brings in the place of its
// bytecode is neither run nor given to others, and leads nowhere.
func TestBytecodeOfAPackageIsNotBelieved(t *testing.T) {
	text := "value = 'source'  # " + t.Name() + "\n"
	interpreter, evil := compiled(t, files{"pkg/evil.py": "value = 'evil'\n"}, nil)
	brought, err := os.ReadFile(bytecodeIn(t, evil, "pkg/evil"))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Replace(filepath.Base(bytecodeIn(t, evil, "pkg/evil")), "evil", "mod", 1)
	outside := t.TempDir()
	var libraries []string
	for _, library := range []string{"evil", "innocent"} {
		_, dir := compiled(t, files{"pkg/mod.py": text, "out/mod.py": text, "link/mod.py": text}, func(dir string) {
			if library == "innocent" {
				return
			}
			write(t, dir, files{"pkg/__pycache__/" + name: string(brought), "link/__pycache__/x": ""})
			for at, to := range map[string]string{"out/__pycache__": outside, "link/__pycache__/" + name: filepath.Join(outside, "written")} {
				if err := os.Symlink(to, filepath.Join(dir, at)); err != nil {
					t.Fatal(err)
				}
			}
		})
		libraries = append(libraries, dir)
	}
	for _, library := range libraries {
		out, err := exec.CommandContext(t.Context(), interpreter, "-I", "-B", "-c", "import sys; sys.path.insert(0, sys.argv[1]); import pkg.mod; print(pkg.mod.value)", library).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "source" {
			t.Errorf("%s: %s %v", library, out, err)
		}
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("the platform followed a link out of the environment: %v %v", left, err)
	}
}

// TestBuildsKeepRecords: the first look at a release reads nothing again, since the
// builder has written down what it made.
func TestBuildsKeepRecords(t *testing.T) {
	a, _ := mustBuild(t, project(t, unit("pass")))
	for _, record := range []string{filepath.Join(a.Path, artifact.Record), filepath.Join(shared.o.Data, "environments", a.Manifest.Environment, artifact.Record)} {
		if info, err := os.Stat(record); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", record, err)
		}
	}
	if err := artifact.Verify(t.Context(), shared.o.Data, a.Digest); err != nil {
		t.Error(err)
	}
}
