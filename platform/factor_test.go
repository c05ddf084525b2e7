package platform_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/identity"
)

// phone is an app that shows codes, by the clock of the test.
type phone struct {
	w      *world
	secret slipway.Secret
	now    time.Time
}

// next is the code of the next time step, in which nothing was guessed yet.
func (p *phone) next() slipway.Secret {
	p.w.Helper()
	p.now = p.now.Add(30 * time.Second)
	p.w.later()
	return p.code()
}

func (p *phone) code() slipway.Secret {
	text, err := totp.GenerateCode(p.secret.Reveal(), p.now)
	p.w.must(err)
	return slipway.NewSecret(text)
}

// session is the context of somebody who is signed in.
func (w *world) session(s identity.Session) context.Context {
	w.Helper()
	v, err := w.Identify(w.T.Context(), s.Access, cli)
	w.must(err)
	return slipway.WithViewer(w.T.Context(), v)
}

// withFactor gives somebody an app, and returns it with the recovery codes.
func (w *world) withFactor(name string) (*phone, []slipway.Secret) {
	w.Helper()
	p := &phone{w: w, now: time.Now()}
	w.SetClock(func() time.Time { return p.now })
	ctx := w.session(w.signIn(name))
	begun, err := w.BeginTOTP(ctx, "telephone", identity.FactorProof{Current: password})
	w.must(err)
	p.secret = begun.Secret
	recovery, err := w.ConfirmTOTP(ctx, begun.Key, p.code())
	w.must(err)
	return p, recovery
}

// half gives the password, and returns what the factor goes with.
func (w *world) half(name string) *identity.FactorNeeded {
	w.Helper()
	_, err := w.SignIn(w.T.Context(), name, password, cli)
	needed, ok := err.(*identity.FactorNeeded) //nolint:errorlint // it is returned as it is
	if !ok {
		w.Fatalf("no factor is asked for: %v", err)
	}
	return needed
}

func TestSignInWithACode(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.person("bob", false)
		p, recovery := w.withFactor("bob")
		if len(recovery) != 10 {
			w.Fatalf("%d recovery codes", len(recovery))
		}
		needed := w.half("bob")
		if got := len(needed.Factors); got != 2 || needed.Factors[0] != slipway.FactorTOTP {
			w.Errorf("%v", needed.Factors)
		}
		// The code that confirmed the app is spent.
		_, err := w.FinishFactor(ctx, needed.Challenge, p.code(), cli)
		w.want(err, slipway.Unauthenticated, "used before")
		done, err := w.FinishFactor(ctx, needed.Challenge, p.next(), cli)
		w.must(err)
		if v, err := w.Identify(ctx, done.Session.Access, cli); err != nil || v.Name != "bob" {
			w.Errorf("%+v %v", v, err)
		}
		// The first half is good once, and so is the code, also for another half.
		_, err = w.FinishFactor(ctx, needed.Challenge, p.next(), cli)
		w.want(err, slipway.Conflict, "begin again")
		_, err = w.FinishFactor(ctx, w.half("bob").Challenge, p.next(), cli)
		w.must(err)
		_, err = w.FinishFactor(ctx, w.half("bob").Challenge, p.code(), cli)
		w.want(err, slipway.Unauthenticated, "used before")
		// An older one counts no more, though it is within the window.
		before := *p
		before.now = p.now.Add(-30 * time.Second)
		w.later()
		_, err = w.FinishFactor(ctx, w.half("bob").Challenge, before.code(), cli)
		w.want(err, slipway.Unauthenticated, "used before")
		// A recovery code is good once, however it is typed.
		typed := slipway.NewSecret(" " + strings.ToLower(strings.ReplaceAll(recovery[3].Reveal(), "-", " ")))
		w.later()
		_, err = w.FinishFactor(ctx, w.half("bob").Challenge, typed, cli)
		w.must(err)
		w.later()
		_, err = w.FinishFactor(ctx, w.half("bob").Challenge, recovery[3], cli)
		w.want(err, slipway.Unauthenticated, "used before")
		// Who half came in is nobody yet.
		_, err = w.Identify(ctx, w.half("bob").Challenge, cli)
		w.want(err, slipway.Unauthenticated, "not good")
		// A new password, or an end of the account, ends what is half done.
		waiting := w.half("bob")
		w.must(w.SetPassword(w.Context(), "bob", identity.PasswordChange{New: slipway.NewSecret("a whole new password it is")}))
		_, err = w.FinishFactor(ctx, waiting.Challenge, p.next(), cli)
		w.want(err, slipway.Conflict, "begin again")
		// Nothing of it stands in the store in clear.
		for _, row := range w.Storage.Client.RecoveryCode.Query().AllX(w.Context()) {
			for _, code := range recovery {
				if row.Hash == code.Reveal() || strings.Contains(row.Hash, strings.ReplaceAll(code.Reveal(), "-", "")) {
					w.Error("a recovery code is kept in clear")
				}
			}
		}
		for _, row := range w.Storage.Client.Factor.Query().AllX(w.Context()) {
			if strings.Contains(row.Secret, p.secret.Reveal()) {
				w.Error("the secret is kept in the database")
			}
		}
	})
}

