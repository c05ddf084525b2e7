package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/operations"
	"github.com/slipway-dev/slipway/identity"
)

// TestSecondStep adds an app by the API and signs in with a code of it.
func TestSecondStep(t *testing.T) {
	w := apitest.New(t)
	const password = "correct horse battery staple"
	if _, err := w.AddAccount(slipway.WithViewer(t.Context(), slipway.System("test")), identity.AccountInput{Name: "bob", Password: slipway.NewSecret(password)}); err != nil {
		t.Fatal(err)
	}
	post := func(bearer, path string, body any, into any) int {
		t.Helper()
		text, _ := json.Marshal(body)
		resp, answer := ask(t, w, "POST", "/api/v1"+path, string(text), "Authorization", "Bearer "+bearer)
		if into != nil {
			if err := json.Unmarshal(answer, into); err != nil {
				t.Fatalf("%s: %s", path, answer)
			}
		}
		return resp.StatusCode
	}
	signIn := operations.SignInInput{Name: "bob", Password: password}
	var s operations.Session
	if status := post("", "/session", signIn, &s); status != http.StatusCreated {
		t.Fatal(status)
	}
	var begun operations.TotpBegun
	if status := post(s.AccessToken, "/factors/totp", operations.TotpInput{Name: "telephone", Current: password}, &begun); status != http.StatusCreated {
		t.Fatal(status)
	}
	at := time.Now()
	code := func(step int) string {
		text, err := totp.GenerateCode(begun.Secret, at.Add(time.Duration(step)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	var recovery operations.RecoveryCodes
	if status := post(s.AccessToken, "/factors/"+begun.Id+"/confirm", operations.CodeInput{Code: code(0)}, &recovery); status != http.StatusOK || len(recovery.RecoveryCodes) != 10 {
		t.Fatalf("%d %v", status, recovery)
	}
	var half operations.Problem
	if status := post("", "/session", signIn, &half); status != http.StatusUnauthorized || half.Challenge == nil || half.Code != slipway.Unauthenticated {
		t.Fatalf("%d %+v", status, half)
	}
	if len(half.Challenge.Factors) != 2 || time.Until(half.Challenge.ExpiresAt) > 5*time.Minute {
		t.Errorf("%+v", half.Challenge)
	}
	for _, c := range []struct {
		challenge, code string
		status          int
	}{
		{half.Challenge.Token, "000000", http.StatusUnauthorized}, {"another", code(1), http.StatusConflict},
		{half.Challenge.Token, code(1), http.StatusCreated}, {half.Challenge.Token, recovery.RecoveryCodes[0], http.StatusConflict},
	} {
		if status := post("", "/session/factor", operations.FactorInput{Challenge: c.challenge, Code: c.code}, nil); status != c.status {
			t.Errorf("%+v: %d", c, status)
		}
	}
	var wrong operations.Problem
	if post("", "/session", operations.SignInInput{Name: "bob", Password: "not the password at all"}, &wrong); wrong.Challenge != nil {
		t.Error("a wrong password tells of the factor")
	}
	_, list := ask(t, w, "GET", "/api/v1/factors", "", "Authorization", "Bearer "+s.AccessToken)
	if !strings.Contains(string(list), `"telephone"`) || !strings.Contains(string(list), `"recovery_codes":10`) || strings.Contains(string(list), begun.Secret) {
		t.Errorf("%s", list)
	}
	if resp, text := ask(t, w, "DELETE", "/api/v1/accounts/bob/factors", "", "Authorization", "Bearer "+w.InPerson("present")); resp.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	if status := post("", "/session", signIn, &s); status != http.StatusCreated {
		t.Errorf("after the reset: %d", status)
	}
}

// TestAnOldSessionIsAskedForAProof makes a token in a session that was proved
// long ago, and once more with a proof.
func TestAnOldSessionIsAskedForAProof(t *testing.T) {
	w := apitest.New(t)
	const password = "correct horse battery staple"
	sys := slipway.WithViewer(t.Context(), slipway.System("test"))
	if _, err := w.AddAccount(sys, identity.AccountInput{Name: "bob", Password: slipway.NewSecret(password)}); err != nil {
		t.Fatal(err)
	}
	s, err := w.SignIn(t.Context(), "bob", slipway.NewSecret(password), identity.Caller{Via: "api"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Storage.Client.Session.Update().SetProvedAt(time.Now().UTC().Add(-time.Hour)).Exec(sys); err != nil {
		t.Fatal(err)
	}
	bearer := "Bearer " + s.Access.Reveal()
	const token = `{"name":"x","scopes":["read"]}`
	resp, text := ask(t, w, "POST", "/api/v1/tokens", token, "Authorization", bearer)
	if how := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != http.StatusUnauthorized || !strings.Contains(string(text), `"proof_needed"`) || !strings.Contains(how, `error="insufficient_user_authentication"`) || !strings.Contains(how, `max_age="600"`) {
		t.Errorf("%d %s %s", resp.StatusCode, how, text)
	}
	for body, status := range map[string]int{`{"current":"not the password at all"}`: http.StatusBadRequest, `{"current":"` + password + `"}`: http.StatusNoContent} {
		if resp, text := ask(t, w, "POST", "/api/v1/session/proof", body, "Authorization", bearer); resp.StatusCode != status {
			t.Errorf("%s: %d %s", body, resp.StatusCode, text)
		}
	}
	if resp, text := ask(t, w, "POST", "/api/v1/tokens", token, "Authorization", bearer); resp.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}
