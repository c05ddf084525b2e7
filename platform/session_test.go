package platform_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/platform/platformtest"
)

var (
	password = slipway.NewSecret("correct horse battery staple")
	cli      = identity.Caller{Via: "cli", Address: "192.0.2.7", Agent: "slipway/test"}
)

func (w *world) person(name string, admin bool) {
	w.Helper()
	_, err := w.AddAccount(w.Context(), identity.AccountInput{Name: name, Password: password, Admin: admin})
	w.must(err)
}

func (w *world) signIn(name string) identity.Session {
	w.Helper()
	s, err := w.SignIn(w.T.Context(), name, password, cli)
	w.must(err)
	return s
}

func TestSessions(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.person("bob", false)
		s := w.signIn("bob")
		v, err := w.Identify(ctx, s.Access, cli)
		w.must(err)
		if v.Name != "bob" || v.Kind != slipway.ViewerPerson || v.Admin || v.Scopes != nil || v.Session == "" {
			w.Errorf("%+v", v)
		}
		// A new key signs out nobody, and signs what comes next.
		w.must(w.RotateKeys(w.Context()))
		if _, err := w.Identify(ctx, s.Access, cli); err != nil {
			w.Errorf("after the keys were changed: %v", err)
		}
		next, err := w.Refresh(ctx, s.Refresh, cli)
		w.must(err)
		if _, err := w.Identify(ctx, next.Access, cli); err != nil {
			w.Errorf("signed with the new key: %v", err)
		}
		keys, err := w.VerificationKeys(ctx)
		if err != nil || len(keys) != 2 {
			w.Errorf("%d public keys: %v", len(keys), err)
		}
		// The refresh token was good once. Its second use ends the session, for
		// whoever holds the newer one as well.
		_, err = w.Refresh(ctx, s.Refresh, cli)
		w.want(err, slipway.Unauthenticated, "sign in again")
		_, err = w.Refresh(ctx, next.Refresh, cli)
		w.want(err, slipway.Unauthenticated, "sign in again")
		_, err = w.Identify(ctx, next.Access, cli)
		w.want(err, slipway.Unauthenticated, "not good")

		// Whoever is made inactive is out at once, sessions and tokens.
		s = w.signIn("bob")
		as := slipway.WithViewer(ctx, v)
		_, token, err := w.AddToken(as, identity.TokenInput{Name: "x", Scopes: []slipway.Scope{"read"}})
		w.must(err)
		no := false
		_, err = w.UpdateAccount(w.Context(), "bob", identity.AccountChange{Active: &no})
		w.must(err)
		for _, credential := range []slipway.Secret{s.Access, token} {
			_, err = w.Identify(ctx, credential, cli)
			w.want(err, slipway.Unauthenticated, "not good")
		}
		_, err = w.Refresh(ctx, s.Refresh, cli)
		w.want(err, slipway.Unauthenticated, "sign in again")
		_, err = w.SignIn(ctx, "bob", password, cli)
		w.want(err, slipway.Unauthenticated, "name or password is wrong")
	})
}

