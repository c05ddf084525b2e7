package python_test

import (
	"strings"
	"testing"
)

// TestExtrasOfTheProject: an extra of the project's own is installed where it alone brings
// what the served application can't be imported without.
func TestExtrasOfTheProject(t *testing.T) {
	const project = "[project]\nname = \"marks\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"requests\"]\n[project.optional-dependencies]\nserver = [\"flask>=3\", \"arrow\"]\n"
	const app = "import arrow\nfrom flask import Flask\n\n\ndef create_app(db=None):\n    app = Flask(__name__)\n    return app\n"
	for _, c := range []struct {
		name     string
		files    map[string]string
		extras   string
		problem  string
		warnings string
	}{
		{"beside requirements.txt", map[string]string{"requirements.txt": "requests\n", "pyproject.toml": project, "marks/__init__.py": "", "marks/server.py": app}, "server", "", "install.extra"},
		{"without a lock", map[string]string{"pyproject.toml": project, "marks/__init__.py": "", "marks/server.py": app}, "server", "", "install.extra"},
		{"two have it", map[string]string{"requirements.txt": "requests\n", "pyproject.toml": project + "all = [\"flask>=3\", \"arrow\"]\n", "marks/__init__.py": "", "marks/server.py": app}, "", "", "framework.undeclared"},
		{"its owners say none", map[string]string{"requirements.txt": "requests\n", "pyproject.toml": project, "marks/__init__.py": "", "marks/server.py": app, "slipway.yaml": "extras: []\n"}, "", "", "framework.undeclared"},
		{"nothing imports it", map[string]string{"requirements.txt": "requests\nflask\n", "pyproject.toml": strings.Replace(project, "[\"requests\"]", "[\"requests\", \"flask\"]", 1), "marks/__init__.py": "", "marks/server.py": strings.TrimPrefix(app, "import arrow\n")}, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := detected(t, c.files)
			codes := ""
			for _, w := range p.Warnings {
				codes += w.Code + " "
			}
			if got := strings.Join(p.Install.Extras, " "); got != c.extras || len(p.Problems) > 0 || c.warnings != "" && !strings.Contains(codes, c.warnings) {
				t.Errorf("%q, want %q; %s %+v", got, c.extras, codes, p.Problems)
			}
			if c.extras != "" && (strings.Contains(codes, "undeclared") || !strings.Contains(strings.Join(p.Install.Files, " "), "pyproject.toml")) {
				t.Errorf("%s; known by %v", codes, p.Install.Files)
			}
		})
	}
}
