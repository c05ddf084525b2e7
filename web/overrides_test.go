package web_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestOverridesWithoutScripts sends the forms as a browser without scripts does.
func TestOverridesWithoutScripts(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	b := s.person("alice", true, nil)
	const start = "set.processes.web.command"
	repo := url.Values{"url": {"https://git.team.example/more.git"}, "team": {"billing"}}
	with := func(pairs ...string) url.Values {
		v := url.Values{}
		for k, list := range repo {
			v[k] = list
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for _, c := range []struct {
		fields url.Values
		status int
		says   string
	}{
		{with(), http.StatusOK, "nothing says so, and it takes an answer"},
		{with(start, "python serve.py"), http.StatusOK, "set by the service&#39;s owners"},
		{with("set.health.path", "live", start, hostile), http.StatusBadRequest, "is not the path of a URL"},
		{with("set.manager", "pip-tools"), http.StatusOK, `<option value="pip-tools" selected>pip-tools</option>`},
		{with("set.server", "apache"), http.StatusBadRequest, `<option value="apache" selected>apache</option>`},
		{with("process_name", "worker"), http.StatusBadRequest, "Give both"},
		{with("overrides", "pyhton: 3.12"), http.StatusBadRequest, "did you mean python?"},
	} {
		a := b.post("/services/new", "/services/detect", c.fields)
		if a.status != c.status || !strings.Contains(a.body, c.says) || strings.Contains(a.body, "<script>alert") {
			t.Errorf("%v: %d, and it does not say %q", c.fields, a.status, c.says)
		}
	}
	a := b.post("/services/new", "/services", with(start, "python serve.py", "found.python", "3.13.5", "set.python", "3.13.5", "only", "yes"))
	if a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	more, err := s.Service(as(), "more")
	if err != nil || more.Overrides != `{"processes":{"web":{"command":"python serve.py"}}}` {
		t.Errorf("%+v, %v", more, err)
	}
	a = b.post("/services/more/settings", "/services/more/overrides", url.Values{"revision": {"1"}, start: {""}, "set.health.path": {"/live"}, "overrides": {"env:\r\n  A: b\r\n"}})
	if a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if more, err = s.Service(as(), "more"); err != nil || more.Overrides != `{"health":{"path":"/live"},"env":{"A":"b"}}` {
		t.Errorf("%+v, %v", more, err)
	}
	if body := html.UnescapeString(b.get("/services/more/settings").body); !strings.Contains(body, "env:\n  A: b\n") || !strings.Contains(body, `value="/live"`) {
		t.Error("the settings do not show them")
	}
	if a := b.post("/services/more/settings", "/services/more/overrides", url.Values{"revision": {"1"}, "set.python": {"3.12"}}); a.status != http.StatusConflict || !strings.Contains(a.body, "changed by somebody else") {
		t.Errorf("an outdated change: %d", a.status)
	}
}
