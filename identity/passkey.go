package identity

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/ceremony"
	"github.com/slipway-dev/slipway/ent/factor"
	"github.com/slipway-dev/slipway/store"
)

const (
	// ceremonyLife is how long a browser may take to ask for a passkey.
	ceremonyLife = 5 * time.Minute
	// maxPasskeys is how many an account has at most.
	maxPasskeys = 20
	// maxCredential bounds what a browser answers with.
	maxCredential = 32 << 10
)

// What a ceremony was begun for: its answer is good for nothing else.
const (
	ceremonyAdd    = "add"
	ceremonySecond = "second step"
	ceremonyAlone  = "sign in"
	ceremonyProof  = "proof"
)

var errCeremony = slipway.Errorf(slipway.Conflict, "this was begun too long ago, or was finished; try again")

// PasskeyBegun is what a browser is to be asked.
type PasskeyBegun struct {
	Ceremony slipway.Secret  // goes with the answer; good once
	Options  json.RawMessage // for navigator.credentials, as its JSON form
}

// PasskeyAnswer is what a browser brings back.
type PasskeyAnswer struct {
	Ceremony   slipway.Secret
	Credential []byte // the JSON of a PublicKeyCredential
}

// relyingParty is who we are to passkeys: the name in the portal's address. They
// are bound to it, and are no good under another.
func (d *Directory) relyingParty() (*webauthn.WebAuthn, error) {
	u, err := url.Parse(d.settings.Address)
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return nil, slipway.Errorf(slipway.Conflict, "passkeys belong to a host name, and the portal is at %s; give it one with --public-url", d.settings.Address)
	}
	return webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: "Slipway", RPOrigins: []string{u.Scheme + "://" + u.Host}})
}

// Passkeys tells whether passkeys can be used at the portal's address.
func (d *Directory) Passkeys() bool {
	_, err := d.relyingParty()
	return err == nil
}

// passkeyUser is an account as passkeys know it.
type passkeyUser struct {
	*ent.Account
	handle []byte
	known  []webauthn.Credential
}

// WebAuthnID is what a passkey keeps of whose it is.
func (u *passkeyUser) WebAuthnID() []byte { return u.handle }

// WebAuthnName is what a browser shows of it.
func (u *passkeyUser) WebAuthnName() string { return u.Name }

// WebAuthnDisplayName is what a browser shows of it, too.
func (u *passkeyUser) WebAuthnDisplayName() string {
	if u.DisplayName == "" {
		return u.Name
	}
	return u.DisplayName
}

// WebAuthnCredentials are the account's passkeys.
func (u *passkeyUser) WebAuthnCredentials() []webauthn.Credential { return u.known }

// passkeyUser reads an account's passkeys. The handle that they keep says nothing
// of whose it is.
func (d *Directory) passkeyUser(ctx context.Context, a *ent.Account) (*passkeyUser, error) {
	key, err := d.guessKey(ctx)
	if err != nil {
		return nil, err
	}
	handle, err := hex.DecodeString(keyed(key, "passkey user", strconv.Itoa(a.ID)))
	if err != nil {
		return nil, err
	}
	rows, err := d.db.Factor.Query().Where(factor.AccountID(a.ID), factor.KindEQ(factor.KindPasskey), factor.ConfirmedAtNotNil()).Limit(maxPasskeys).All(store.AsSystem(ctx))
	if err != nil {
		return nil, err
	}
	u := &passkeyUser{Account: a, handle: handle}
	for _, row := range rows {
		var one webauthn.Credential
		if err := json.Unmarshal(row.Credential, &one); err != nil {
			return nil, err
		}
		u.known = append(u.known, one)
	}
	return u, nil
}

// began keeps what the answer of a browser is checked against.
func (d *Directory) began(ctx context.Context, purpose string, accountID int, options any, data *webauthn.SessionData) (PasskeyBegun, error) {
	sys, now, text := store.AsSystem(ctx), time.Now().UTC(), base64.RawURLEncoding.EncodeToString(Random(32))
	shown, err := json.Marshal(options)
	if err != nil {
		return PasskeyBegun{}, err
	}
	kept, err := json.Marshal(data)
	if err != nil {
		return PasskeyBegun{}, err
	}
	if _, err := d.db.Ceremony.Delete().Where(ceremony.ExpiresAtLT(now)).Exec(sys); err != nil {
		return PasskeyBegun{}, err
	}
	err = d.db.Ceremony.Create().SetKey(store.Fingerprint(text)).SetPurpose(purpose).SetAccountID(accountID).SetData(kept).SetExpiresAt(now.Add(ceremonyLife)).Exec(sys)
	return PasskeyBegun{Ceremony: slipway.NewSecret(text), Options: shown}, err
}

// answeredCeremony takes up a ceremony, once.
func (d *Directory) answeredCeremony(ctx context.Context, in PasskeyAnswer, purpose string, accountID int) (data webauthn.SessionData, err error) {
	sys := store.AsSystem(ctx)
	if len(in.Credential) > maxCredential {
		return data, slipway.Errorf(slipway.Invalid, "the answer of the browser is too long").At("credential")
	}
	row, err := d.db.Ceremony.Query().Where(ceremony.Key(store.Fingerprint(in.Ceremony.Reveal())), ceremony.Purpose(purpose), ceremony.AccountID(accountID), ceremony.ExpiresAtGT(time.Now().UTC())).Only(sys)
	if ent.IsNotFound(err) {
		return data, errCeremony
	}
	if err != nil {
		return data, err
	}
	if n, err := d.db.Ceremony.Delete().Where(ceremony.ID(row.ID)).Exec(sys); err != nil || n == 0 {
		return data, cmp.Or[error](err, errCeremony)
	}
	return data, json.Unmarshal(row.Data, &data)
}

