package build

import (
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestPackageHidesModule builds an application whose module has the name of the directory
// that it lies in: there it is imported, and there a process finds it first.
func TestPackageHidesModule(t *testing.T) {
	t.Parallel()
	a, _ := mustBuild(t, project(t, files{
		"requirements.txt": "flask>=3,<4\n", "app/__init__.py": "", "app/parts/__init__.py": "title = \"parts\"\n",
		"app/app.py": "from flask import Flask\n\nfrom parts import title\n\napp = Flask(title)\n\n@app.route(\"/\")\ndef index():\n    return title\n",
	}))
	if path := a.Manifest.SearchPath; len(path) == 0 || path[0] != slipway.SourcePath("app") {
		t.Errorf("modules are looked for in %v, want app first", path)
	}
}
