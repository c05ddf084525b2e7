package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
)

// TestForeignForms are refused: without a token, with one of another session or
// browser, and from another site.
func TestForeignForms(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	b, other := s.person("alice", true, nil), s.person("mallory", false, map[string]slipway.Role{"billing": slipway.RoleViewer})
	change := func() url.Values {
		return url.Values{"env": {"dev"}, "key": {"A"}, "value": {"b"}, "_form": {b.token("/account")}}
	}
	const path = "/services/payments/config"
	for what, fields := range map[string]url.Values{
		"no token": {"env": {"dev"}, "key": {"A"}, "value": {"b"}, "_form": {""}}, "another's": {"env": {"dev"}, "key": {"A"}, "value": {"b"}, "_form": {other.token("/account")}},
		"of before signing in": {"env": {"dev"}, "key": {"A"}, "value": {"b"}, "_form": {s.browser().token("/login")}},
	} {
		if a := b.post("", path, fields); a.status != http.StatusForbidden {
			t.Errorf("%s: %d", what, a.status)
		}
	}
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		if a := b.post("", path, change(), headers...); a.status != http.StatusForbidden {
			t.Errorf("%v: %d", headers, a.status)
		}
	}
	settings, _, err := s.Config(as(), "payments", "dev")
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range settings {
		if setting.Key == "A" {
			t.Error("a refused form has changed the config")
		}
	}
	if a := b.post("", path, change(), "Sec-Fetch-Site", "same-origin", "Origin", s.url); a.status != http.StatusSeeOther {
		t.Errorf("one's own form: %d\n%s", a.status, a.body)
	}
	// Signing in and out can't be forged either.
	if a := s.browser().post("", "/login", url.Values{"name": {"mallory"}, "password": {password}, "_form": {"x"}}); a.status != http.StatusForbidden {
		t.Errorf("a forged sign-in: %d", a.status)
	}
	if a := b.post("", "/logout", url.Values{"_form": {"x"}}); a.status != http.StatusForbidden || b.get("/").status != http.StatusOK {
		t.Errorf("a forged sign-out: %d", a.status)
	}
}

// TestNextStaysHere takes nobody to another site after signing in.
func TestNextStaysHere(t *testing.T) {
	s := newSite(t)
	s.person("alice", true, nil)
	for next, want := range map[string]string{
		"/services/payments?x=1": "/services/payments?x=1", "": "/", "https://evil.example/": "/", "//evil.example/": "/", `/\evil.example`: "/", `\\evil.example`: "/",
		"/\tevil": "/", "javascript:alert(1)": "/", "/..//evil.example": "/..//evil.example", "http:evil.example": "/", "evil.example": "/", "/%2f/evil.example": "/",
	} {
		b := s.browser()
		a := b.post("/login", "/login", url.Values{"name": {"alice"}, "password": {password}, "next": {next}})
		if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != want && !local(got) {
			t.Errorf("next %q leads to %q", next, got)
		}
		if a := b.get("/login?next=" + url.QueryEscape(next)); !local(a.header.Get("Location")) {
			t.Errorf("next %q leads who is signed in to %q", next, a.header.Get("Location"))
		}
	}
}

