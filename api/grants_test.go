package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/openid"
	"github.com/slipway-dev/slipway/adapters/openid/openidtest"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/operations"
	"github.com/slipway-dev/slipway/identity"
)

// TestProvidersKeepTheirSecret walks a provider through its life.
func TestProvidersKeepTheirSecret(t *testing.T) {
	w := apitest.New(t)
	corp := openidtest.NewServer(t)
	w.OpenID = openid.New(http.DefaultClient)
	w.Address = "https://slipway.example.com"
	present := w.InPerson("present")
	body := `{"name":"corp","issuer":"` + corp.Issuer() + `","client_id":"slipway","client_secret":"hunter22-hunter22","groups":[{"group":"ops","admin":true},{"group":"devs","team":"default","role":"developer"}]}`
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/providers", strings.Replace(body, corp.Issuer(), corp.Issuer()+"/elsewhere", 1), 400, "/issuer"},
		{"POST", "/providers", strings.Replace(body, "developer", "king", 1), 400, "/groups/1/role"},
		{"POST", "/providers", strings.Replace(body, "default", "no-such-team", 1), 400, "there is no team"},
		{"POST", "/providers", body, 201, "https://slipway.example.com/login/callback/corp"},
		{"POST", "/providers", body, 409, "there is a provider corp already"},
		{"GET", "/providers", "", 200, `"has_secret":true`},
		{"GET", "/providers/corp", "", 200, `"team":"default"`},
		{"PATCH", "/providers/corp", `{"display_name":"Corp"}`, 200, `"display_name":"Corp"`},
		{"PATCH", "/providers/corp", `{"issuer":"https://evil.example.com"}`, 400, "/issuer"},
		{"PATCH", "/providers/corp", `{"groups":[],"open":true}`, 200, `"groups":[]`},
		{"GET", "/sign-in", "", 200, `{"passwords":true,"providers":[{"name":"corp","title":"Corp"}]}`},
		{"PATCH", "/sign-in", `{"passwords":false}`, 409, "no admin has signed in through a provider yet"},
		{"DELETE", "/providers/corp", "", 204, ""},
		{"GET", "/providers/corp", "", 404, "there is no provider corp"},
	} {
		resp, text := ask(t, w, c.method, "/api/v1"+c.path, c.body, "Authorization", "Bearer "+present)
		if resp.StatusCode != c.status || !strings.Contains(string(text), c.says) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, resp.StatusCode, text)
		}
		if strings.Contains(string(text), "hunter22") {
			t.Errorf("%s %s shows the secret: %s", c.method, c.path, text)
		}
	}
	if resp, text := ask(t, w, "GET", "/api/v1/audit", ""); strings.Contains(string(text), "hunter22") || !strings.Contains(string(text), "provider.added") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

// form asks the token endpoint, as nobody.
func form(t *testing.T, w *apitest.World, path string, fields url.Values) (*http.Response, map[string]any) {
	t.Helper()
	resp, text := ask(t, w, "POST", "/api/v1"+path, fields.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Authorization", "")
	got := map[string]any{}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	return resp, got
}

const (
	exchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	deviceCode = "urn:ietf:params:oauth:grant-type:device_code"
)

// TestTokenExchange is a CI job that promotes with nothing but its own token.
func TestTokenExchange(t *testing.T) {
	w := apitest.New(t)
	ci := openidtest.NewServer(t)
	w.OpenID = openid.New(http.DefaultClient)
	register(t, w, "billing")
	register(t, w, "wages")
	trust := `{"name":"main","issuer":"` + ci.Issuer() + `","audience":"https://slipway.example.com","subject":"repo:shop/billing:*","scopes":["promote:dev"]}`
	resp, text := ask(t, w, "POST", "/api/v1/services/billing/trusts", trust)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	grant := func(token, service string) (*http.Response, map[string]any) {
		return form(t, w, "/token", url.Values{"grant_type": {exchange}, "subject_token": {token}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"}, "audience": {service}})
	}
	job := func(subject string) jwt.MapClaims { return ci.Job("https://slipway.example.com", subject) }
	resp, got := grant(ci.Sign(job("repo:shop/billing:ref:refs/heads/main")), "billing")
	if resp.StatusCode != http.StatusOK || got["token_type"] != "Bearer" || got["expires_in"].(float64) < 880 || got["expires_in"].(float64) > 900 || got["scope"] != "promote:dev" ||
		got["issued_token_type"] != "urn:ietf:params:oauth:token-type:access_token" || got["refresh_token"] != nil || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", resp.StatusCode, got)
	}
	token := got["access_token"].(string)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/services/billing/promotions", `{"environment":"dev"}`, 202},
		{"POST", "/services/billing/promotions", `{"environment":"prod"}`, 403},
		{"POST", "/services/wages/promotions", `{"environment":"dev"}`, 404},
		{"GET", "/services/wages", "", 404},
		{"GET", "/services/wages/trusts", "", 404},
		{"GET", "/services/billing/trusts", "", 200},
		{"DELETE", "/services/billing/trusts/main", "", 403},
		{"GET", "/accounts", "", 403},
		{"GET", "/session", "", 200},
		{"POST", "/tokens", `{"name":"x","scopes":["read"]}`, 403},
	} {
		resp, text := ask(t, w, c.method, "/api/v1"+c.path, c.body, "Authorization", "Bearer "+token)
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, resp.StatusCode, c.status, text)
		}
	}
	if _, text := ask(t, w, "GET", "/api/v1/promotions", ""); !strings.Contains(string(text), `"requested_by":"billing/main"`) {
		t.Errorf("who asked is not told: %s", text)
	}
	for name, c := range map[string]struct{ token, service string }{
		"subject that doesn't fit": {ci.Sign(job("repo:shop/other:ref:refs/heads/main")), "billing"},
		"alg none":                 {ci.Unsigned(job("repo:shop/billing:x")), "billing"},
		"HS256":                    {ci.Confused(job("repo:shop/billing:x")), "billing"},
		"another service":          {ci.Sign(job("repo:shop/billing:x")), "wages"},
		"a service that isn't":     {ci.Sign(job("repo:shop/billing:x")), "absent"},
		"our own token":            {token, "billing"},
		"nonsense":                 {"nonsense", "billing"},
	} {
		resp, got := grant(c.token, c.service)
		if resp.StatusCode != http.StatusBadRequest || got["error"] != "invalid_grant" || !strings.Contains(got["detail"].(string), c.service+" trusts no token like this one") {
			t.Errorf("%s: %d %v", name, resp.StatusCode, got)
		}
	}
	for name, fields := range map[string]url.Values{
		"no kind":      {},
		"another kind": {"grant_type": {"password"}, "username": {"ada"}},
		"no token":     {"grant_type": {exchange}, "audience": {"billing"}},
		"too long":     {"grant_type": {deviceCode}, "device_code": {strings.Repeat("x", 201)}},
	} {
		if resp, got := form(t, w, "/token", fields); resp.StatusCode != http.StatusBadRequest || got["error"] != "invalid_request" {
			t.Errorf("%s: %d %v", name, resp.StatusCode, got)
		}
	}
	if resp, text := ask(t, w, "POST", "/api/v1/token", `{"grant_type":"x"}`); resp.StatusCode != http.StatusUnsupportedMediaType || !strings.Contains(string(text), "x-www-form-urlencoded") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

