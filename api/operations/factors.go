package operations

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
)

// FinishSignIn is the second step of signing in.
func (h *handlers) FinishSignIn(ctx context.Context, r FinishSignInRequestObject) (FinishSignInResponseObject, error) {
	done, err := h.platform.FinishFactor(ctx, slipway.NewSecret(r.Body.Challenge), slipway.NewSecret(r.Body.Code), CallerFrom(ctx))
	if err != nil {
		return nil, err
	}
	return FinishSignIn201JSONResponse(opened(done.Session)), nil
}

func proofOf(current Password, code FactorCode) identity.FactorProof {
	return identity.FactorProof{Current: slipway.NewSecret(current), Code: slipway.NewSecret(code)}
}

// ProveSession shows that it is still the one who signed in.
func (h *handlers) ProveSession(ctx context.Context, r ProveSessionRequestObject) (ProveSessionResponseObject, error) {
	proof := proofOf(r.Body.Current, r.Body.Code)
	proof.Passkey = answerOf(r.Body.Ceremony, r.Body.Credential)
	if err := h.platform.Prove(ctx, proof); err != nil {
		return nil, err
	}
	return ProveSession204Response{}, nil
}

// ListFactors lists one's second factors.
func (h *handlers) ListFactors(ctx context.Context, _ ListFactorsRequestObject) (ListFactorsResponseObject, error) {
	f, err := h.platform.Factors(ctx)
	if err != nil {
		return nil, err
	}
	return ListFactors200JSONResponse{RecoveryCodes: f.Recovery, Items: each(f.List, func(f *ent.Factor) Factor {
		return Factor{Id: f.Key, Kind: slipway.FactorKind(f.Kind), Name: f.Name, CreatedAt: f.CreatedAt.UTC(), UsedAt: when(f.UsedAt)}
	})}, nil
}

// BeginTotp makes the secret of an app.
func (h *handlers) BeginTotp(ctx context.Context, r BeginTotpRequestObject) (BeginTotpResponseObject, error) {
	begun, err := h.platform.BeginTOTP(ctx, r.Body.Name, proofOf(r.Body.Current, r.Body.Code))
	if err != nil {
		return nil, err
	}
	return BeginTotp201JSONResponse{Id: begun.Key, Secret: begun.Secret.Reveal(), Uri: begun.URI.Reveal()}, nil
}

// ConfirmFactor makes an app count.
func (h *handlers) ConfirmFactor(ctx context.Context, r ConfirmFactorRequestObject) (ConfirmFactorResponseObject, error) {
	recovery, err := h.platform.ConfirmTOTP(ctx, r.Factor, slipway.NewSecret(r.Body.Code))
	if err != nil {
		return nil, err
	}
	return ConfirmFactor200JSONResponse(shown(recovery)), nil
}

func shown(codes []slipway.Secret) RecoveryCodes {
	return RecoveryCodes{RecoveryCodes: each(codes, func(s slipway.Secret) string { return s.Reveal() })}
}

// RemoveFactor takes a factor away.
func (h *handlers) RemoveFactor(ctx context.Context, r RemoveFactorRequestObject) (RemoveFactorResponseObject, error) {
	proof := proofOf(r.Body.Current, r.Body.Code)
	proof.Passkey = answerOf(r.Body.Ceremony, r.Body.Credential)
	if err := h.platform.RemoveFactor(ctx, r.Factor, proof); err != nil {
		return nil, err
	}
	return RemoveFactor204Response{}, nil
}

// RenewRecoveryCodes makes recovery codes anew.
func (h *handlers) RenewRecoveryCodes(ctx context.Context, r RenewRecoveryCodesRequestObject) (RenewRecoveryCodesResponseObject, error) {
	proof := proofOf(r.Body.Current, r.Body.Code)
	proof.Passkey = answerOf(r.Body.Ceremony, r.Body.Credential)
	recovery, err := h.platform.RenewRecoveryCodes(ctx, proof)
	if err != nil {
		return nil, err
	}
	return RenewRecoveryCodes200JSONResponse(shown(recovery)), nil
}

// ResetFactors takes all factors from somebody who has lost them.
func (h *handlers) ResetFactors(ctx context.Context, r ResetFactorsRequestObject) (ResetFactorsResponseObject, error) {
	if err := h.platform.ResetFactors(ctx, r.Account); err != nil {
		return nil, err
	}
	return ResetFactors204Response{}, nil
}
