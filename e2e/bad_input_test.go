package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const flaskRequirements = "flask==3.1.2\n"

// web is a small service whose top of file and start can be bent by a test.
func web(start string) string {
	return `import os, sys, socket, time, signal
from flask import Flask
app = Flask(__name__)

@app.get("/")
def index():
    return "here"

if __name__ == "__main__":
` + start
}

// badInput is what people really bring: each promotion ends with a sentence
// that says what to do, and with the exit code of a red result.
var badInput = []struct {
	name, says string
	step       string // where it has to fail
	files      map[string]string
}{
	{"no-python", "Python", "build", map[string]string{"README.md": "hello\n"}},
	{"two-locks", "Pipfile.lock", "build", map[string]string{
		"app.py": web("    pass\n"), "Pipfile.lock": "{}", "poetry.lock": "# empty\n", "pyproject.toml": "[tool.poetry]\nname='a'\n"}},
	{"unsatisfiable", "flask", "build", map[string]string{
		"app.py": web("    pass\n"), "requirements.txt": "flask==3.1.2\nwerkzeug<2\n", "Procfile": "web: gunicorn app:app\n"}},
	{"no-such-release", "no-such-distribution-of-ours", "build", map[string]string{
		"app.py": web("    pass\n"), "requirements.txt": "no-such-distribution-of-ours==1\n", "Procfile": "web: python app.py\n"}},
	{"syntax-error", "helpers.py:1", "build", map[string]string{
		"app.py": "from flask import Flask\napp = Flask(__name__)\nimport helpers\n", "helpers.py": "def broken(:\n    pass\n", "requirements.txt": flaskRequirements}},
	{"red-tests", "1 of 2 tests failed", "test", map[string]string{
		"app.py": web("    pass\n"), "requirements.txt": flaskRequirements, "requirements-test.txt": "pytest==8.4.2\n",
		"test_app.py": "def test_good():\n    pass\n\ndef test_bad():\n    assert 1 == 2\n"}},
	{"hanging-tests", "tests", "test", map[string]string{
		"app.py": web("    pass\n"), "requirements.txt": flaskRequirements, "requirements-test.txt": "pytest==8.4.2\n",
		"slipway.yaml": "test:\n  timeout_seconds: 3\n",
		"test_app.py":  "import time\n\ndef test_hangs():\n    time.sleep(600)\n"}},
	{"exits-at-once", "exited with code 3", "deploy", map[string]string{
		"app.py": web("    sys.exit(3)\n"), "requirements.txt": flaskRequirements, "Procfile": "web: python app.py\n"}},
	{"never-listens", "never listened", "deploy", map[string]string{
		"app.py": web("    time.sleep(600)\n"), "requirements.txt": flaskRequirements, "Procfile": "web: python app.py\n",
		"slipway.yaml": "health:\n  timeout_seconds: 3\n"}},
	{"other-port", "listens on", "deploy", map[string]string{
		"app.py": web("    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); time.sleep(600)\n"), "requirements.txt": flaskRequirements,
		"Procfile": "web: python app.py\n", "slipway.yaml": "health:\n  timeout_seconds: 3\n"}},
	{"release-command-fails", "release command", "migrate", map[string]string{
		"app.py": web("    app.run(port=int(os.environ['PORT']))\n"), "requirements.txt": flaskRequirements,
		"Procfile": "web: python app.py\nrelease: python -c 'raise SystemExit(4)'\n"}},
	{"undefined-variable", "settings.ini.j2:2", "render", map[string]string{
		"app.py": web("    app.run(port=int(os.environ['PORT']))\n"), "requirements.txt": flaskRequirements, "Procfile": "web: python app.py\n",
		"settings.ini.j2": "[a]\nb = {{ MISSING }}\n", "slipway.yaml": "files:\n  - template: settings.ini.j2\n    path: settings.ini\n"}},
	{"endless-template", "settings.ini.j2", "render", map[string]string{
		"app.py": web("    app.run(port=int(os.environ['PORT']))\n"), "requirements.txt": flaskRequirements, "Procfile": "web: python app.py\n",
		"settings.ini.j2": "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}\n",
		"slipway.yaml":    "files:\n  - template: settings.ini.j2\n    path: settings.ini\n"}},
	{"failed-check", "/missing", "verify", map[string]string{
		"app.py": web("    app.run(port=int(os.environ['PORT']))\n"), "requirements.txt": flaskRequirements, "Procfile": "web: python app.py\n",
		"slipway.yaml": "verify:\n  - path: /missing\n    timeout_seconds: 2\n"}},
	{"own-address", "slipway domain add own-address NAME --env dev", "verify", map[string]string{
		"app.py": "from flask import Flask, request\napp = Flask(__name__)\n\n@app.before_request\ndef known():\n    if request.host != 'example.org':\n        return 'Invalid host header', 400\n\n" +
			"@app.get('/')\ndef index():\n    return 'here'\n",
		"requirements.txt": flaskRequirements, "Procfile": "web: gunicorn app:app\n",
		"slipway.yaml": "health:\n  path: /\n  host: example.org\n"}},
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	for _, c := range badInput {
		t.Run(c.name, func(t *testing.T) {
			repo := newRepository(t, c.files)
			s.must("service", "add", repo.url(), "--name", c.name)
			r := s.run("promote", c.name, "--follow")
			if r.code != 3 || !strings.Contains(r.out+r.err, c.says) {
				t.Fatalf("exit %d, want 3 with %q\n%s%s", r.code, c.says, r.out, r.err)
			}
			var page struct {
				Items []promotion `json:"items"`
			}
			s.decode(&page, "promotion", "ls", "--service", c.name)
			var p promotion
			s.decode(&p, "promotion", "show", id(page.Items[0]))
			if p.State != "failed" || p.step(c.step) != "failed" {
				t.Errorf("promotion %s with step %s %q; reason %q", p.State, c.step, p.step(c.step), p.Reason)
			}
			if p.Reason == "" {
				t.Error("the promotion gives no reason")
			}
		})
	}
}

