package web_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
)

// routes are the patterns that the portal answers to, by method, as the source of
// its areas lists them: a page that is added later is attacked like the others.
func routes(t *testing.T, method string) (list []string) {
	t.Helper()
	sources, err := filepath.Glob("*/routes.go")
	if err != nil || len(sources) < 7 {
		t.Fatal(sources, err)
	}
	for _, source := range append(sources, "shell/portal.go") {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.(?:HandleAnyone|HandleSignedIn)\("`+method+` (?:"\+identity\.(\w+)(?:\+"([^"]*)")?|([^"]+)")`).FindAllStringSubmatch(string(text), -1) {
			constant := map[string]string{"": "", "DevicePath": identity.DevicePath, "CallbackPath": identity.CallbackPath}
			list = append(list, strings.TrimSuffix(constant[m[1]]+m[2]+m[3], "{$}"))
		}
	}
	if len(list) < 45 {
		t.Fatalf("the source lists %d routes for %s only", len(list), method)
	}
	return list
}

var parameter = regexp.MustCompile(`\\\{\w+\\\}`)

// TestEveryPageIsOpened holds the list of pages to the routes.
func TestEveryPageIsOpened(t *testing.T) {
	otherwise := []string{ // opened by tests of their own
		"/live", "/promotions/{id}/live", "/services/{service}/live", "/services/{service}/logs/live", "/audit", "/audit.csv", "/login", "/setup", "/invitations/{token}",
		"/login/with/{provider}", identity.CallbackPath + "{provider}", "/services/{service}/releases/{release}/sbom.json",
		"/settings/providers/{provider}", identity.DevicePath,
	}
	for _, pattern := range routes(t, http.MethodGet) {
		form := regexp.MustCompile("^" + parameter.ReplaceAllString(regexp.QuoteMeta(pattern), "[^/]+") + "$")
		opened := slices.ContainsFunc(allPages, func(path string) bool {
			path, _, _ = strings.Cut(path, "?")
			return form.MatchString(path)
		})
		if !opened && !slices.Contains(otherwise, pattern) {
			t.Errorf("no test opens %s", pattern)
		}
	}
}

// TestNoFormIsForged sends to everything that takes a form: without a token,
// from another site, and signed in as nobody and as somebody of another team.
func TestNoFormIsForged(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	s.hook("billing")
	b := s.person("alice", true, nil)
	outsider := s.person("otto", false, map[string]slipway.Role{"other": slipway.RoleAdmin})
	nobody := s.browser()
	values := strings.NewReplacer("{service}", "payments", "{id}", "1", "{team}", "billing", "{webhook}", "1", "{delivery}", "1", "{environment}", "dev", "{account}", "alice", "{provider}", "none")
	own := []string{"/logout", "/account", "/account/password", "/account/factors/totp", "/account/factors/recovery-codes", "/account/factors/passkeys", "/account/factors/passkeys/confirm", "/account/proof/passkey", "/account/tokens", "/account/tokens/1/revoke", "/services", "/services/detect", identity.DevicePath} // what everybody may send
	token := b.token("/account")
	for _, pattern := range routes(t, http.MethodPost) {
		path := values.Replace(pattern)
		if a := b.post("", path, url.Values{"_form": {""}}); a.status != http.StatusForbidden {
			t.Errorf("POST %s without a token: %d", path, a.status)
		}
		if a := b.post("", path, url.Values{"_form": {token}}, "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden {
			t.Errorf("POST %s from another site: %d", path, a.status)
		}
		if path == "/theme" || strings.HasPrefix(path, "/login") || path == "/invitations" {
			continue // anybody's
		}
		if a := nobody.post("/login", path, nil); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/login") {
			t.Errorf("POST %s as nobody: %d %s", path, a.status, a.header.Get("Location"))
		}
		if slices.Contains(own, path) {
			continue
		}
		fields := url.Values{"env": {"dev"}, "to": {"dev"}, "name": {"payments"}, "key": {"A"}, "value": {"b"}, "secret": {"b"}, "url": {"https://a.example/b"}, "kind": {"web"}, "role": {"viewer"}, "account": {"otto"}, "do": {"admin"}, "verdict": {"approve"}, "position": {"1"}}
		if a := outsider.post("/account", path, fields); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
			t.Errorf("POST %s by somebody of another team: %d\n%s", path, a.status, a.body)
		}
	}
	if b.get("/").status != http.StatusOK {
		t.Error("a forged form has signed out")
	}
}

// TestHostileReleaseIsShown puts a script into what a release, its tests, its
// nodes and a bundle bring along.
func TestHostileReleaseIsShown(t *testing.T) {
	s := newSite(t)
	s.Nodes = func(context.Context) ([]slipway.NodeStatus, error) {
		return []slipway.NodeStatus{{ID: hostile, Edge: hostile, CPUs: 1}}, nil
	}
	s.RunsWith = func(environment string) slipway.Snapshot {
		return slipway.Snapshot{Env: map[string]slipway.ConfigValue{"EVIL": {Value: hostile + environment}}, Files: []slipway.RenderedFile{{Path: hostile, Content: environment + hostile}}}
	}
	s.Render = func(_ context.Context, req slipway.RenderRequest) (slipway.Snapshot, error) {
		return slipway.Snapshot{Env: req.Values, Files: []slipway.RenderedFile{{Path: hostile, Content: hostile + strings.Repeat("x", req.Release)}}}, nil
	}
	dir := filepath.Join(s.Data, "source", "<img src=x onerror=alert(1)>")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "<script>alert(1)<.py"), []byte("import os\nos.environ['MISSING']\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.service("payments", "billing", "main")
	s.promote(platform.PromoteInput{Service: "payments", Environment: "test", Release: 1})
	red := s.promote(platform.PromoteInput{Service: "payments", Ref: "red"})
	report := slipway.TestReport{Command: hostile, Total: 2, Passed: 1, Failed: 1, Failures: []slipway.TestFailure{{Name: hostile, File: hostile, Line: 3, Message: hostile, Excerpt: hostile}}}.Judged(nil)
	if err := s.Ledger.Tests(as(), "payments", 2, report); err != nil {
		t.Fatal(err)
	}
	s.service("orders", "billing", "main")
	s.Source = hostileSource{s.Source}
	together, err := s.PromoteBundle(as(), platform.BundleInput{Environment: "dev", Members: []platform.PromoteInput{{Service: "payments"}, {Service: "orders"}}})
	if err != nil {
		t.Fatal(err)
	}
	b := s.person("alice", true, nil)
	for _, path := range []string{
		"/nodes", "/promotions/" + red, "/promotions/" + red + "?step=test", "/services/payments/releases/2", "/promotions/" + numberOf(together[0].ID), "/services/payments/config?env=dev&view=rendered", "/services/payments/config?env=dev&key=" + url.QueryEscape(hostile),
		"/services/payments/between?from=dev&to=test", "/services/payments/compare?from=1&to=2&view=config&env=dev", "/services/payments/config?env=dev&with=" + url.QueryEscape(hostile),
	} {
		body := b.get(path).body
		if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img") {
			t.Errorf("%s runs a script", path)
		}
		if !strings.Contains(body, html.EscapeString("<script>alert(1)")) && !strings.Contains(body, "&#34;&gt;&lt;script") {
			t.Errorf("%s doesn't show the text", path)
		}
	}
}