// local tells whether a browser stays on this host: as it resolves addresses.
func local(location string) bool {
	u, err := url.Parse(location)
	return err == nil && u.Host == "" && u.Scheme == "" && strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "//") && !strings.Contains(location, `\`)
}

// TestSessionsAreNew at each sign-in: what somebody planted in the browser
// before is worth nothing afterwards.
func TestSessionsAreNew(t *testing.T) {
	s := newSite(t)
	mallory := s.person("mallory", false, nil)
	planted := mallory.cookies()
	s.person("alice", true, nil)
	victim := s.browser()
	victim.plant(planted)
	victim.post("/account", "/login", url.Values{"name": {"alice"}, "password": {password}})
	now := victim.cookies()
	for _, name := range []string{"slipway-access", "slipway-refresh", "slipway-form"} {
		if now[name] == "" || now[name] == planted[name] {
			t.Errorf("%s was kept over signing in", name)
		}
	}
	if a := victim.get("/audit"); a.status != http.StatusOK {
		t.Errorf("the victim is not alice: %d", a.status)
	}
	if a := mallory.get("/account"); a.status != http.StatusSeeOther {
		t.Errorf("the planted session still lives: %d", a.status)
	}
}

// TestRenewal answers many requests at once whose access token has run out, and
// the session lives on.
func TestRenewal(t *testing.T) {
	s := newSite(t)
	b := s.person("alice", true, nil)
	old := b.cookies()
	b.plant(map[string]string{"slipway-access": ""})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			// Each like a browser's request that was sent before the first answer.
			one := s.browser()
			one.plant(map[string]string{"slipway-refresh": old["slipway-refresh"], "slipway-form": old["slipway-form"]})
			if a := one.get("/account"); a.status != http.StatusOK {
				t.Errorf("a renewed request: %d", a.status)
			}
			if one.cookies()["slipway-refresh"] == old["slipway-refresh"] {
				t.Error("the refresh token was not renewed")
			}
		})
	}
	all.Wait()
	if a := b.get("/account"); a.status != http.StatusOK {
		t.Errorf("after the renewal: %d", a.status)
	}
	b.plant(map[string]string{"slipway-access": "x", "slipway-refresh": "x.y"})
	if a := b.get("/account"); a.status != http.StatusSeeOther {
		t.Errorf("a made-up session: %d", a.status)
	}
	// A token of the API opens no page.
	b.plant(map[string]string{"slipway-access": s.Token, "slipway-refresh": ""})
	if a := b.get("/account"); a.status != http.StatusSeeOther {
		t.Errorf("a token in place of a session: %d", a.status)
	}
}

// TestSignOut ends the session itself, not only what the browser knows.
func TestSignOut(t *testing.T) {
	s := newSite(t)
	b := s.person("alice", true, nil)
	kept := b.cookies()
	if a := b.post("/account", "/logout", nil); a.status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", a.status)
	}
	b.plant(kept)
	if a := b.get("/account"); a.status != http.StatusSeeOther {
		t.Errorf("the session of before: %d", a.status)
	}
	for name, value := range b.get("/login").header {
		if name == "Set-Cookie" && !strings.Contains(strings.Join(value, ""), "HttpOnly") {
			t.Errorf("a cookie that scripts can read: %v", value)
		}
	}
}

// TestInvitationLink works once, and only with a good password.
func TestInvitationLink(t *testing.T) {
	s := newSite(t)
	b := s.person("alice", true, map[string]slipway.Role{"billing": slipway.RoleAdmin})
	page := b.post("/teams/billing", "/teams/billing/invitations", url.Values{"role": {"developer"}}).body
	_, rest, ok := strings.Cut(page, s.url+"/invitations/")
	token, _, _ := strings.Cut(rest, "<")
	if !ok || len(token) < 20 {
		t.Fatal("the page shows no link")
	}
	guest := s.browser()
	path := "/invitations/" + token
	if a := guest.get(path); a.status != http.StatusOK || a.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the link: %d, referrer policy %q", a.status, a.header.Get("Referrer-Policy"))
	}
	if a := guest.post(path, "/invitations", url.Values{"token": {token}, "name": {"gus"}, "password": {"short"}}); a.status != http.StatusBadRequest || strings.Contains(a.body, `value="short"`) {
		t.Errorf("a short password: %d", a.status)
	}
	if a := guest.post(path, "/invitations", url.Values{"token": {token}, "name": {"gus"}, "password": {password}}); a.status != http.StatusSeeOther {
		t.Fatalf("accept: %d\n%s", a.status, a.body)
	}
	if a := guest.get("/teams/billing"); a.status != http.StatusOK {
		t.Errorf("the new member's team: %d", a.status)
	}
	if a := s.browser().post(path, "/invitations", url.Values{"token": {token}, "name": {"eve"}, "password": {password}}); a.status != http.StatusNotFound {
		t.Errorf("the link once more: %d", a.status)
	}
}

// event is one of a page's stream.
type event struct{ id, name, data string }

// follow reads a stream until accept says that it has seen enough.
func (b *browser) follow(path, last string, accept func(event) bool) (ended event) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, b.base+path, nil)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	a, err := (&http.Client{Jar: b.http.Jar}).Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer a.Body.Close()
	if kind := a.Header.Get("Content-Type"); kind != "text/event-stream" {
		b.t.Fatalf("%s is %d %s", path, a.StatusCode, kind)
	}
	var e event
	for lines := bufio.NewScanner(a.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data += value
		case "":
			if e.name != "" && accept(e) {
				return e
			}
			e = event{}
		}
	}
	b.t.Fatalf("%s ended early", path)
	return e
}

// TestStreams tell pages what has changed, to those who may see it, and go on
// where they were.
func TestStreams(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	s.service("secretive", "other", "main")
	b := s.person("vera", false, map[string]slipway.Role{"billing": slipway.RoleViewer})
	page := b.get("/").body
	_, rest, _ := strings.Cut(page, `data-after="`)
	after, _, _ := strings.Cut(rest, `"`)
	s.promote(platform.PromoteInput{Service: "secretive", Ref: "two"})
	s.promote(platform.PromoteInput{Service: "payments", Ref: "two"})
	seen := b.follow("/live?after="+after, "", func(e event) bool {
		if strings.Contains(e.data, "secretive") {
			t.Errorf("the stream tells of another team's service: %s", e.data)
		}
		return strings.Contains(e.data, "service:payments")
	})
	s.promote(platform.PromoteInput{Service: "payments", Ref: "three"})
	b.follow("/live", seen.id, func(e event) bool { return strings.Contains(e.data, "service:payments") })

	logged := map[string]int{}
	over := b.follow("/promotions/1/live", "", func(e event) bool {
		if e.name == "log" {
			logged[e.data]++
		}
		return e.name == "over"
	})
	if over.name != "over" || len(logged) < 4 {
		t.Errorf("the promotion's stream told %d lines", len(logged))
	}
	for data, n := range logged {
		if n > 1 {
			t.Errorf("told twice: %s", data)
		}
	}
	if a := b.get("/promotions/2/live"); a.status != http.StatusNotFound {
		t.Errorf("another team's stream: %d", a.status)
	}
	if a := s.browser().get("/live"); a.status != http.StatusNoContent {
		t.Errorf("a stream without a session: %d", a.status)
	}
}
