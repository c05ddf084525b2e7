package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

const (
	localLibrary = "[project]\nname = \"lib\"\nversion = \"1\"\n\n[build-system]\nrequires = [\"setuptools>=77\"]\nbuild-backend = \"setuptools.build_meta\"\n\n[tool.setuptools]\npackages = [\"lib\"]\n"
	scriptAlone  = "processes: {web: python app.py}\n"
	onLibrary    = "[project]\nname = \"svc\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"lib\"]\n"
)

// TestPartsOfTheTree: what is installed from the source is part of what an
// environment is known by, with every manager and in every spelling. Two commits
// that differ in the library alone, and two repositories with equal manifests,
// each run their own; and nothing of it is a link to where it was built.
func TestPartsOfTheTree(t *testing.T) {
	poetry2 := "[project]\nname = \"svc\"\nversion = \"1\"\nrequires-python = \">=3.10,<4\"\ndynamic = [\"dependencies\"]\n\n[tool.poetry]\npackage-mode = false\n\n[tool.poetry.dependencies]\nlib = {path = \"lib\", develop = "
	tests := []struct {
		name  string
		files files
		lock  func(t *testing.T, dir string)
	}{
		{"pip path", files{"requirements.txt": "./lib\n"}, nil},
		{"pip editable", files{"requirements.txt": "-r more.txt\n", "more.txt": "-e ./lib\n"}, nil},
		{"pip file URL", files{"requirements.txt": "lib @ file:./lib\n"}, nil},
		{"uv path", files{"pyproject.toml": onLibrary + "\n[tool.uv.sources]\nlib = {path = \"lib\", editable = true}\n"},
			func(t *testing.T, dir string) { lock(t, dir, uv, nil, "lock") }},
		{"uv workspace", files{"pyproject.toml": onLibrary + "\n[tool.uv.sources]\nlib = {workspace = true}\n\n[tool.uv.workspace]\nmembers = [\"lib\"]\n"},
			func(t *testing.T, dir string) { lock(t, dir, uv, nil, "lock") }},
		{"uv without a lock", files{"pyproject.toml": onLibrary + "\n[tool.uv.sources]\nlib = {path = \"lib\", editable = true}\n"}, nil},
		{"poetry path", files{"pyproject.toml": poetry2 + "false}\n"}, func(t *testing.T, dir string) { lock(t, dir, poetry, nil, "lock", "-q") }},
		{"poetry develop", files{"pyproject.toml": poetry2 + "true}\n"}, func(t *testing.T, dir string) { lock(t, dir, poetry, nil, "lock", "-q") }},
		{"pdm path", files{"pyproject.toml": strings.Replace(onLibrary, "\"lib\"]", "\"lib @ file:///${PROJECT_ROOT}/lib\"]", 1) + "\n[tool.pdm]\ndistribution = false\n"},
			func(t *testing.T, dir string) { lock(t, dir, pdm, nil, "lock") }},
		{"pipenv editable", files{"Pipfile": "[packages]\nlib = {path = \"./lib\", editable = true}\n"}, func(t *testing.T, dir string) { lock(t, dir, pipenv, nil, "lock") }},
		{"pipenv itself", files{"Pipfile": "[packages]\nlib = {path = \".\", editable = true}\nsix = \"==1.17.0\"\n", "pyproject.toml": localLibrary + "package-dir = {lib = \"lib/lib\"}\n"}, func(t *testing.T, dir string) { lock(t, dir, pipenv, nil, "lock") }},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			// Not the name of a directory: that one lies on the path of every process.
			common := files{"app.py": "print('one')\n", "slipway.yaml": scriptAlone, "lib/pyproject.toml": localLibrary, "lib/lib/__init__.py": "value = 'one'\n"}
			dir := project(t, with(common, tc.files))
			if tc.lock != nil {
				tc.lock(t, dir)
			}
			first, log := mustBuild(t, dir)
			if got := installed(t, first); got != "one" {
				t.Fatalf("release 1 has %q\n%s", got, log)
			}
			write(t, dir, files{"lib/lib/__init__.py": "value = 'two'\n"})
			second, log := mustBuild(t, dir)
			if got := installed(t, second); got != "two" || second.Digest == first.Digest {
				t.Errorf("release 2 has %q\n%s", got, log)
			}
			if got := installed(t, first); got != "one" {
				t.Errorf("release 1 has %q since release 2", got)
			}
			again, _ := mustBuild(t, dir)
			if !again.Reused || again.Digest != second.Digest {
				t.Error("the same tree is not built from the same environment")
			}
		})
	}
}

