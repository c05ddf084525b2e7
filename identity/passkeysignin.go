package identity

import (
	"bytes"
	"context"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/factor"
	"github.com/slipway-dev/slipway/store"
)

// BeginPasskeySignIn asks for a passkey: as the second step of a sign-in, when
// challenge says which, and otherwise in place of both steps.
func (d *Directory) BeginPasskeySignIn(ctx context.Context, challenge slipway.Secret) (PasskeyBegun, error) {
	if challenge.Reveal() != "" {
		_, a, err := d.halfSignIn(ctx, challenge)
		if err != nil {
			return PasskeyBegun{}, err
		}
		return d.askPasskeys(ctx, a, ceremonySecond)
	}
	rp, err := d.relyingParty()
	if err != nil {
		return PasskeyBegun{}, err
	}
	options, data, err := rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return PasskeyBegun{}, err
	}
	return d.began(ctx, ceremonyAlone, 0, options.Response, data)
}

// FinishPasskeySignIn opens a session by a passkey: as the second step, or alone.
// Alone it must have verified who uses it, by a PIN or a finger, so that it is
// two factors by itself.
func (d *Directory) FinishPasskeySignIn(ctx context.Context, challenge slipway.Secret, in PasskeyAnswer, from Caller) (SignedIn, error) {
	refused := func(name, by string, err error) {
		if slipway.CodeOf(err) != slipway.Internal {
			who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: name, Via: from.Via, Address: from.Address})
			d.audit.Record(who, audit.Refused, "session.begin", "", "", "", err.Error(), nil, map[string]string{"by": by, "factor": string(slipway.FactorPasskey)})
		}
	}
	if challenge.Reveal() != "" {
		half, a, err := d.tried(ctx, challenge)
		if err != nil {
			return SignedIn{}, err
		}
		if err := d.asserted(ctx, a, ceremonySecond, in); err != nil {
			refused(a.Name, half.By, err)
			return SignedIn{}, err
		}
		return d.whole(ctx, half, a, slipway.FactorPasskey, from)
	}
	onlyAdmins, err := d.passwordsClosed(ctx) // they are a way in of ours, too
	if err != nil {
		return SignedIn{}, err
	}
	a, err := d.discovered(ctx, in)
	if err == nil && onlyAdmins && !a.Admin {
		err = errPasswordsClosed
	}
	if err != nil {
		refused("", "passkey", err)
		return SignedIn{}, err
	}
	s, err := d.begin(ctx, a, from, map[string]string{"by": string(slipway.FactorPasskey), "factor": string(slipway.FactorPasskey)})
	return SignedIn{Session: s, Next: "/"}, err
}

// discovered finds whose passkey has answered.
func (d *Directory) discovered(ctx context.Context, in PasskeyAnswer) (*ent.Account, error) {
	rp, err := d.relyingParty()
	if err != nil {
		return nil, err
	}
	data, err := d.answeredCeremony(ctx, in, ceremonyAlone, 0)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(in.Credential)
	if err != nil {
		return nil, errPasskey
	}
	var a *ent.Account
	_, used, err := rp.ValidatePasskeyLogin(func(rawID, handle []byte) (webauthn.User, error) {
		row, err := d.db.Factor.Query().Where(factor.CredentialID(credentialID(rawID)), factor.ConfirmedAtNotNil(),
			factor.HasAccountWith(account.Active(true), account.KindEQ(account.KindPerson))).WithAccount().Only(store.AsSystem(ctx))
		if err != nil {
			return nil, err
		}
		a = row.Edges.Account
		u, err := d.passkeyUser(ctx, a)
		if err == nil && !bytes.Equal(u.handle, handle) {
			err = errPasskey
		}
		return u, err
	}, data, parsed)
	if err != nil || a == nil {
		return nil, errPasskey
	}
	return a, d.passkeyUsed(ctx, a, used)
}

// BeginPasskeyProof asks for a passkey of who is signed in.
func (d *Directory) BeginPasskeyProof(ctx context.Context) (PasskeyBegun, error) {
	a, err := d.ownFactors(ctx)
	if err != nil {
		return PasskeyBegun{}, err
	}
	return d.askPasskeys(ctx, a, ceremonyProof)
}
