package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/python"
)

// inline finds what the policy forbids: scripts and styles in the page itself.
var inline = regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:`)

var allPages = []string{
	"/", "/figures", "/figures?service=payments&env=dev", "/figures?team=billing&weeks=4", "/services/payments/between?from=dev&to=test", "/?q=pay", "/?team=billing", "/search", "/search?q=pay", "/promotions", "/promotions?service=payments", "/promotions/1", "/promotions/1?step=test", "/promotions/1?find=begin", "/promotions/1?step=build&line=1",
	"/promotions/1/log/build", "/services/payments", "/services/payments/releases/1", "/services/payments/compare?from=1&to=1", "/services/payments/config", "/services/payments/config?env=dev", "/services/payments/config/versions", "/services/payments/config/versions?env=dev&key=A", "/services/payments/config?env=dev&with=test&view=rendered",
	"/services/payments/logs", "/services/payments/activity", "/services/payments/traffic", "/services/payments/settings", "/services/payments/promote", "/services/payments/promote?to=test", "/services/payments/rollback?env=dev", "/services/new", "/environments", "/environments/prod/policy", "/freezes", "/settings/sign-in", "/promotions/1/decide", "/nodes", "/teams", "/teams/billing", "/teams/billing/integrations", "/teams/billing/integrations/1", "/teams/billing/integrations/1?state=failed", "/account", "/account/sessions", "/account/factors", "/account/tokens",
}

// TestPagesByRole opens every page as everybody. What belongs to another team
// isn't there.
func TestPagesByRole(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	s.hook("billing")
	people := map[string]*browser{
		"admin":      s.person("alice", true, nil),
		"maintainer": s.person("mara", false, map[string]slipway.Role{"billing": slipway.RoleMaintainer}),
		"developer":  s.person("dora", false, map[string]slipway.Role{"billing": slipway.RoleDeveloper}),
		"viewer":     s.person("vera", false, map[string]slipway.Role{"billing": slipway.RoleViewer}),
		"outsider":   s.person("otto", false, map[string]slipway.Role{"other": slipway.RoleAdmin}),
	}
	nobody := s.browser()
	for _, path := range allPages {
		for role, b := range people {
			want := http.StatusOK
			if role == "outsider" && (strings.Contains(path, "/services/payments") || strings.Contains(path, "/promotions/1") || strings.Contains(path, "billing") && strings.HasPrefix(path, "/teams") || strings.Contains(path, "service=payments") || strings.Contains(path, "/figures?team=billing")) {
				want = http.StatusNotFound
			}
			if (role == "developer" || role == "viewer") && strings.Contains(path, "/integrations") || role != "admin" && path == "/settings/sign-in" {
				want = http.StatusForbidden
			}
			a := b.get(path)
			if a.status != want {
				t.Errorf("%s as %s: %d, want %d", path, role, a.status, want)
			}
			if role == "outsider" && want == http.StatusOK && strings.Contains(a.body, `/services/payments"`) {
				t.Errorf("%s tells an outsider of payments", path)
			}
			if found := inline.FindString(a.body); found != "" && !strings.Contains(path, "/log/") {
				t.Errorf("%s as %s holds %q", path, role, found)
			}
			if policy := a.header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s has the policy %q", path, policy)
			}
		}
		if a := nobody.get(path); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/login") {
			t.Errorf("%s without a session: %d %s", path, a.status, a.header.Get("Location"))
		}
	}
	for role, want := range map[string]int{"admin": 200, "maintainer": 403, "viewer": 403, "outsider": 403} {
		for _, path := range []string{"/audit", "/audit?verify=yes", "/audit.csv"} {
			if a := people[role].get(path); a.status != want {
				t.Errorf("%s as %s: %d, want %d", path, role, a.status, want)
			}
		}
	}
	// What one may not do is shown with the reason, or not at all; asking anyway is refused.
	if body := people["viewer"].get("/services/payments").body; !strings.Contains(body, "This takes the role developer; you are viewer here.") {
		t.Error("a viewer isn't told why there is no promoting")
	}
	for path, fields := range map[string]url.Values{
		"/services/payments/promote": {"to": {"dev"}}, "/services/payments/rollback": {"env": {"dev"}}, "/services/payments/config": {"env": {"dev"}, "key": {"A"}, "value": {"b"}},
		"/services/payments/secrets": {"env": {"dev"}, "name": {"A"}, "secret": {"b"}}, "/services/payments/settings": {"url": {"https://a.example/b"}, "kind": {"web"}}, "/services/payments/remove": {"name": {"payments"}},
		"/environments": {"name": {"more"}}, "/teams": {"name": {"more"}}, "/teams/billing/members": {"account": {"vera"}, "role": {"admin"}}, "/teams/billing/invitations": {"role": {"admin"}}, "/teams/billing/remove": nil, "/teams/billing/integrations": {"url": {"https://evil.example.com"}}, "/teams/billing/integrations/1": {"url": {"https://evil.example.com"}}, "/teams/billing/integrations/1/ping": nil, "/teams/billing/integrations/1/rotate": nil, "/teams/billing/integrations/1/remove": nil, "/teams/billing/integrations/1/deliveries/1/replay": nil, "/people/vera": {"do": {"admin"}},
	} {
		if a := people["viewer"].post("/account", path, fields); a.status != http.StatusForbidden {
			t.Errorf("a viewer's POST %s: %d", path, a.status)
		}
		if a := people["outsider"].post("/account", path, fields); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
			t.Errorf("an outsider's POST %s: %d", path, a.status)
		}
	}
}

