package platform

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
func (p *Platform) BeginPasskeySignIn(ctx context.Context, challenge slipway.Secret) (PasskeyBegun, error) {
	if challenge.Reveal() != "" {
		_, a, err := p.halfSignIn(ctx, challenge)
		if err != nil {
			return PasskeyBegun{}, err
		}
		return p.askPasskeys(ctx, a, ceremonySecond)
	}
	rp, err := p.relyingParty()
	if err != nil {
		return PasskeyBegun{}, err
	}
	options, data, err := rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return PasskeyBegun{}, err
	}
	return p.began(ctx, ceremonyAlone, 0, options.Response, data)
}

// FinishPasskeySignIn opens a session by a passkey: as the second step, or alone.
// Alone it must have verified who uses it, by a PIN or a finger, so that it is
// two factors by itself.
func (p *Platform) FinishPasskeySignIn(ctx context.Context, challenge slipway.Secret, in PasskeyAnswer, from Caller) (SignedIn, error) {
	refused := func(name, by string, err error) {
		if slipway.CodeOf(err) != slipway.Internal {
			who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: name, Via: from.Via, Address: from.Address})
			p.audit.Record(who, audit.Refused, "session.begin", "", "", "", err.Error(), nil, map[string]string{"by": by, "factor": string(slipway.FactorPasskey)})
		}
	}
	if challenge.Reveal() != "" {
		half, a, err := p.tried(ctx, challenge)
		if err != nil {
			return SignedIn{}, err
		}
		if err := p.asserted(ctx, a, ceremonySecond, in); err != nil {
			refused(a.Name, half.By, err)
			return SignedIn{}, err
		}
		return p.whole(ctx, half, a, slipway.FactorPasskey, from)
	}
	onlyAdmins, err := p.passwordsClosed(ctx) // they are a way in of ours, too
	if err != nil {
		return SignedIn{}, err
	}
	a, err := p.discovered(ctx, in)
	if err == nil && onlyAdmins && !a.Admin {
		err = errPasswordsClosed
	}
	if err != nil {
		refused("", "passkey", err)
		return SignedIn{}, err
	}
	s, err := p.begin(ctx, a, from, map[string]string{"by": string(slipway.FactorPasskey), "factor": string(slipway.FactorPasskey)})
	return SignedIn{Session: s, Next: "/"}, err
}

// discovered finds whose passkey has answered.
func (p *Platform) discovered(ctx context.Context, in PasskeyAnswer) (*ent.Account, error) {
	rp, err := p.relyingParty()
	if err != nil {
		return nil, err
	}
	data, err := p.answeredCeremony(ctx, in, ceremonyAlone, 0)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(in.Credential)
	if err != nil {
		return nil, errPasskey
	}
	var a *ent.Account
	_, used, err := rp.ValidatePasskeyLogin(func(rawID, handle []byte) (webauthn.User, error) {
		row, err := p.db.Factor.Query().Where(factor.CredentialID(credentialID(rawID)), factor.ConfirmedAtNotNil(),
			factor.HasAccountWith(account.Active(true), account.KindEQ(account.KindPerson))).WithAccount().Only(store.AsSystem(ctx))
		if err != nil {
			return nil, err
		}
		a = row.Edges.Account
		u, err := p.passkeyUser(ctx, a)
		if err == nil && !bytes.Equal(u.handle, handle) {
			err = errPasskey
		}
		return u, err
	}, data, parsed)
	if err != nil || a == nil {
		return nil, errPasskey
	}
	return a, p.passkeyUsed(ctx, a, used)
}

// BeginPasskeyProof asks for a passkey of who is signed in.
func (p *Platform) BeginPasskeyProof(ctx context.Context) (PasskeyBegun, error) {
	a, err := p.ownFactors(ctx)
	if err != nil {
		return PasskeyBegun{}, err
	}
	return p.askPasskeys(ctx, a, ceremonyProof)
}