// installed is the library's value as the release's environment has it, without
// the source beside it.
func installed(t *testing.T, a slipway.Artifact) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(a.Path, "venv", "bin", "python"), "-I", "-c", "import lib; print(lib.value)")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestDivide tells requirements of the tree from those of an index.
func TestDivide(t *testing.T) {
	exported := "flask==3.1.0 ; python_version >= \"3.10\" \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n-e file:///w/lib ; python_version >= \"3.10\"\n" +
		"other[x] @ file:///w/other\nsix @ https://files.example/six.whl --hash=sha256:cc\n./third\n-i https://index.example/simple\n" +
		"yaml @ git+https://git.example/yaml.git@a9c28e0b521967f5330f0316edd90a57f99cdd32 ; python_version >= \"3.10\"\nbranch @ git+https://git.example/b.git@main\nshort @ git+https://git.example/b.git@a9c28e0\n"
	others, local := divide(exported)
	wantLocal := "file:///w/lib ; python_version >= \"3.10\"\nother[x] @ file:///w/other\n./third\nyaml @ git+https://git.example/yaml.git@a9c28e0b521967f5330f0316edd90a57f99cdd32 ; python_version >= \"3.10\"\n"
	if local != wantLocal || strings.Count(others, "--hash") != 3 || strings.Contains(others, "/w/") || !strings.Contains(others, "-i https://index.example") {
		t.Errorf("others %q\nlocal %q", others, local)
	}
	dir := project(t, files{"exported.txt": "Flask==3.1.0; python_version >= \"3.10\"\nlib @ file:///w/lib\n",
		"pdm.lock": "[[package]]\nname = \"flask\"\nversion = \"3.1.0\"\nfiles = [{file = \"a\", hash = \"sha256:aa\"}, {file = \"b\", hash = \"sha256:bb\"}]\n"})
	if err := hashFromPDM(filepath.Join(dir, "exported.txt"), filepath.Join(dir, "pdm.lock")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "exported.txt"))
	if want := "Flask==3.1.0; python_version >= \"3.10\" --hash=sha256:aa --hash=sha256:bb\nlib @ file:///w/lib\n"; err != nil || string(text) != want {
		t.Errorf("%q %v", text, err)
	}
}

// TestLinksOut is the net under the managers' own options: an environment that
// takes code from the build's directory is refused.
func TestLinksOut(t *testing.T) {
	venv, gone := t.TempDir(), "/somewhere/run-1"
	packages := filepath.Join(venv, "lib", "python3.12", "site-packages")
	write(t, packages, files{"good.pth": "/usr/share/python\n", "lib/__init__.py": "# " + gone + "\n"})
	if name, err := linksOut(venv, gone); err != nil || name != "" {
		t.Errorf("%q %v", name, err)
	}
	for _, name := range []string{"lib.pth", "__editable__.lib-1.pth", "__editable___lib_1_finder.py", "lib.egg-link"} {
		write(t, packages, files{name: "x = '" + gone + "/source/lib'\n"})
		if got, err := linksOut(venv, gone); err != nil || got != name {
			t.Errorf("%s: %q %v", name, got, err)
		}
		if err := os.Remove(filepath.Join(packages, name)); err != nil {
			t.Fatal(err)
		}
	}
}