// valueOrTag is what isn't text of a page.
var valueOrTag = regexp.MustCompile(`(?s)<textarea[^>]*>.*?</textarea>|<[^>]*>`)

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>` + "\u202egnp.exe\u200b"

// hostileSource is a repository whose author means harm.
type hostileSource struct{ slipway.Source }

func (hostileSource) Resolve(_ context.Context, _ slipway.Repository, ref string) (slipway.Commit, error) {
	if ref == "" {
		ref = "main"
	}
	return slipway.Commit{ID: strings.Repeat("a", 40), Ref: `x"><script>alert(1)</script>`, Author: hostile, Subject: hostile}, nil
}

func (hostileSource) History(context.Context, slipway.Repository, string, string, io.Writer) error {
	return slipway.Errorf(slipway.Unavailable, "no build here asks git")
}

func (hostileSource) Export(_ context.Context, _ slipway.Repository, _, dir string, _ io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "requirements.txt"), []byte("flask==3.1.2\n"+hostile+"\n"), 0o644)
}

// TestHostileTextIsShown puts a script wherever text comes from outside.
func TestHostileTextIsShown(t *testing.T) {
	s := newSite(t)
	s.Source = hostileSource{s.Source}
	s.Interpreters = func(context.Context) ([]python.Interpreter, error) {
		return []python.Interpreter{{Version: "3.13.5", Path: "/usr/bin/python3"}}, nil
	}
	s.Logs = func(_ context.Context, _ slipway.LogQuery, out io.Writer) error {
		_, err := io.WriteString(out, "\x1b[31m"+hostile+"\x1b[0m\n")
		return err
	}
	s.Observe = func(context.Context, string, string) (slipway.Observed, error) {
		return slipway.Observed{Deployment: "7", Release: 9, Instances: []slipway.Instance{{ID: "web-1", Process: hostile, State: slipway.InstanceFailing, Reason: hostile}}}, nil
	}
	s.Render = func(_ context.Context, req slipway.RenderRequest) (slipway.Snapshot, error) {
		return slipway.Snapshot{Env: req.Values, Files: []slipway.RenderedFile{{Path: hostile, Content: hostile}}}, nil
	}
	s.service("payments", "billing", "")
	s.hook("billing")
	if err := s.Ledger.Log(as(), "1", slipway.StepBuild, 1, 99, hostile+"\n\x1b[32m"+hostile+"\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeConfig(as(), catalog.ConfigChange{Service: "payments", Environment: "dev", Set: map[string]string{"EVIL": hostile}}); err != nil {
		t.Fatal(err)
	}
	display := hostile
	b := s.person("alice", true, nil)
	if _, err := s.UpdateAccount(as(), "alice", identity.AccountChange{DisplayName: &display}); err != nil {
		t.Fatal(err)
	}
	seen := 0
	check := func(where, body string) {
		t.Helper()
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img") {
			t.Errorf("%s runs a script", where)
		}
		if text := valueOrTag.ReplaceAllString(body, ""); strings.ContainsAny(text, "\u202e\u200b") {
			t.Errorf("%s hides signs in its text", where)
		}
		seen += strings.Count(body, "U+202Egnp.exeU+200B")
	}
	shown := 0
	for _, path := range append(allPages, "/promotions/1?step=build", "/promotions/1?step=build&find=script", "/audit", "/?q="+url.QueryEscape(hostile), "/promotions?service="+url.QueryEscape(hostile), "/services/"+url.PathEscape(hostile), "/services/new?url="+url.QueryEscape(hostile), "/login?next="+url.QueryEscape(hostile), "/nowhere/"+url.PathEscape(hostile)) {
		a := b.get(path)
		if strings.Contains(path, "/log/") {
			if !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") || a.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("a log is sent as %q", a.header.Get("Content-Type"))
			}
			continue
		}
		check(path, a.body)
		shown += strings.Count(a.body, html.EscapeString("<script>alert(1)</script>"))
	}
	if shown < 10 || seen < 10 {
		t.Errorf("the text was shown %d times only, and what it hides %d times", shown, seen)
	}
	check("detection", b.post("/services/new", "/services/detect", url.Values{"url": {"https://git.team.example/x.git"}}).body)
	check("a refused form", b.post("/services/new", "/services", url.Values{"url": {hostile}, "name": {hostile}}).body)
	check("a refused setting", b.post("/services/payments/config", "/services/payments/config", url.Values{"env": {"dev"}, "key": {hostile}, "value": {hostile}}).body)
	check("a refused invitation", s.browser().post("/invitations/x", "/invitations", url.Values{"token": {hostile}, "name": {hostile}, "password": {hostile}}).body)
	if a := s.browser().get("/invitations/" + url.PathEscape(hostile)); true {
		check("an invitation", a.body)
	}
}

