package build

import (
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// TestDependenciesOfCommits: what a lock takes from git, by the whole id of a commit,
// needs no hash of a file; the rest of the lock goes on having them.
func TestDependenciesOfCommits(t *testing.T) {
	t.Parallel()
	library := project(t, files{"pyproject.toml": localLibrary, "lib/__init__.py": "value = 'one'\n"})
	git := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", library, "-c", "user.name=ada", "-c", "user.email=ada@example.com"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "--quiet", "--initial-branch=main")
	git("add", ".")
	git("commit", "--quiet", "--message", "one")
	server := httptest.NewServer(&cgi.Handler{Path: git("--exec-path") + "/git-http-backend", Env: []string{
		"GIT_PROJECT_ROOT=" + library, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}})
	t.Cleanup(server.Close)
	url := server.URL + "/.git"
	for name, c := range map[string]struct {
		files files
		lock  func(t *testing.T, dir string)
	}{
		"poetry": {files{"pyproject.toml": "[project]\nname = \"svc\"\nversion = \"1\"\nrequires-python = \">=3.10,<4\"\ndynamic = [\"dependencies\"]\n\n[tool.poetry]\npackage-mode = false\n\n[tool.poetry.dependencies]\nlib = {git = \"" + url + "\", branch = \"main\"}\n"},
			func(t *testing.T, dir string) { lock(t, dir, poetry, nil, "lock") }},
		"pdm": {files{"pyproject.toml": "[project]\nname = \"svc\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"iniconfig\", \"lib @ git+" + url + "@main\"]\n\n[tool.pdm]\ndistribution = false\n"},
			func(t *testing.T, dir string) { lock(t, dir, pdm, nil, "lock") }},
		"pipenv": {files{"Pipfile": "[packages]\niniconfig = \"*\"\nlib = {git = \"" + url + "\", ref = \"main\"}\n"},
			func(t *testing.T, dir string) { lock(t, dir, pipenv, nil, "lock") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := project(t, with(files{"app.py": "print('one')\n", "slipway.yaml": scriptAlone}, c.files))
			c.lock(t, dir)
			a, log := mustBuild(t, dir)
			if got := installed(t, a); got != "one" {
				t.Errorf("%q\n%s", got, log)
			}
			if rest := name != "poetry"; rest != strings.Contains(log, "+ iniconfig==") {
				t.Errorf("the rest isn't installed:\n%s", log)
			}
		})
	}
}
