package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
)

// TestPasskeysOnThePages adds a passkey as the script does, and signs in with it
// alone and as the second step.
func TestPasskeysOnThePages(t *testing.T) {
	s := newSite(t)
	origin := strings.Replace(s.url, "127.0.0.1", "slipway.localhost", 1)
	s.Address = origin
	b := s.person("bob", false, nil)
	const page = "/account/factors"
	rp := virtualwebauthn.RelyingParty{Name: "Slipway", ID: "slipway.localhost", Origin: origin}
	device, one := virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	begin := func(b *browser, page, path string, fields url.Values) (ceremony, options string) {
		t.Helper()
		a := b.post(page, path, fields)
		var begun struct {
			Ceremony string          `json:"ceremony"`
			Options  json.RawMessage `json:"options"`
		}
		if err := json.Unmarshal([]byte(a.body), &begun); err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		return begun.Ceremony, `{"publicKey":` + string(begun.Options) + `}`
	}
	if a := b.post(page, page+"/passkeys", url.Values{"current": {"not the password at all"}}); a.status != http.StatusBadRequest || a.body != "The current password is wrong." {
		t.Errorf("%d %s", a.status, a.body)
	}
	ceremony, options := begin(b, page, page+"/passkeys", url.Values{"current": {password}})
	asked, err := virtualwebauthn.ParseAttestationOptions(options)
	if err != nil {
		t.Fatal(err)
	}
	device.Options.UserHandle = []byte(asked.UserID)
	device.AddCredential(one)
	added := b.post(page, page+"/passkeys/confirm", url.Values{"name": {"laptop"}, "ceremony": {ceremony}, "credential": {virtualwebauthn.CreateAttestationResponse(rp, device, one, *asked)}})
	if added.status != http.StatusOK || len(codeShown.FindAllString(added.body, -1)) != 10 || !strings.Contains(added.body, "laptop") {
		t.Fatalf("%d %s", added.status, added.body)
	}
	answer := func(options string) string {
		asked, err := virtualwebauthn.ParseAssertionOptions(options)
		if err != nil {
			t.Fatal(err)
		}
		return virtualwebauthn.CreateAssertionResponse(rp, device, one, *asked)
	}
	alone := s.browser()
	if page := alone.get("/login").body; !strings.Contains(page, `data-passkey="ask" data-at="/login/passkey"`) || !strings.Contains(page, "/assets/passkey.") {
		t.Error("the page to sign in does not offer passkeys")
	}
	ceremony, options = begin(alone, "/login", "/login/passkey", nil)
	if a := alone.post("/login", "/login/passkey/finish", url.Values{"ceremony": {ceremony}, "credential": {answer(options)}, "next": {"/promotions"}}); a.status != http.StatusSeeOther || a.header.Get("Location") != "/promotions" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := alone.get("/account"); a.status != http.StatusOK {
		t.Errorf("%d", a.status)
	}
	second := s.browser()
	a := second.post("/login", "/login", url.Values{"name": {"bob"}, "password": {password}})
	half := challengeField.FindStringSubmatch(a.body)
	if half == nil || !strings.Contains(a.body, "Use a passkey") {
		t.Fatalf("%s", a.body)
	}
	ceremony, options = begin(second, "/login", "/login/passkey", url.Values{"challenge": {half[1]}})
	if a := second.post("/login", "/login/passkey/finish", url.Values{"challenge": {half[1]}, "ceremony": {ceremony}, "credential": {answer(options)}}); a.status != http.StatusSeeOther {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := second.get("/account"); a.status != http.StatusOK {
		t.Errorf("%d", a.status)
	}
}