// TestAssets are sent once: under a name with a hash, for ever, compressed.
func TestAssets(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	found := regexp.MustCompile(`/assets/[a-z.]+\.[0-9a-f]{12}\.(?:css|js|svg)`).FindAllString(b.get("/login").body, -1)
	if len(found) < 4 {
		t.Fatalf("the page names %v", found)
	}
	for _, path := range found {
		a := b.get(path, "Accept-Encoding", "gzip")
		if a.status != http.StatusOK || !strings.Contains(a.header.Get("Cache-Control"), "immutable") || a.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
		z, err := gzip.NewReader(bytes.NewReader([]byte(a.body)))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(z); err != nil || len(text) == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if a := b.get("/assets/slipway.000000000000.css"); a.status != http.StatusNotFound {
		t.Errorf("a hash that isn't one: %d", a.status)
	}
}

// TestErrorsHaveANumber leads from a broken page to the log.
func TestErrorsHaveANumber(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	b := s.person("alice", true, nil)
	a := b.get("/services/payments/promote?ref=defect", "X-Request-Id", "ticket-7")
	if a.status != http.StatusInternalServerError || !strings.Contains(a.body, "ticket-7") || strings.Contains(a.body, "pq:") {
		t.Errorf("a defect: %d\n%s", a.status, a.body)
	}
	if a := b.get("/services/payments/promote?ref=missing"); a.status != http.StatusOK || !strings.Contains(a.body, "The repository has no branch, tag or commit") {
		t.Errorf("a ref that isn't there: %d", a.status)
	}
	if a := b.get("/nowhere"); a.status != http.StatusNotFound || !strings.Contains(a.body, "<h1>Not here</h1>") {
		t.Errorf("no page: %d", a.status)
	}
}
