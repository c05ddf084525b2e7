package platform_test

import (
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
)

// TestAPasswordChangeEndsTokens when it says so, and not otherwise.
func TestAPasswordChangeEndsTokens(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.person("bob", false)
		v, err := w.Identify(ctx, w.signIn("bob").Access, browser)
		w.must(err)
		as, current := slipway.WithViewer(ctx, v), password
		for _, ends := range []bool{false, true} {
			_, text, err := w.AddToken(as, identity.TokenInput{Name: "x", Scopes: []slipway.Scope{slipway.ScopeRead}})
			w.must(err)
			next := slipway.NewSecret(current.Reveal() + " and one more")
			w.must(w.SetPassword(as, "bob", identity.PasswordChange{Current: current, New: next, EndTokens: ends}))
			current = next
			if _, err := w.Identify(ctx, text, cli); (err != nil) != ends {
				w.Errorf("with %v: %v", ends, err)
			}
		}
	})
}
