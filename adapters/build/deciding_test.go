package build

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestImportsDecide: of several objects that could be the application the only one that
// works once it is imported is served, and tested; where several do they are named.
func TestImportsDecide(t *testing.T) {
	t.Parallel()
	const (
		routed = "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef home(): return 'home'\n"
		bare   = "from flask import Flask\napp = Flask(__name__)\n"
		broken = "from flask import Flask\nimport gone_long_ago\napp = Flask(__name__)\n@app.get('/')\ndef home(): return 'home'\n"
	)
	for name, c := range map[string]struct {
		files  files
		serves string // what web imports, "" where it is refused
		says   string
	}{
		"one without routes":         {files{"app.py": bare, "main.py": routed, "test_app.py": "from main import app\ndef test_home():\n    assert app.test_client().get('/').status_code == 200\n"}, "main:app", "main:app is the only one of the objects that could be the application which works once it is imported: it is served"},
		"one that can't be imported": {files{"app.py": broken, "main.py": routed}, "main:app", "app:app (app.py:3) can't be imported: ModuleNotFoundError: No module named 'gone_long_ago'"},
		"both work":                  {files{"app.py": routed, "main.py": routed}, "", "several objects could be the application, and each of these works once it is imported: app:app (app.py:2), main:app (main.py:2); say which one: slipway service set SERVICE --set application=app:app"},
		"none works":                 {files{"app.py": broken, "main.py": broken}, "", "No module named 'gone_long_ago'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, with(c.files, files{"requirements.txt": plainFlask}))
			a, log, err := build(t, dir)
			if c.serves == "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v, want %s", err, c.says)
				}
				return
			}
			if err != nil || len(a.Manifest.Processes) != 1 || !strings.Contains(a.Manifest.Processes[0].Command, c.serves) || !strings.Contains(log, c.says) {
				t.Fatalf("%v, %+v\n%s", err, a.Manifest.Processes, log)
			}
			if c.files["test_app.py"] == "" {
				return
			}
			if report, log, err := runTests(t, dir, time.Minute); err != nil || report.Passed != 1 {
				t.Errorf("%+v, %v\n%s", report, err, log)
			}
		})
	}
}

// TestProgramOfOldSetuptools: what a program's own package imports of setuptools is
// installed as well as what the application imports.
func TestProgramOfOldSetuptools(t *testing.T) {
	t.Parallel()
	dir := project(t, files{
		"requirements.txt": "./tool\n", "app.py": "print('app')\n", "slipway.yaml": "processes: {web: tool --port $PORT}\n",
		"tool/pyproject.toml":   "[project]\nname = \"tool\"\nversion = \"1\"\n\n[project.scripts]\ntool = \"tool.cli:main\"\n\n[build-system]\nrequires = [\"setuptools>=77\"]\nbuild-backend = \"setuptools.build_meta\"\n\n[tool.setuptools]\npackages = [\"tool\"]\n",
		"tool/tool/__init__.py": "import pkg_resources\n", "tool/tool/cli.py": "def main():\n    pass\n",
	})
	a, log := mustBuild(t, dir)
	if found, _ := filepath.Glob(filepath.Join(a.Path, "venv", "lib", "python*", "site-packages", "pkg_resources")); len(found) != 1 || !strings.Contains(log, "tool imports tool: No module named 'pkg_resources'; setuptools<82, which has it, is installed as well") {
		t.Errorf("%v\n%s", found, log)
	}
}
