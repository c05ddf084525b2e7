package platform_test

import (
	"context"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/openid/openidtest"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/identity"
)

// old makes what was proved in a session lie further back than counts.
func (w *world) old(ctx context.Context) {
	w.Helper()
	key := slipway.ViewerFrom(ctx).Session
	w.must(w.Storage.Client.Session.Update().Where(session.Key(key)).SetProvedAt(time.Now().UTC().Add(-11 * time.Minute)).Exec(w.Context()))
}

// TestWhatASessionAloneMayNot tries what takes a proof in a session that was left
// open, and again with one.
func TestWhatASessionAloneMayNot(t *testing.T) {
	both(t, func(w *world) {
		w.person("root", true)
		w.person("bob", false)
		w.register("billing")
		none, yes := 0, true
		issuer := openidtest.Client(w.corp(identity.ProviderInput{})).Issuer
		tried := map[string]func(ctx context.Context) error{
			"a token": func(ctx context.Context) error {
				_, _, err := w.AddToken(ctx, identity.TokenInput{Name: "x", Scopes: []slipway.Scope{"read"}})
				return err
			},
			"a trust": func(ctx context.Context) error {
				_, err := w.AddTrust(ctx, "billing", identity.TrustInput{Name: "ci", Issuer: issuer, Audience: "slipway", Subject: "repo:shop/billing:*", Scopes: []slipway.Scope{"promote:dev"}})
				return err
			},
			"a provider's factors": func(ctx context.Context) error {
				_, err := w.UpdateProvider(ctx, "corp", identity.ProviderChange{TrustMFA: &yes})
				return err
			},
			"the policy of a service": func(ctx context.Context) error {
				_, err := w.SetPolicy(ctx, "billing", "prod", slipway.PolicyChange{Approvals: &none}, false, nil)
				return err
			},
			"the policy of an environment": func(ctx context.Context) error {
				_, err := w.UpdateEnvironment(ctx, "prod", catalog.EnvironmentChange{Policy: slipway.PolicyChange{Approvals: &none}})
				return err
			},
			"the password of another": func(ctx context.Context) error {
				return w.SetPassword(ctx, "bob", identity.PasswordChange{New: slipway.NewSecret("a whole new password it is")})
			},
			"the factors of another": func(ctx context.Context) error { return w.ResetFactors(ctx, "bob") },
			"another admin": func(ctx context.Context) error {
				_, err := w.UpdateAccount(ctx, "bob", identity.AccountChange{Admin: &yes})
				return err
			},
			"a new account that is one": func(ctx context.Context) error {
				_, err := w.AddAccount(ctx, identity.AccountInput{Name: "ghost", Password: password, Admin: true})
				return err
			},
			"a provider": func(ctx context.Context) error {
				open := false
				_, err := w.UpdateProvider(ctx, "corp", identity.ProviderChange{Open: &open})
				return err
			},
			"a command line": func(ctx context.Context) error {
				d, err := w.BeginDevice(ctx, cli)
				w.must(err)
				return w.DecideDevice(ctx, d.Code, true)
			},
		}
		ctx := w.session(w.signIn("root"))
		for what, try := range tried {
			w.old(ctx)
			if err := try(ctx); slipway.CodeOf(err) != slipway.Unproved {
				w.Errorf("%s: %v", what, err)
			}
			w.want(w.Prove(ctx, identity.FactorProof{Current: slipway.NewSecret("not the password at all")}), slipway.Invalid, "password is wrong")
			w.later()
			w.must(w.Prove(ctx, identity.FactorProof{Current: password}))
			if err := try(ctx); err != nil {
				w.Errorf("%s, proved: %v", what, err)
			}
		}
		n, err := w.Storage.Client.AuditEntry.Query().Where(auditentry.Action("session.proved"), auditentry.Actor("root")).Count(w.Context())
		if err != nil || n != 2*len(tried) {
			w.Errorf("%d entries: %v", n, err)
		}
		// To look takes nothing.
		w.old(ctx)
		if _, err := w.Tokens(ctx, ""); err != nil {
			w.Error(err)
		}
	})
}

