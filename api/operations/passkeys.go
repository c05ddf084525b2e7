package operations

import (
	"context"
	"encoding/json"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
)

func answerOf(ceremony Ceremony, credential json.RawMessage) identity.PasskeyAnswer {
	return identity.PasskeyAnswer{Ceremony: slipway.NewSecret(ceremony), Credential: credential}
}

func begunOf(b identity.PasskeyBegun) PasskeyBegun {
	return PasskeyBegun{Ceremony: b.Ceremony.Reveal(), Options: b.Options}
}

// BeginPasskeySignIn asks for a passkey to sign in.
func (h *handlers) BeginPasskeySignIn(ctx context.Context, r BeginPasskeySignInRequestObject) (BeginPasskeySignInResponseObject, error) {
	b, err := h.platform.BeginPasskeySignIn(ctx, slipway.NewSecret(r.Body.Challenge))
	if err != nil {
		return nil, err
	}
	return BeginPasskeySignIn200JSONResponse(begunOf(b)), nil
}

// FinishPasskeySignIn signs in with a passkey.
func (h *handlers) FinishPasskeySignIn(ctx context.Context, r FinishPasskeySignInRequestObject) (FinishPasskeySignInResponseObject, error) {
	done, err := h.platform.FinishPasskeySignIn(ctx, slipway.NewSecret(r.Body.Challenge), answerOf(r.Body.Ceremony, r.Body.Credential), CallerFrom(ctx))
	if err != nil {
		return nil, err
	}
	return FinishPasskeySignIn201JSONResponse(opened(done.Session)), nil
}

// BeginPasskeyProof asks for a passkey of who is signed in.
func (h *handlers) BeginPasskeyProof(ctx context.Context, _ BeginPasskeyProofRequestObject) (BeginPasskeyProofResponseObject, error) {
	b, err := h.platform.BeginPasskeyProof(ctx)
	if err != nil {
		return nil, err
	}
	return BeginPasskeyProof200JSONResponse(begunOf(b)), nil
}

// BeginPasskey asks for a new passkey.
func (h *handlers) BeginPasskey(ctx context.Context, r BeginPasskeyRequestObject) (BeginPasskeyResponseObject, error) {
	proof := proofOf(r.Body.Current, r.Body.Code)
	proof.Passkey = answerOf(r.Body.Ceremony, r.Body.Credential)
	b, err := h.platform.BeginPasskey(ctx, proof)
	if err != nil {
		return nil, err
	}
	return BeginPasskey201JSONResponse(begunOf(b)), nil
}

// AddPasskey keeps a passkey that a browser has made.
func (h *handlers) AddPasskey(ctx context.Context, r AddPasskeyRequestObject) (AddPasskeyResponseObject, error) {
	recovery, err := h.platform.AddPasskey(ctx, r.Body.Name, answerOf(r.Body.Ceremony, r.Body.Credential))
	if err != nil {
		return nil, err
	}
	return AddPasskey200JSONResponse(shown(recovery)), nil
}
