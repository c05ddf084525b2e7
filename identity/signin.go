package identity

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/identity"
	"github.com/slipway-dev/slipway/ent/identityprovider"
	"github.com/slipway-dev/slipway/ent/signinattempt"
	"github.com/slipway-dev/slipway/store"
)

const (
	// attemptLife is how long somebody may be away at a provider.
	attemptLife = 10 * time.Minute
	// linkLife is how long the page waits that asks for a password.
	linkLife = 10 * time.Minute
)

// CallbackPath is below which providers send browsers back, by their names.
const CallbackPath = "/login/callback/"

// SignInBegun is a way through a provider that has begun.
type SignInBegun struct {
	URL     string         // where the browser goes
	Browser slipway.Secret // what the browser keeps until it comes back
	Expires time.Time
}

// BeginSignIn sends a browser to a provider. next is a path here to go to afterwards.
func (d *Directory) BeginSignIn(ctx context.Context, provider, next string) (SignInBegun, error) {
	if err := mayBegin(ctx); err != nil {
		return SignInBegun{}, err
	}
	sys, now := store.AsSystem(ctx), time.Now().UTC()
	row, client, err := d.providerClient(ctx, provider)
	if err != nil {
		return SignInBegun{}, err
	}
	secret := func() string { return base64.RawURLEncoding.EncodeToString(Random(32)) }
	state, nonce, verifier, browser := secret(), secret(), secret(), secret()
	openid, err := d.openID()
	if err != nil {
		return SignInBegun{}, err
	}
	to, err := openid.Begin(ctx, client, slipway.SignInChallenge{State: slipway.NewSecret(state), Nonce: slipway.NewSecret(nonce), Verifier: slipway.NewSecret(verifier)})
	if err != nil {
		return SignInBegun{}, err
	}
	if _, err := d.db.SignInAttempt.Delete().Where(signinattempt.ExpiresAtLT(now)).Exec(sys); err != nil {
		return SignInBegun{}, err
	}
	err = d.db.SignInAttempt.Create().SetState(store.Fingerprint(state)).SetBrowser(begunIn(ctx, browser)).SetProvider(row.Name).SetNonce(nonce).
		SetVerifier(verifier).SetNext(next[:min(len(next), 1000)]).SetExpiresAt(now.Add(attemptLife)).Exec(sys)
	return SignInBegun{URL: to, Browser: slipway.NewSecret(browser), Expires: now.Add(attemptLife)}, err
}

// begunIn is by what an attempt knows its browser: what that keeps and, where that is
// asked, whose connections it makes. What it keeps alone another program of the portal's
// host can give it, to have it finish an attempt of its own.
func begunIn(ctx context.Context, browser string) string {
	return store.Fingerprint(browser + " " + slipway.PeerFrom(ctx).Name)
}

// providerClient finds an active provider, and how we are known there.
func (d *Directory) providerClient(ctx context.Context, name string) (*ent.IdentityProvider, slipway.OpenIDClient, error) {
	sys := store.AsSystem(ctx)
	row, err := d.db.IdentityProvider.Query().Where(identityprovider.Name(name), identityprovider.Active(true)).Only(sys)
	if err != nil {
		return nil, slipway.OpenIDClient{}, store.Missing(err, "there is no provider %s to sign in with", store.Printable(name))
	}
	c := slipway.OpenIDClient{
		Issuer: row.Issuer, ID: row.ClientID, Scopes: append([]string{"profile", "email"}, row.Scopes...), GroupsClaim: row.GroupsClaim,
		Redirect: d.settings.Address + CallbackPath + row.Name,
	}
	if row.ClientSecret != "" {
		if c.Secret, err = d.secrets.Get(sys, slipway.SecretRef(row.ClientSecret)); err != nil {
			return nil, c, slipway.Wrap(slipway.Unavailable, err, "the secret of provider %s can't be read; is the secret store there?", row.Name)
		}
	}
	return row, c, nil
}

// SignInAnswer is what a browser brings back from a provider.
type SignInAnswer struct {
	Provider string         // by the path that it came to
	State    slipway.Secret //
	Code     slipway.Secret //
	Issuer   string         // who says that it answers (RFC 9207); "" where that isn't said
	Problem  string         // an error code in place of the code
	Browser  slipway.Secret // what the browser kept
}

// SignedIn is how a way through a provider ended: with a session, or with an
// account that has a password, which must be given once.
type SignedIn struct {
	Session Session
	Next    string
	Account string         // whose password is asked for; "" with a session
	Link    slipway.Secret // goes with it
}

var errAttempt = slipway.Errorf(slipway.Unauthenticated, "this sign-in is not one that was begun in this browser a few minutes ago, or it was finished before; begin again")