// TestACodeIsGoodOnce brings the same code by many halves at once.
func TestACodeIsGoodOnce(t *testing.T) {
	both(t, func(w *world) {
		w.person("bob", false)
		p, recovery := w.withFactor("bob")
		for what, code := range map[string]slipway.Secret{"of the app": p.next(), "for recovery": recovery[0]} {
			var halves []*identity.FactorNeeded
			for range 4 {
				halves = append(halves, w.half("bob"))
			}
			var all sync.WaitGroup
			var mu sync.Mutex
			in := 0
			for _, h := range halves {
				all.Go(func() {
					if _, err := w.FinishFactor(w.T.Context(), h.Challenge, code, cli); err == nil {
						mu.Lock()
						in++
						mu.Unlock()
					}
				})
			}
			all.Wait()
			if in != 1 {
				w.Errorf("a code %s opened %d sessions", what, in)
			}
			w.later()
		}
	})
}

func TestCodesAreNotGuessed(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.person("bob", false)
		p, _ := w.withFactor("bob")
		no := slipway.NewSecret("000000")
		// With one half as many as halfGuesses say, though the wait is over each time.
		needed := w.half("bob")
		for range 5 {
			_, err := w.FinishFactor(ctx, needed.Challenge, no, cli)
			w.want(err, slipway.Unauthenticated, "wrong")
			w.later()
		}
		_, err := w.FinishFactor(ctx, needed.Challenge, p.next(), cli)
		w.want(err, slipway.Conflict, "too many wrong codes")
		// With a new half each time they are counted together, and wait.
		judged := 0
		for range 12 {
			_, err := w.FinishFactor(ctx, w.half("bob").Challenge, no, cli)
			if slipway.CodeOf(err) == slipway.Unauthenticated {
				judged++
			}
		}
		if judged > 2 {
			w.Errorf("%d wrong codes were looked at without waiting", judged)
		}
		// Passwords aren't kept waiting by it, and half an hour later the owner is in.
		w.later()
		_, err = w.FinishFactor(ctx, w.half("bob").Challenge, p.next(), cli)
		w.must(err)
		n, err := w.Storage.Client.AuditEntry.Query().Where(auditentry.Actor("bob"), auditentry.Action("session.begin"), auditentry.Result("refused")).Count(w.Context())
		w.must(err)
		if n < 6 {
			w.Errorf("%d wrong codes are on record", n)
		}
	})
}