// TestBadReleaseKeepsTheOld deploys something broken over something good.
func TestBadReleaseKeepsTheOld(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	good := web("    app.run(port=int(os.environ['PORT']), threaded=True)\n")
	repo := newRepository(t, map[string]string{"app.py": good, "requirements.txt": flaskRequirements, "Procfile": "web: python app.py\n"})
	s.must("service", "add", repo.url(), "--name", "kept")
	s.must("promote", "kept", "--follow")
	traffic := startPaced(s.edge, "kept", "dev", "/", 4, 10*time.Millisecond)
	repo.commit("exits", map[string]string{"app.py": web("    sys.exit(1)\n")})
	s.refuses(3, "exited", "promote", "kept", "--follow")
	repo.commit("fails its check", map[string]string{"app.py": good, "slipway.yaml": "verify:\n  - path: /missing\n    timeout_seconds: 2\n"})
	s.refuses(3, "/missing", "promote", "kept", "--follow")
	traffic.stop()
	if len(traffic.failures) > 0 {
		t.Errorf("%d of %d requests failed: %s", len(traffic.failures), traffic.requests, traffic.failures[0])
	}
	if status, body := s.get("kept", "dev", "/"); status != 200 || body != "here" {
		t.Errorf("dev answers %d %s", status, body)
	}
}

func TestNamesAndRepositories(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	empty := t.TempDir()
	(&repository{t, empty}).git("init", "-q", "-b", "main")
	good := newRepository(t, map[string]string{"app.py": web("    pass\n"), "requirements.txt": flaskRequirements})
	made := filepath.Join(t.TempDir(), "made")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{2, "name", []string{"service", "add", good.url(), "--name", "../etc"}},
		{2, "name", []string{"service", "add", good.url(), "--name", "a;reboot"}},
		{2, "name", []string{"service", "add", good.url(), "--name", strings.Repeat("a", 300)}},
		{2, "leaves", []string{"service", "add", good.url(), "--path", "../.."}},
		{2, "repository", []string{"service", "add", "--", "--upload-pack=touch " + made}},
		{2, "ext", []string{"service", "add", "ext::sh -c true"}},
		{2, "empty", []string{"service", "add", "file://" + empty, "--name", "empty"}},
		{2, "no repository", []string{"service", "add", "file:///no/such/repository"}},
		{2, "no-such-branch", []string{"service", "add", good.url(), "--name", "bad-branch", "--branch", "no-such-branch"}},
		{2, "has no directory \"nosuchdir\"", []string{"service", "add", good.url(), "--name", "bad-path", "--path", "nosuchdir"}},
	} {
		r := s.run(c.args...)
		if r.code != c.code || !strings.Contains(r.out+r.err, c.says) {
			t.Errorf("slipway %q: exit %d, want %d with %q\n%s%s", c.args, r.code, c.code, c.says, r.out, r.err)
		}
	}
	s.must("service", "add", good.url(), "--name", "good")
	if r := s.run("promote", "good", "--ref", "no-such-branch"); r.code != 2 || !strings.Contains(r.err+r.out, "no-such-branch") {
		t.Errorf("an unknown ref: exit %d %s%s", r.code, r.out, r.err)
	}
	if _, err := os.Stat(made); err == nil {
		t.Error("a repository URL ran a command")
	}
}
