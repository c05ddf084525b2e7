package e2e

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// remedy is the command that a failed promotion names.
var remedy = regexp.MustCompile(`slipway ((?:domain add|config set) [^\n]*?(?: --env \w+$| --env \w+ \S+=\S+))`)

// TestHostsOfItsOwn: applications that take certain host names only are served once
// the command is run that the failure names, without a commit, also after the death of
// all that runs the platform.
func TestHostsOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start("--domain", "apps.example.com")
	const starlette = "from starlette.applications import Starlette\nfrom starlette.middleware.trustedhost import TrustedHostMiddleware\nfrom starlette.responses import PlainTextResponse\nfrom starlette.routing import Route\n\n" +
		"app = Starlette(routes=[Route('/', lambda request: PlainTextResponse('here'))])\napp.add_middleware(TrustedHostMiddleware, allowed_hosts=['api.example.com'])\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		host  string
	}{
		{"fixed", djangoProject(map[string]string{"DEBUG": "False", "ALLOWED_HOSTS": `["localhost", "127.0.0.1", "shop.example.com"]`}), "shop.example.com"},
		{"variable", djangoProject(map[string]string{"DEBUG": "False", "ALLOWED_HOSTS": `__import__("os").environ.get("DJANGO_ALLOWED_HOSTS", "localhost").split(",")`}), "variable.dev.apps.example.com"},
		{"middleware", map[string]string{"app.py": starlette, "requirements.txt": "starlette==0.48.0\nuvicorn==0.37.0\n"}, "api.example.com"},
	} {
		repo := newRepository(t, c.files)
		s.must("service", "add", repo.url(), "--name", c.name)
		r := s.run("promote", c.name, "--follow")
		named := remedy.FindStringSubmatch(strings.TrimSpace(firstWith(r.out+r.err, "slipway domain add", "slipway config set")))
		if r.code != 3 || named == nil {
			t.Fatalf("%s: exit %d without a command that mends it\n%s%s", c.name, r.code, r.out, r.err)
		}
		s.must(strings.Fields(named[1])...)
		out := s.must("promote", c.name, "--follow")
		if !strings.Contains(out, "http://"+c.host+":") {
			t.Errorf("%s: the link isn't to %s\n%s", c.name, c.host, out)
		}
		s.answersTo(c.name, c.host)
	}
	if r := s.run("domain", "add", "variable", "shop.example.com", "--env", "dev"); r.code == 0 || !strings.Contains(r.err, "is taken") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	s.must("domain", "add", "fixed", "bücher.example", "--env", "dev")
	if out := s.must("domain", "ls", "fixed", "--env", "dev"); !strings.Contains(out, "xn--bcher-kva.example") {
		t.Error(out)
	}
	s.kill()
	killMentioning(t, "node", s.data)
	s.start("--domain", "apps.example.com")
	s.eventually(patience, "it answers to its name again", func() bool { return s.serves("shop.example.com") })
	s.must("domain", "rm", "fixed", "shop.example.com", "--env", "dev")
	if s.serves("shop.example.com") {
		t.Error("a name that was taken away is still served")
	}
	// Without a base domain, for who sits at this machine, there is nothing to say.
	s.kill()
	killMentioning(t, "node", s.data)
	s.start()
	repo := newRepository(t, djangoProject(map[string]string{"DEBUG": "False", "ALLOWED_HOSTS": `["localhost", "127.0.0.1"]`}))
	s.must("service", "add", repo.url(), "--name", "home")
	if out := s.must("promote", "home", "--follow"); !strings.Contains(out, "http://localhost:") {
		t.Errorf("it got no name that it takes\n%s", out)
	}
	s.answersTo("home", "localhost")
}

// firstWith is the first line that has one of some texts.
func firstWith(text string, some ...string) string {
	for line := range strings.Lines(text) {
		for _, word := range some {
			if _, after, ok := strings.Cut(line, word); ok {
				return word + after
			}
		}
	}
	return ""
}

// serves tells whether the application answers to a name, and not the edge in its
// place. Django's project has nothing at /, and says so.
func (s *site) serves(host string) bool {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+s.edge+"/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Host = host
	answer, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return false
	}
	text, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	return (answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusNotFound) && !strings.Contains(string(text), "No service answers under this name")
}

func (s *site) answersTo(service, host string) {
	s.t.Helper()
	if !s.serves(host) {
		s.t.Errorf("%s doesn't answer to %s", service, host)
	}
}
