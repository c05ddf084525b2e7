package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/apitest"
)

// TestAnAccountOfAnotherTeam is handled by nobody of this one, in any way that the
// API has, and by an admin of the platform.
func TestAnAccountOfAnotherTeam(t *testing.T) {
	w := apitest.New(t)
	w.SignedUp("victor", false, map[string]slipway.Role{"vault": slipway.RoleAdmin})
	mallory := w.SignedUp("mallory", false, map[string]slipway.Role{"shop": slipway.RoleAdmin})
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/accounts", `{"name":"robot","kind":"service"}`, http.StatusCreated, ""},
		{"POST", "/accounts", `{"name":"homeless","kind":"service"}`, http.StatusCreated, ""},
		{"PUT", "/teams/vault/members/robot", `{"role":"maintainer"}`, http.StatusOK, ""},
	} {
		if resp, text := ask(t, w, c.method, "/api/v1"+c.path, c.body); resp.StatusCode != c.status {
			t.Fatalf("%s: %d %s", c.path, resp.StatusCode, text)
		}
	}
	for _, c := range []struct{ method, path, body, says string }{
		{"PUT", "/teams/shop/members/robot", `{"role":"viewer"}`, "an admin of each team"},
		{"PUT", "/teams/shop/members/homeless", `{"role":"viewer"}`, "an admin of the platform"},
		{"POST", "/tokens", `{"name":"x","account":"robot","scopes":["admin"]}`, "an admin of each team"},
		{"POST", "/tokens", `{"name":"x","account":"homeless","scopes":["read"]}`, "an admin of the platform"},
		{"GET", "/tokens?account=robot", "", "an admin of each team"},
		{"PATCH", "/accounts/robot", `{"email":"m@example.com"}`, "admin of the platform"},
	} {
		resp, text := ask(t, w, c.method, "/api/v1"+c.path, c.body, "Authorization", "Bearer "+mallory)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(string(text), c.says) {
			t.Errorf("%s %s: %d %s", c.method, c.path, resp.StatusCode, text)
		}
	}
	if resp, text := ask(t, w, "PUT", "/api/v1/teams/shop/members/robot", `{"role":"viewer"}`); resp.StatusCode != http.StatusOK {
		t.Errorf("by an admin of the platform: %d %s", resp.StatusCode, text)
	}
}