// TestAProofIsByTheFactor gives the password where there is a factor.
func TestAProofIsByTheFactor(t *testing.T) {
	both(t, func(w *world) {
		w.person("bob", false)
		before := w.session(w.signIn("bob"))
		p, _ := w.withFactor("bob")
		token := func(ctx context.Context) error {
			_, _, err := w.AddToken(ctx, identity.TokenInput{Name: "x", Scopes: []slipway.Scope{"read"}})
			return err
		}
		// A session that was proved with the password alone isn't any more.
		w.want(token(before), slipway.Unproved, "still you")
		w.want(w.Prove(before, identity.FactorProof{Current: password}), slipway.Invalid, "code is wrong")
		w.later()
		w.must(w.Prove(before, identity.FactorProof{Code: p.next()}))
		w.must(token(before))
		// Signing in with a code is a proof.
		done, err := w.FinishFactor(w.T.Context(), w.half("bob").Challenge, p.next(), cli)
		w.must(err)
		here := w.session(done.Session)
		w.must(token(here))
		// A command line that it lets in has proved as much.
		d, err := w.BeginDevice(w.T.Context(), cli)
		w.must(err)
		w.must(w.DecideDevice(here, d.Code, true))
		s, err := w.PollDevice(w.T.Context(), d.Device, cli)
		w.must(err)
		w.must(token(w.session(s)))
		// With the factor just shown, the password does neither to remove it nor to make
		// recovery codes: who has left the browser open has shown it.
		list, err := w.Factors(here)
		w.must(err)
		w.old(here)
		w.want(w.RemoveFactor(here, list.List[0].Key, identity.FactorProof{Current: password}), slipway.Invalid, "code is wrong")
		w.later()
		w.must(w.Prove(here, identity.FactorProof{Code: p.next()}))
		w.want(w.RemoveFactor(here, list.List[0].Key, identity.FactorProof{Current: password}), slipway.Invalid, "code is wrong")
		w.later()
		_, err = w.RenewRecoveryCodes(here, identity.FactorProof{Current: password})
		w.want(err, slipway.Invalid, "code is wrong")
		w.must(w.RemoveFactor(here, list.List[0].Key, identity.FactorProof{Current: password, Code: p.next()}))
	})
}

// TestNoTokenMakesAnAdmin: whoever has a token of an admin, with every scope, makes
// nobody an admin by it, and doesn't become anybody: an admin is made in person, and
// so what only one in person may stays so.
func TestNoTokenMakesAnAdmin(t *testing.T) {
	both(t, func(w *world) {
		w.person("root", true)
		w.person("bob", false)
		w.corp(identity.ProviderInput{})
		in := w.session(w.signIn("root"))
		_, value, err := w.AddToken(in, identity.TokenInput{Name: "ci", Scopes: []slipway.Scope{"admin"}})
		w.must(err)
		v, err := w.Identify(w.T.Context(), value, cli)
		w.must(err)
		ctx, yes := slipway.WithViewer(w.T.Context(), v), true
		for what, try := range map[string]func() error{
			"a new admin": func() error {
				_, err := w.AddAccount(ctx, identity.AccountInput{Name: "ghost", Password: password, Admin: true})
				return err
			},
			"an admin": func() error {
				_, err := w.UpdateAccount(ctx, "bob", identity.AccountChange{Admin: &yes})
				return err
			},
			"a password": func() error {
				return w.SetPassword(ctx, "bob", identity.PasswordChange{New: slipway.NewSecret("a whole new password it is")})
			},
			"its owner's password": func() error {
				return w.SetPassword(ctx, "root", identity.PasswordChange{Current: password, New: slipway.NewSecret("a whole new password it is")})
			},
			"factors": func() error { return w.ResetFactors(ctx, "bob") },
			"a provider": func() error {
				_, err := w.UpdateProvider(ctx, "corp", identity.ProviderChange{Open: &yes})
				return err
			},
		} {
			if err := try(); slipway.CodeOf(err) != slipway.Denied {
				w.Errorf("%s: %v", what, err)
			}
		}
		if _, err := w.AddAccount(ctx, identity.AccountInput{Name: "carl", Password: password}); err != nil {
			w.Errorf("an account as others are: %v", err)
		}
	})
}
