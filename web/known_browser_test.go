package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestAKnownBrowserPasses guesses at alice from the very address that she is at.
func TestAKnownBrowserPasses(t *testing.T) {
	s := newSite(t)
	s.person("alice", true, nil)
	alice := s.browser()
	a := alice.signIn("alice")
	for _, line := range a.header.Values("Set-Cookie") {
		if strings.HasPrefix(line, "slipway-browser") && !strings.Contains(line, "HttpOnly") {
			t.Errorf("scripts can read %s", line)
		}
	}
	if alice.cookies()["slipway-browser"] == "" {
		t.Fatal("the browser keeps nothing to be known by")
	}
	stranger := s.browser()
	said := map[int]int{}
	for range 8 {
		a := stranger.post("/login", "/login", url.Values{"name": {"alice"}, "password": {"not her password at all"}})
		said[a.status]++
	}
	if said[http.StatusUnauthorized] != 5 || said[http.StatusTooManyRequests] != 3 {
		t.Errorf("eight guesses: %v", said)
	}
	if a := stranger.post("/login", "/login", url.Values{"name": {"alice"}, "password": {password}}); a.status != http.StatusTooManyRequests {
		t.Errorf("a stranger with the right password: %d", a.status)
	}
	if a := alice.post("/account", "/logout", nil); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	alice.signIn("alice") // in her own browser
}