// TestForgedTokens tries what is known to have worked elsewhere.
func TestForgedTokens(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	w.person("bob", false)
	s := w.signIn("bob")
	parsed, _, err := jwt.NewParser().ParseUnverified(s.Access.Reveal(), jwt.MapClaims{})
	w.must(err)
	keys, err := w.VerificationKeys(w.T.Context())
	w.must(err)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	w.must(err)
	claims := func(change func(c jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{}
		for k, v := range parsed.Claims.(jwt.MapClaims) {
			c[k] = v
		}
		if change != nil {
			change(c)
		}
		return c
	}
	forge := func(method jwt.SigningMethod, key any, kid string, c jwt.MapClaims) string {
		tok := jwt.NewWithClaims(method, c)
		tok.Header["kid"] = kid
		text, err := tok.SignedString(key)
		w.must(err)
		return text
	}
	kid := keys[0].ID
	head, rest, _ := strings.Cut(s.Access.Reveal(), ".")
	body, signature, _ := strings.Cut(rest, ".")
	for name, token := range map[string]string{
		"alg none":               forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, claims(nil)),
		"key confusion":          forge(jwt.SigningMethodHS256, []byte(keys[0].Public), kid, claims(nil)),
		"a stranger's key":       forge(jwt.SigningMethodEdDSA, stranger, kid, claims(nil)),
		"an unknown kid":         forge(jwt.SigningMethodEdDSA, stranger, "../../etc/passwd", claims(nil)),
		"no kid":                 forge(jwt.SigningMethodEdDSA, stranger, "", claims(nil)),
		"a changed body":         head + "." + body[:len(body)-2] + "AA." + signature,
		"no signature":           head + "." + body + ".",
		"a refresh token":        s.Refresh.Reveal(),
		"nothing":                "",
		"long":                   strings.Repeat("a", 5000),
		"a token with bad check": identity.TokenPrefix + strings.Repeat("A", 36),
	} {
		if v, err := w.Identify(w.T.Context(), slipway.NewSecret(token), cli); slipway.CodeOf(err) != slipway.Unauthenticated {
			t.Errorf("%s: %v %v", name, v, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.person("bob", false)
		for text, says := range map[string]string{
			"short": "at least 15", strings.Repeat("a", 20): "too easy", strings.Repeat("ä", 600): "longer than", "bob bob bob bob!": "too easy",
		} {
			_, err := w.AddAccount(w.Context(), identity.AccountInput{Name: "bob", Password: slipway.NewSecret(text)})
			w.want(err, slipway.Invalid, says)
		}
		stored, err := w.Storage.Client.Account.Query().Where(account.Name("bob")).Only(w.Context())
		w.must(err)
		if !strings.HasPrefix(stored.Password, "$argon2id$v=19$m=19456,t=2,p=1$") {
			w.Errorf("hashed as %.40s", stored.Password)
		}
		// Guessing: the fifth wrong one makes this address wait, also with the right
		// one; others don't.
		for range 5 {
			_, err := w.SignIn(ctx, "bob", wrong, cli)
			w.want(err, slipway.Unauthenticated, "wrong")
		}
		_, err = w.SignIn(ctx, "bob", password, cli)
		w.want(err, slipway.Limited, "try again in")
		_, err = w.SignIn(ctx, "bob", password, identity.Caller{Via: "cli", Address: "192.0.2.8"})
		w.must(err)
		w.later()
		if _, err := w.SignIn(ctx, "bob", password, cli); err != nil {
			w.Errorf("after waiting: %v", err)
		}

		// A change ends the other sessions and asks for the current password.
		first, second := w.signIn("bob"), w.signIn("bob")
		v, err := w.Identify(ctx, second.Access, cli)
		w.must(err)
		as := slipway.WithViewer(ctx, v)
		w.want(w.SetPassword(as, "bob", identity.PasswordChange{Current: wrong, New: slipway.NewSecret("a whole new password")}), slipway.Invalid, "current password")
		w.must(w.SetPassword(as, "bob", identity.PasswordChange{Current: password, New: slipway.NewSecret("a whole new password")}))
		_, err = w.Identify(ctx, first.Access, cli)
		w.want(err, slipway.Unauthenticated, "")
		if _, err := w.Identify(ctx, second.Access, cli); err != nil {
			w.Errorf("the session that changed it: %v", err)
		}
		w.want(w.SetPassword(as, "ada", identity.PasswordChange{New: password}), slipway.Denied, "admin of the platform")
	})
}

func TestTokens(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.person("bob", false)
		w.person("eve", false)
		v, err := w.Identify(ctx, w.signIn("bob").Access, cli)
		w.must(err)
		bob := slipway.WithViewer(ctx, v)
		row, text, err := w.AddToken(bob, identity.TokenInput{Name: "ci", Scopes: []slipway.Scope{"read"}, Life: time.Hour})
		w.must(err)
		if !identity.WellFormed(text.Reveal()) || len(text.Reveal()) != 40 || strings.Contains(row.Hash, text.Reveal()) {
			w.Errorf("token %q", text.Reveal())
		}
		err = w.addToken(bob, identity.TokenInput{Name: "ci", Scopes: []slipway.Scope{"root"}})
		w.want(err, slipway.Invalid, "not a scope")
		err = w.addToken(bob, identity.TokenInput{Account: "eve", Name: "ci", Scopes: []slipway.Scope{"read"}})
		w.want(err, slipway.Denied, "eve alone")
		// A scope that would never work isn't given: programs don't decide for people.
		_, err = w.AddAccount(w.Context(), identity.AccountInput{Name: "chatops", Kind: slipway.ViewerService})
		w.must(err)
		err = w.addToken(w.Context(), identity.TokenInput{Account: "chatops", Name: "x", Scopes: []slipway.Scope{"read", "approve"}})
		w.want(err, slipway.Invalid, "a program can't decide for people")
		w.must(w.addToken(w.Context(), identity.TokenInput{Account: "chatops", Name: "x", Scopes: []slipway.Scope{"read"}}))
		w.must(w.addToken(bob, identity.TokenInput{Name: "approver", Scopes: []slipway.Scope{"approve"}}))
		// Other people's tokens are not there.
		e, err := w.Identify(ctx, w.signIn("eve").Access, cli)
		w.must(err)
		w.want(w.RevokeToken(slipway.WithViewer(ctx, e), row.ID), slipway.NotFound, "no token")
		seen, err := w.Identify(ctx, text, cli)
		w.must(err)
		if len(seen.Scopes) != 1 || seen.Session != "" {
			w.Errorf("%+v", seen)
		}
		w.must(w.RevokeToken(bob, row.ID))
		_, err = w.Identify(ctx, text, cli)
		w.want(err, slipway.Unauthenticated, "not good")
	})
}