// FinishSignIn signs in who comes back from a provider. Each attempt is good
// once, and in the browser that began it. The error of an account that has a
// second factor is a FactorNeeded.
func (d *Directory) FinishSignIn(ctx context.Context, in SignInAnswer, from Caller) (SignedIn, error) {
	row, person, next, err := d.answered(ctx, in)
	var done SignedIn
	var a *ent.Account
	if err == nil {
		a, done, err = d.personAccount(ctx, row, person, from)
	}
	if err != nil {
		d.refusedSignIn(ctx, in.Provider, person, err, from)
		return SignedIn{}, err
	}
	done.Next = next
	if a == nil { // its password is asked for first
		text, _, err := d.seal(ctx, claims{
			RegisteredClaims: jwt.RegisteredClaims{Audience: jwt.ClaimStrings{linkAudience}, Subject: person.Subject},
			Provider:         row.ID, Email: person.Email, Groups: ruled(row, person.Groups), Factor: providedFactor(row, person), Next: next, Account: done.Account,
		}, linkLife)
		done.Link = slipway.NewSecret(text)
		return done, err
	}
	if err := d.syncGroups(ctx, row, a, person, from); err != nil {
		return SignedIn{}, err
	}
	done.Session, err = d.enter(ctx, a, from, "provider "+row.Name, providedFactor(row, person), next)
	return done, err
}

// refusedSignIn puts it on record that somebody was not let in. What an
// unbelieved answer says of itself is left out.
func (d *Directory) refusedSignIn(ctx context.Context, provider string, person slipway.Person, err error, from Caller) {
	if slipway.CodeOf(err) == slipway.Internal {
		return // logged in full with its request
	}
	who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: store.Printable(person.Email), Via: from.Via, Address: from.Address})
	d.audit.Record(who, audit.Refused, "session.begin", "", "", "provider "+store.Printable(provider), err.Error(), nil, nil)
}

// answered takes up an attempt and lets the provider say who it was.
func (d *Directory) answered(ctx context.Context, in SignInAnswer) (*ent.IdentityProvider, slipway.Person, string, error) {
	sys := store.AsSystem(ctx)
	none := slipway.Person{}
	attempt, err := d.db.SignInAttempt.Query().Where(signinattempt.State(store.Fingerprint(in.State.Reveal())), signinattempt.Provider(in.Provider)).Only(sys)
	if ent.IsNotFound(err) {
		return nil, none, "", errAttempt
	}
	if err != nil {
		return nil, none, "", err
	}
	if subtle.ConstantTimeCompare([]byte(attempt.Browser), []byte(begunIn(ctx, in.Browser.Reveal()))) != 1 {
		return nil, none, "", errAttempt // and it is left for the browser whose it is
	}
	if n, err := d.db.SignInAttempt.Delete().Where(signinattempt.ID(attempt.ID)).Exec(sys); err != nil || n == 0 {
		return nil, none, "", cmp.Or[error](err, errAttempt)
	}
	if time.Now().After(attempt.ExpiresAt) {
		return nil, none, "", errAttempt
	}
	row, client, err := d.providerClient(ctx, in.Provider)
	switch {
	case err != nil:
		return nil, none, "", err
	case in.Issuer != "" && in.Issuer != row.Issuer:
		return nil, none, "", slipway.Errorf(slipway.Unauthenticated, "another provider answered than the one that was asked; begin again")
	case in.Problem != "" || in.Code.Reveal() == "":
		return nil, none, "", slipway.Errorf(slipway.Unauthenticated, "the provider did not sign you in; begin again, and ask who runs it if that does not help")
	}
	openid, err := d.openID()
	if err != nil {
		return nil, none, "", err
	}
	person, err := openid.Redeem(ctx, client, slipway.SignInChallenge{State: in.State, Nonce: slipway.NewSecret(attempt.Nonce), Verifier: slipway.NewSecret(attempt.Verifier)}, in.Code)
	return row, person, attempt.Next, err
}

