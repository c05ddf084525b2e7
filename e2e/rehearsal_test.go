package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestRehearsalAndSuite: a config that the release can't work with is found out
// before anybody decides, and a release that the service's own checks refuse
// against the live URL is taken back.
func TestRehearsalAndSuite(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	app := func(total string) string {
		return `import os
from flask import Flask

app = Flask(__name__)
app.config["LIMIT"] = int(os.environ["LIMIT"])

@app.get("/")
def index():
    return "total ` + total + `"
`
	}
	// The service is one of several in its repository.
	const dir = "services/totals/"
	repo := newRepository(t, map[string]string{
		"README.md": "# Shop\n", dir + "app.py": app("7"), dir + "requirements.txt": "flask==3.1.2\n", dir + "requirements-test.txt": "pytest==8.4.2\n",
		dir + "tests/test_app.py": "def test_nothing():\n    assert True\n",
		dir + "smoke/test_live.py": `import os
import urllib.request

def test_total():
    text = urllib.request.urlopen(os.environ["BASE_URL"]).read().decode()
    assert text == "total 7", text
`,
		dir + "slipway.yaml": "env:\n  LIMIT: \"10\"\nverify_command: pytest -q smoke\ntest:\n  command: pytest -q tests\n",
	})
	s.must("service", "add", repo.url(), "--name", "totals", "--path", dir)
	out := s.must("promote", "totals", "--follow")
	if !strings.Contains(s.must("promotion", "show", "1"), "import") || !strings.Contains(s.must("promotion", "logs", "1", "--step", "verify"), "1 passed") {
		t.Errorf("the rehearsal or the suite is not shown\n%s", out)
	}

	s.must("config", "set", "totals", "--env", "dev", "LIMIT=ten")
	r := s.run("promote", "totals", "--follow")
	if r.code != 3 || !strings.Contains(r.out+r.err, "invalid literal for int()") {
		t.Errorf("%d %s%s", r.code, r.out, r.err)
	}
	var p promotion
	s.decode(&p, "promotion", "show", "2")
	if p.step("rehearse") != "failed" || p.step("deploy") != "pending" {
		t.Errorf("%+v", p)
	}
	s.must("config", "unset", "totals", "--env", "dev", "LIMIT")

	repo.commit("Eight", map[string]string{dir + "app.py": app("8")})
	r = s.run("promote", "totals", "--follow")
	if r.code != 3 || !strings.Contains(r.out+r.err, "pytest -q smoke said no to http://totals.dev.localhost") {
		t.Errorf("%d %s%s", r.code, r.out, r.err)
	}
	if _, body := s.get("totals", "dev", "/"); body != "total 7" {
		t.Errorf("dev answers %q", body)
	}

	// What is pushed gets there by itself, once.
	s.must("policy", "set", "--env", "dev", "--advance", "push")
	repo.commit("Seven, said otherwise", map[string]string{dir + "app.py": app("7") + "\n# pushed\n"})
	s.eventually(patience, "the push is promoted", func() bool {
		status, _ := s.ask(s.operator(), "/api/v1/promotions/4", "")
		return status == http.StatusOK
	})
	p.ID = 4
	s.reached("the push has come to an end", &p, func() bool { return over(p.State) })
	if p.State != "succeeded" {
		t.Errorf("%+v", p)
	}
}