// BeginPasskey asks a browser for a new passkey. It takes what every change of
// factors takes.
func (d *Directory) BeginPasskey(ctx context.Context, proof FactorProof) (PasskeyBegun, error) {
	a, err := d.ownFactors(ctx)
	if err != nil {
		return PasskeyBegun{}, err
	}
	rp, err := d.relyingParty()
	if err != nil {
		return PasskeyBegun{}, err
	}
	u, err := d.passkeyUser(ctx, a)
	if err != nil {
		return PasskeyBegun{}, err
	}
	if len(u.known) >= maxPasskeys {
		return PasskeyBegun{}, slipway.Errorf(slipway.Conflict, "you have %d passkeys already; remove one first", maxPasskeys)
	}
	if err := d.proveAdding(ctx, a, proof); err != nil {
		return PasskeyBegun{}, err
	}
	options, data, err := rp.BeginRegistration(u, webauthn.WithExclusions(webauthn.Credentials(u.known).CredentialDescriptors()),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred}))
	if err != nil {
		return PasskeyBegun{}, err
	}
	return d.began(ctx, ceremonyAdd, a.ID, options.Response, data)
}

// AddPasskey keeps the passkey that a browser has made. With the first factor
// come recovery codes, which are shown once.
func (d *Directory) AddPasskey(ctx context.Context, name string, in PasskeyAnswer) (recovery []slipway.Secret, err error) {
	a, err := d.ownFactors(ctx)
	if err != nil {
		return nil, err
	}
	if name = store.Clean(strings.TrimSpace(name)); len(name) > 100 {
		return nil, slipway.Errorf(slipway.Invalid, "the name is longer than 100 bytes").At("name")
	}
	rp, err := d.relyingParty()
	if err != nil {
		return nil, err
	}
	data, err := d.answeredCeremony(ctx, in, ceremonyAdd, a.ID)
	if err != nil {
		return nil, err
	}
	u, err := d.passkeyUser(ctx, a)
	if err != nil {
		return nil, err
	}
	bad := func(err error) error {
		return slipway.Wrap(slipway.Invalid, err, "the passkey is not good: it was made for something else, or the browser's answer is damaged; try again").At("credential")
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(in.Credential)
	if err != nil {
		return nil, bad(err)
	}
	made, err := rp.CreateCredential(u, data, parsed)
	if err != nil {
		return nil, bad(err)
	}
	kept, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	return d.confirmed(ctx, a, func(ctx context.Context, tx *ent.Tx) (*ent.Factor, error) {
		now := time.Now().UTC()
		row, err := tx.Factor.Create().SetKey(hex.EncodeToString(Random(8))).SetAccountID(a.ID).SetKind(factor.KindPasskey).SetName(name).
			SetCredentialID(credentialID(made.ID)).SetCredential(kept).SetConfirmedAt(now).SetUsedAt(now).Save(ctx)
		if ent.IsConstraintError(err) {
			err = slipway.Errorf(slipway.Conflict, "this passkey is known already")
		}
		return row, err
	})
}

func credentialID(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

var errPasskey = slipway.Errorf(slipway.Unauthenticated, "the passkey was not accepted; try again, or sign in otherwise")

// asserted checks that one of the account's passkeys has answered a ceremony.
func (d *Directory) asserted(ctx context.Context, a *ent.Account, purpose string, in PasskeyAnswer) error {
	rp, err := d.relyingParty()
	if err != nil {
		return err
	}
	data, err := d.answeredCeremony(ctx, in, purpose, a.ID)
	if err != nil {
		return err
	}
	u, err := d.passkeyUser(ctx, a)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(in.Credential)
	if err != nil {
		return errPasskey
	}
	used, err := rp.ValidateLogin(u, data, parsed)
	if err != nil {
		return errPasskey
	}
	return d.passkeyUsed(ctx, a, used)
}

// passkeyUsed keeps how often a passkey was used. One whose count goes back has a
// copy somewhere, and opens nothing.
func (d *Directory) passkeyUsed(ctx context.Context, a *ent.Account, used *webauthn.Credential) error {
	if used.Authenticator.CloneWarning {
		d.log.Warn("a passkey has a copy", "account", a.Name)
		return errPasskey
	}
	kept, err := json.Marshal(used)
	if err != nil {
		return err
	}
	n, err := d.db.Factor.Update().Where(factor.CredentialID(credentialID(used.ID)), factor.AccountID(a.ID), factor.ConfirmedAtNotNil()).
		SetCredential(kept).SetUsedAt(time.Now().UTC()).Save(store.AsSystem(ctx))
	if err == nil && n == 0 {
		err = errPasskey // removed in this moment
	}
	return err
}

// askPasskeys asks for one of an account's passkeys.
func (d *Directory) askPasskeys(ctx context.Context, a *ent.Account, purpose string) (PasskeyBegun, error) {
	rp, err := d.relyingParty()
	if err != nil {
		return PasskeyBegun{}, err
	}
	u, err := d.passkeyUser(ctx, a)
	if err != nil {
		return PasskeyBegun{}, err
	}
	if len(u.known) == 0 {
		return PasskeyBegun{}, slipway.Errorf(slipway.Conflict, "this account has no passkey")
	}
	options, data, err := rp.BeginLogin(u, webauthn.WithUserVerification(protocol.VerificationPreferred))
	if err != nil {
		return PasskeyBegun{}, err
	}
	return d.began(ctx, purpose, a.ID, options.Response, data)
}