// TestFactorsTakeProof changes factors with what isn't enough.
func TestFactorsTakeProof(t *testing.T) {
	both(t, func(w *world) {
		w.person("bob", false)
		ctx := w.session(w.signIn("bob"))
		_, err := w.BeginTOTP(ctx, "", identity.FactorProof{Current: slipway.NewSecret("not the password at all")})
		w.want(err, slipway.Invalid, "current password is wrong")
		_, token, err := w.AddToken(ctx, identity.TokenInput{Name: "x", Scopes: []slipway.Scope{slipway.ScopeAdmin}})
		w.must(err)
		v, err := w.Identify(w.T.Context(), token, cli)
		w.must(err)
		_, err = w.BeginTOTP(slipway.WithViewer(w.T.Context(), v), "", identity.FactorProof{Current: password})
		w.want(err, slipway.Conflict, "signed in")
		// What isn't confirmed doesn't count.
		begun, err := w.BeginTOTP(ctx, "", identity.FactorProof{Current: password})
		w.must(err)
		if !strings.HasPrefix(begun.URI.Reveal(), "otpauth://totp/Slipway%20slipway.example.com:bob?") {
			w.Errorf("%s", begun.URI.Reveal())
		}
		w.signIn("bob")
		_, err = w.ConfirmTOTP(ctx, begun.Key, slipway.NewSecret("123456"))
		w.want(err, slipway.Invalid, "clock")

		p, recovery := w.withFactor("bob")
		_, err = w.BeginTOTP(ctx, "", identity.FactorProof{Current: password})
		w.want(err, slipway.Conflict, "remove it first")
		list, err := w.Factors(ctx)
		w.must(err)
		if len(list.List) != 1 || list.Recovery != 10 || list.List[0].Name != "telephone" {
			w.Fatalf("%+v", list)
		}
		key := list.List[0].Key
		w.want(w.RemoveFactor(ctx, key, identity.FactorProof{Current: password}), slipway.Invalid, "code is wrong")
		w.want(w.RemoveFactor(ctx, key, identity.FactorProof{Code: p.next()}), slipway.Invalid, "current password is wrong")
		// Another's isn't there.
		w.person("eve", false)
		eve := w.session(w.signIn("eve"))
		w.want(w.RemoveFactor(eve, key, identity.FactorProof{Current: password}), slipway.NotFound, "no factor")
		fresh, err := w.RenewRecoveryCodes(ctx, identity.FactorProof{Current: password, Code: p.next()})
		w.must(err)
		_, err = w.FinishFactor(w.T.Context(), w.half("bob").Challenge, recovery[0], cli)
		w.want(err, slipway.Unauthenticated, "wrong")
		w.later()
		w.must(w.RemoveFactor(ctx, key, identity.FactorProof{Current: password, Code: fresh[0]}))
		w.signIn("bob")
		if n := w.Storage.Client.RecoveryCode.Query().CountX(w.Context()); n != 0 {
			w.Errorf("%d recovery codes are left", n)
		}
		if refs, err := w.Secrets.List(w.Context(), "_platform/totp-"); err != nil || len(refs) != 0 {
			w.Errorf("the secrets of removed factors are left: %v %v", refs, err)
		}
	})
}

func TestAnAdminResetsFactors(t *testing.T) {
	both(t, func(w *world) {
		w.person("bob", false)
		w.person("root", true)
		w.withFactor("bob")
		s := w.signIn("root")
		admin := w.session(s)
		app, _ := w.withFactor("root")
		w.want(w.ResetFactors(admin, "root"), slipway.Conflict, "another admin")
		w.want(w.ResetFactors(slipway.WithViewer(w.T.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Name: "eve"}), "bob"), slipway.Denied, "admin of the platform")
		waiting := w.half("bob")
		w.want(w.ResetFactors(admin, "bob"), slipway.Unproved, "still you")
		w.must(w.Prove(admin, identity.FactorProof{Code: app.next()}))
		w.must(w.ResetFactors(admin, "bob"))
		_, err := w.FinishFactor(w.T.Context(), waiting.Challenge, slipway.NewSecret("123456"), cli)
		w.want(err, slipway.Conflict, "begin again")
		w.signIn("bob")
		var got []string
		for _, e := range w.Storage.Client.AuditEntry.Query().Where(auditentry.ActionHasPrefix("factor."), auditentry.Object("account bob")).Order(auditentry.BySequence()).AllX(w.Context()) {
			got = append(got, e.Actor+" "+e.Action)
		}
		if strings.Join(got, ", ") != "bob factor.begun, bob factor.added, root factor.reset" {
			w.Errorf("%v", got)
		}
	})
}

// TestNobodyConnectsWithoutTheFactor gives the password of an account that has a
// factor to connect somebody at a provider with it.
func TestNobodyConnectsWithoutTheFactor(t *testing.T) {
	both(t, func(w *world) {
		s := w.corp(identity.ProviderInput{})
		_, err := w.AddAccount(w.Context(), identity.AccountInput{Name: "adele", Email: "ada@example.com", Password: password})
		w.must(err)
		p, _ := w.withFactor("adele")
		done, err := w.FinishSignIn(w.T.Context(), w.through(s, "ada"), browser)
		w.must(err)
		if done.Account != "adele" {
			w.Fatalf("%+v", done)
		}
		_, err = w.ConnectSignIn(w.T.Context(), done.Link, password, slipway.Secret{}, browser)
		w.want(err, slipway.Invalid, "second factor")
		_, err = w.ConnectSignIn(w.T.Context(), done.Link, password, p.next(), browser)
		w.must(err)
		// From then on the provider is the first half, and the app the second.
		_, err = w.FinishSignIn(w.T.Context(), w.through(s, "ada"), browser)
		needed, ok := err.(*identity.FactorNeeded) //nolint:errorlint // it is returned as it is
		if !ok {
			w.Fatalf("a provider alone opens it: %v", err)
		}
		if _, err := w.FinishFactor(w.T.Context(), needed.Challenge, p.next(), browser); err != nil {
			w.Error(err)
		}
	})
}
