package build

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

const (
	flaskProject = "[project]\nname = \"svc\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"flask>=3,<4\"]\n"
	testGroup    = "\n[dependency-groups]\ntest = [\"pytest>=8,<9\"]\n"
	devGroup     = "dev = [\"iniconfig>=2\"]\n"
	pytestSource = "from app import app\n\n\ndef test_index():\n    assert app.test_client().get(\"/\").status_code == 200\n"
)

func TestManagers(t *testing.T) {
	flask := files{"app.py": flaskApp}
	tests := []struct {
		name    string
		manager python.Manager
		files   files
		lock    func(t *testing.T, dir string)
		module  string // in the environment; "" when it is empty
		absent  string // a test dependency, which production must not have
		change  string // a source file to which a line is added
		itself  bool   // the project is installed, so a change makes a new environment
		tested  int    // how many tests pass
	}{
		{name: "uv", manager: python.UV, files: with(flask, files{"pyproject.toml": flaskProject + testGroup + devGroup, "test_app.py": pytestSource}),
			lock: func(t *testing.T, dir string) { lock(t, dir, uv, nil, "lock") }, module: "flask", absent: "pytest iniconfig", tested: 1},
		{name: "poetry", manager: python.Poetry, files: example(t, "catalog"), module: "fastapi", absent: "pytest httpx", change: "catalog/main.py", tested: -1},
		{name: "pdm", manager: python.PDM, files: with(flask, files{"pyproject.toml": flaskProject + testGroup + "\n[tool.pdm]\ndistribution = false\n", "test_app.py": pytestSource}),
			lock: func(t *testing.T, dir string) { lock(t, dir, pdm, nil, "lock") }, module: "flask", absent: "pytest", tested: 1},
		{name: "pdm without markers", manager: python.PDM, files: with(flask, files{"pyproject.toml": flaskProject + "\n[tool.pdm]\ndistribution = false\n\n[tool.pdm.dev-dependencies]\ntest = [\"pytest>=8,<9\"]\n", "test_app.py": pytestSource}),
			lock: func(t *testing.T, dir string) { lock(t, dir, pdm, nil, "lock", "--strategy", "no_inherit_metadata") }, module: "flask", absent: "pytest", tested: 1},
		{name: "pipenv", manager: python.Pipenv,
			files: with(flask, files{"Pipfile": "[packages]\nflask = \">=3,<4\"\n\n[dev-packages]\npytest = \">=8,<9\"\n", "test_app.py": pytestSource}),
			lock:  func(t *testing.T, dir string) { lock(t, dir, pipenv, nil, "lock") }, module: "flask", absent: "pytest", tested: 1},
		{name: "pip-tools", manager: python.PipTools, files: example(t, "payments"), module: "flask", absent: "pytest", tested: 3},
		{name: "requirements", manager: python.Pip, files: with(flask, files{"requirements.txt": "flask>=3,<4\nwsgiref==0.1.2\n"}), module: "flask", absent: "wsgiref"},
		{name: "pipenv without a lock", manager: python.Pip, files: with(flask, files{"Pipfile": "[packages]\nflask = \">=3,<4\"\n\n[dev-packages]\npytest = \">=8,<9\"\n", "test_app.py": pytestSource}), module: "flask", absent: "pytest", tested: 1},
		{name: "virtualenv", manager: python.Pip, files: with(flask, files{"requirements.txt": "flask>=3,<4\n", "slipway.yaml": "virtualenv: true\n"}), module: "flask"},
		{name: "project", manager: python.Pip, files: with(flask, files{"pyproject.toml": flaskProject}), module: "flask"},
		{name: "setup", manager: python.Pip, itself: true, module: "flask", files: with(flask, files{
			"setup.py": "from setuptools import setup\n\nsetup(name=\"svc\", version=\"1\", py_modules=[\"app\"], install_requires=[\"flask>=3,<4\"])\n"})},
		{name: "nothing", manager: python.NoDeps, files: files{"app.py": "print('one')\n", "slipway.yaml": "processes: {web: python app.py}\n"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, tc.files)
			if tc.lock != nil {
				tc.lock(t, dir)
			}
			detected, err := python.Detect(os.DirFS(dir), python.Options{Interpreters: interpreters})
			if err != nil || detected.Manager != tc.manager {
				t.Fatalf("manager %v, %v; want %s", detected, err, tc.manager)
			}
			first, log := mustBuild(t, dir)
			checkEnvironment(t, first, tc.module, tc.absent, tc.manager)

			again, log2 := mustBuild(t, dir)
			if again.Digest != first.Digest || !again.Reused {
				t.Errorf("again: digest %s reused %v, first %s\n%s\n%s", again.Digest, again.Reused, first.Digest, log, log2)
			}
			change := tc.change
			if change == "" {
				change = "app.py"
			}
			write(t, dir, files{change: tc.files[change] + "\n# two\n"})
			changed, _ := mustBuild(t, dir)
			if changed.Digest == first.Digest {
				t.Error("a change of the source gives the same digest")
			}
			if changed.Reused == tc.itself {
				t.Errorf("reused is %v after a change of the source", changed.Reused)
			}
			checkTests(t, dir, tc.tested)
		})
	}
}

func checkTests(t *testing.T, dir string, want int) {
	t.Helper()
	report, log, err := runTests(t, dir, 0)
	if err != nil {
		t.Fatalf("tests: %v\n%s", err, log)
	}
	if want >= 0 && report.Passed != want || report.Passed != report.Total || want < 0 && report.Passed == 0 {
		t.Errorf("report %+v, want %d passed\n%s", report, want, log)
	}
}

func checkEnvironment(t *testing.T, a slipway.Artifact, module, absent string, manager python.Manager) {
	t.Helper()
	list, err := shared.Dependencies(t.Context(), a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(list, func(a, b slipway.Dependency) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the dependencies are not sorted")
	}
	direct := map[string]bool{}
	for _, d := range list {
		direct[d.Name] = d.Direct
		if slices.Contains(strings.Fields(absent), d.Name) {
			t.Errorf("production has %s %s", d.Name, d.Version)
		}
	}
	if module == "" {
		if len(list) > 0 {
			t.Errorf("the empty environment has %v", list)
		}
		return
	}
	if !direct[module] {
		t.Errorf("%s is not a direct dependency: %v", module, list)
	}
	// A compiled requirements.txt names every package, so that all are direct.
	if indirect, ok := direct["markupsafe"]; module == "flask" && manager != python.PipTools && (!ok || indirect) {
		t.Errorf("markupsafe: there %v, direct %v", ok, indirect)
	}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(a.Path, "venv", "bin", "python"), "-B", "-I", "-c", "import "+module).CombinedOutput(); err != nil {
		t.Errorf("import %s: %v %s", module, err, out)
	}
	f, err := os.Open(filepath.Join(a.Path, "sbom.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(f, cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.BOMFormat != cyclonedx.BOMFormat || bom.Components == nil || !slices.ContainsFunc(*bom.Components, func(c cyclonedx.Component) bool {
		return normal(c.Name) == module && strings.HasPrefix(c.PackageURL, "pkg:pypi/"+module+"@")
	}) {
		t.Errorf("the SBOM doesn't list %s: %+v", module, bom)
	}
	var m slipway.Manifest
	text, err := os.ReadFile(filepath.Join(a.Path, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil || m.Environment != a.Manifest.Environment || len(m.Processes) == 0 {
		t.Errorf("manifest %+v, %v", m, err)
	}
}