// ConnectSignIn gives the password that FinishSignIn asked for: the account
// proves that it is the same person's, is connected with the provider, and
// signed in. From then on the provider opens it. An account that has a second
// factor proves that too before anything is connected.
func (d *Directory) ConnectSignIn(ctx context.Context, link, password, code slipway.Secret, from Caller) (SignedIn, error) {
	sys := store.AsSystem(ctx)
	stale := slipway.Errorf(slipway.Unauthenticated, "the page has waited too long; sign in through the provider again")
	c, err := d.verify(ctx, link.Reveal(), linkAudience)
	if err != nil {
		return SignedIn{}, stale
	}
	row, err := d.db.IdentityProvider.Query().Where(identityprovider.ID(c.Provider), identityprovider.Active(true)).Only(sys)
	if err != nil {
		return SignedIn{}, cmp.Or[error](store.Missing(err, "the provider is not there any more"), stale)
	}
	a, err := d.db.Account.Query().Where(account.Name(c.Account), account.KindEQ(account.KindPerson), account.Active(true)).Only(sys)
	if err != nil && !ent.IsNotFound(err) {
		return SignedIn{}, err
	}
	person := slipway.Person{Subject: c.Subject, Email: c.Email, EmailVerified: true, Groups: c.Groups}
	if err := d.prove(ctx, c.Account, a, password, from); err != nil {
		d.refusedSignIn(ctx, row.Name, person, err, from)
		if err == errCredentials { //nolint:errorlint // it is returned as it is
			err = slipway.Errorf(slipway.Invalid, "the password is wrong").At("password")
		}
		return SignedIn{}, err
	}
	how := map[string]string{"by": "provider " + row.Name}
	if c.Factor != "" {
		how["factor"] = c.Factor
	}
	how, err = d.connectingFactor(ctx, a, code, from, how)
	if err != nil {
		d.refusedSignIn(ctx, row.Name, person, err, from)
		return SignedIn{}, err
	}
	if err := d.connect(ctx, d.db, row, a, person); err != nil {
		return SignedIn{}, err
	}
	d.recordConnected(ctx, row, a, from)
	if err := d.syncGroups(ctx, row, a, person, from); err != nil {
		return SignedIn{}, err
	}
	s, err := d.begin(ctx, a, from, how)
	return SignedIn{Session: s, Next: c.Next}, err
}

// providedFactor is the second factor of a provider that is trusted with it, and
// says that it has seen one.
func providedFactor(row *ent.IdentityProvider, person slipway.Person) string {
	if !row.TrustMfa || !person.SecondFactor() {
		return ""
	}
	return slipway.ByProvider(row.Name)
}

// connectingFactor proves the factor of an account that is to be connected, if
// it has one, and adds to how it is signed in.
func (d *Directory) connectingFactor(ctx context.Context, a *ent.Account, code slipway.Secret, from Caller, how map[string]string) (map[string]string, error) {
	kinds, err := d.FactorKinds(ctx, a.ID)
	if err != nil || len(kinds) == 0 {
		return how, err
	}
	place, err := d.browserOf(ctx, from.Browser, a.ID)
	if err != nil {
		return nil, err
	}
	if code.Reveal() == "" {
		return nil, slipway.Errorf(slipway.Invalid, "this account has a second factor; give its code too").At("code")
	}
	kind, err := d.proveCode(ctx, a, code, from, place)
	if err == errCode { //nolint:errorlint // it is returned as it is
		err = slipway.Errorf(slipway.Invalid, "%s", errCode.Message).At("code")
	}
	how["factor"] = string(kind)
	return how, err
}

// ruled are the groups that a rule names.
func ruled(row *ent.IdentityProvider, groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(name string) bool {
		return !slices.ContainsFunc(row.Groups, func(r slipway.GroupRule) bool { return r.Group == name })
	})
}

// connect makes somebody at a provider an account's.
func (d *Directory) connect(ctx context.Context, db *ent.Client, row *ent.IdentityProvider, a *ent.Account, person slipway.Person) error {
	err := db.Identity.Create().SetAccountID(a.ID).SetProviderID(row.ID).SetSubject(person.Subject).SetEmail(person.Email[:min(len(person.Email), 200)]).Exec(store.AsSystem(ctx))
	if ent.IsConstraintError(err) {
		return slipway.Errorf(slipway.Conflict, "this was done a moment ago; sign in again")
	}
	if err != nil {
		return err
	}
	return keepBylines(store.AsSystem(ctx), db, a.ID, nil, []string{person.Email[:min(len(person.Email), 200)]})
}

func (d *Directory) recordConnected(ctx context.Context, row *ent.IdentityProvider, a *ent.Account, from Caller) {
	as := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: a.Name, Via: from.Via, Address: from.Address})
	d.recordAccount(as, "account.connected", a, map[string]string{"provider": row.Name})
}

// Identities are through which providers accounts come in, by account.
func (d *Directory) Identities(ctx context.Context, accountName string) ([]*ent.Identity, error) {
	a, err := d.Account(ctx, accountName)
	if err != nil {
		return nil, err
	}
	if v := slipway.ViewerFrom(ctx); v.Name != a.Name || v.Kind != slipway.ViewerPerson {
		if _, err := d.SignedIn(ctx, slipway.PermitPlatform); err != nil {
			return nil, err
		}
	}
	return d.db.Identity.Query().Where(identity.AccountID(a.ID)).WithProvider().Order(identity.ByID()).Limit(100).All(ctx)
}