// addToken is AddToken for a refusal, which gives no token.
func (w *world) addToken(ctx context.Context, in identity.TokenInput) error {
	_, _, err := w.AddToken(ctx, in)
	return err
}

func TestInvitations(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		first, needed, err := w.SetUp(ctx)
		if err != nil || !needed {
			w.Fatalf("%v %v", needed, err)
		}
		link, _, err := w.SetUp(ctx)
		w.must(err)
		_, err = w.Accept(ctx, first.Token, identity.AccountInput{Name: "mallory", Password: password}, cli)
		w.want(err, slipway.NotFound, "ask for another")
		_, err = w.Accept(ctx, link.Token, identity.AccountInput{Name: "ada"}, cli)
		w.want(err, slipway.Invalid, "choose a password")
		s, err := w.Accept(ctx, link.Token, identity.AccountInput{Name: "ada", Password: password}, cli)
		w.must(err)
		entries, err := w.Audit(w.Context(), audit.Query{Action: "account.accepted_invitation"})
		w.must(err)
		if len(entries.Items) != 1 || entries.Items[0].After["invited_by"] != platform.Operator {
			t.Errorf("who invited the first admin is told as %v", entries.Items)
		}
		v, err := w.Identify(ctx, s.Access, cli)
		if err != nil || !v.Admin {
			w.Fatalf("%+v %v", v, err)
		}
		_, err = w.Accept(ctx, link.Token, identity.AccountInput{Name: "mallory", Password: password}, cli)
		w.want(err, slipway.NotFound, "ask for another")
		if _, needed, err := w.SetUp(ctx); err != nil || needed {
			w.Errorf("with an admin there: %v %v", needed, err)
		}
		ada := slipway.WithViewer(ctx, v)
		_, err = w.AddTeam(ada, "shop", "")
		w.must(err)
		in, err := w.Invite(ada, "shop", slipway.RoleDeveloper)
		w.must(err)
		// What the invited claims to be counts for nothing.
		s, err = w.Accept(ctx, in.Token, identity.AccountInput{Name: "bob", Password: password, Admin: true, Kind: slipway.ViewerService}, cli)
		w.must(err)
		b, err := w.Identify(ctx, s.Access, cli)
		if err != nil || b.Admin || b.Kind != slipway.ViewerPerson || len(b.Roles) != 1 {
			w.Errorf("%+v %v", b, err)
		}
		bob := slipway.WithViewer(ctx, b)
		_, err = w.Invite(bob, "shop", slipway.RoleAdmin)
		w.want(err, slipway.Denied, "role admin in team shop, and you are developer there")
		no := false
		_, err = w.UpdateAccount(ada, "ada", identity.AccountChange{Active: &no})
		w.want(err, slipway.Conflict, "last admin")
		_, err = w.UpdateAccount(ada, "ada", identity.AccountChange{Admin: &no})
		w.want(err, slipway.Conflict, "last admin")
		_, err = w.UpdateAccount(bob, "bob", identity.AccountChange{Admin: new(bool)})
		w.want(err, slipway.Denied, "ask ada")
	})
}

// TestNobodyReadsTheStore is the second lock: a query without a viewer fails.
func TestNobodyReadsTheStore(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	db, ctx := w.Storage.Client, t.Context()
	for name, ask := range map[string]func() error{
		"services":    func() error { _, err := db.Service.Query().Count(ctx); return err },
		"promotions":  func() error { _, err := db.Promotion.Query().All(ctx); return err },
		"tokens":      func() error { _, err := db.Token.Query().All(ctx); return err },
		"audit":       func() error { _, err := db.AuditEntry.Query().All(ctx); return err },
		"a team":      func() error { return db.Team.Create().SetName("x").Exec(ctx) },
		"log":         func() error { _, err := db.LogChunk.Query().All(ctx); return err },
		"environment": func() error { _, err := db.Environment.Delete().Exec(ctx); return err },
	} {
		if err := ask(); slipway.CodeOf(err) != slipway.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}