// TestDeviceGrant is a command line that somebody lets in.
func TestDeviceGrant(t *testing.T) {
	w := apitest.New(t)
	w.Address = "https://slipway.example.com"
	system := slipway.WithViewer(t.Context(), slipway.System("test"))
	password := slipway.NewSecret("correct horse battery staple")
	if _, err := w.AddAccount(system, identity.AccountInput{Name: "bob", Password: password}); err != nil {
		t.Fatal(err)
	}
	resp, begun := form(t, w, "/device", url.Values{"client_id": {"slipway"}})
	code, _ := begun["user_code"].(string)
	if resp.StatusCode != http.StatusOK || begun["verification_uri"] != "https://slipway.example.com/device" || begun["interval"] != 5.0 || begun["expires_in"].(float64) < 580 || begun["expires_in"].(float64) > 600 ||
		begun["verification_uri_complete"] != "https://slipway.example.com/device?code="+code {
		t.Fatalf("%d %v", resp.StatusCode, begun)
	}
	poll := func() (*http.Response, map[string]any) {
		return form(t, w, "/token", url.Values{"grant_type": {deviceCode}, "device_code": {begun["device_code"].(string)}, "client_id": {"slipway"}})
	}
	for _, want := range []string{"authorization_pending", "slow_down"} {
		if resp, got := poll(); resp.StatusCode != http.StatusBadRequest || got["error"] != want {
			t.Errorf("%d %v, want %s", resp.StatusCode, got, want)
		}
	}
	s, err := w.SignIn(t.Context(), "bob", password, identity.Caller{Via: "portal"})
	if err != nil {
		t.Fatal(err)
	}
	v, err := w.Identify(t.Context(), s.Access, identity.Caller{Via: "portal"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.DecideDevice(slipway.WithViewer(t.Context(), v), code, true); err != nil {
		t.Fatal(err)
	}
	resp, got := poll()
	if resp.StatusCode != http.StatusOK || got["account"] != "bob" || got["refresh_token"] == nil {
		t.Fatalf("%d %v", resp.StatusCode, got)
	}
	if resp, text := ask(t, w, "GET", "/api/v1/session", "", "Authorization", "Bearer "+got["access_token"].(string)); resp.StatusCode != http.StatusOK || !strings.Contains(string(text), `"account":"bob"`) {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	if resp, got := poll(); resp.StatusCode != http.StatusBadRequest || got["error"] != "expired_token" {
		t.Errorf("a second time: %d %v", resp.StatusCode, got)
	}
	var p operations.Problem
	_, text := ask(t, w, "POST", "/api/v1/token", url.Values{"grant_type": {deviceCode}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if err := json.Unmarshal(text, &p); err != nil || p.Error != "expired_token" {
		t.Errorf("%s", text)
	}
}
