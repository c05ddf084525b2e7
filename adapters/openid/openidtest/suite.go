package openidtest

import (
	"crypto/rand"
	"net/url"
	"slices"
	"testing"

	"github.com/slipway-dev/slipway"
)

// Run is the conformance suite: a whole sign-in at a real provider, and what
// must not be one.
func Run(t *testing.T, openid slipway.OpenID, p Provider) {
	c := Client(p)
	begin := func(t *testing.T, user string) (slipway.SignInChallenge, slipway.Secret) {
		t.Helper()
		challenge := Challenge()
		address, err := openid.Begin(t.Context(), c, challenge)
		if err != nil {
			t.Fatal(err)
		}
		back, err := url.Parse(p.SignIn(t, address, user))
		if err != nil {
			t.Fatal(err)
		}
		if got := back.Query().Get("state"); got != challenge.State.Reveal() || back.Query().Get("code") == "" {
			t.Fatalf("sent back to %s", back)
		}
		return challenge, slipway.NewSecret(back.Query().Get("code"))
	}
	refused := func(t *testing.T, code slipway.Code, err error) {
		t.Helper()
		if slipway.CodeOf(err) != code {
			t.Errorf("%q (%v), want %q", slipway.CodeOf(err), err, code)
		}
	}

	t.Run("who signed in", func(t *testing.T) {
		for name, user := range Users {
			challenge, code := begin(t, name)
			person, err := openid.Redeem(t.Context(), c, challenge, code)
			if err != nil {
				t.Fatal(err)
			}
			if person.Subject != name || person.Email != user.Email || person.EmailVerified != user.Verified || person.Name != user.Name ||
				person.Username != name || !slices.Equal(person.Groups, user.Groups) {
				t.Errorf("%s is %+v", name, person)
			}
		}
	})
	t.Run("a code is good once", func(t *testing.T) {
		challenge, code := begin(t, "ada")
		_, err := openid.Redeem(t.Context(), c, challenge, code)
		refused(t, "", err)
		_, err = openid.Redeem(t.Context(), c, challenge, code)
		refused(t, slipway.Unauthenticated, err)
	})
	t.Run("of another browser", func(t *testing.T) {
		_, code := begin(t, "ada")
		_, err := openid.Redeem(t.Context(), c, Challenge(), code) // its verifier is another
		refused(t, slipway.Unauthenticated, err)
	})
	t.Run("with another nonce", func(t *testing.T) {
		challenge, code := begin(t, "ada")
		challenge.Nonce = slipway.NewSecret(rand.Text())
		_, err := openid.Redeem(t.Context(), c, challenge, code)
		refused(t, slipway.Unauthenticated, err)
	})
	t.Run("a wrong secret of the client", func(t *testing.T) {
		challenge, code := begin(t, "ada")
		wrong := c
		wrong.Secret = slipway.NewSecret("not it")
		_, err := openid.Redeem(t.Context(), wrong, challenge, code)
		refused(t, slipway.Invalid, err)
	})
	t.Run("an issuer that is none", func(t *testing.T) {
		refused(t, "", openid.Discover(t.Context(), p.Issuer()))
		refused(t, slipway.Invalid, openid.Discover(t.Context(), p.Issuer()+"/nothing-here"))
		refused(t, slipway.Invalid, openid.Discover(t.Context(), p.Issuer()+"/")) // it calls itself otherwise
		refused(t, slipway.Invalid, openid.Discover(t.Context(), "http://login.example.com"))
		refused(t, slipway.Unavailable, openid.Discover(t.Context(), "http://127.0.0.1:1"))
	})
}

// Challenge makes the three random values of a sign-in.
func Challenge() slipway.SignInChallenge {
	return slipway.SignInChallenge{State: slipway.NewSecret(rand.Text()), Nonce: slipway.NewSecret(rand.Text()), Verifier: slipway.NewSecret(rand.Text() + rand.Text())}
}
