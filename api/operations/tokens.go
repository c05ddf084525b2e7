package operations

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
)

func token(t *ent.Token) Token {
	out := Token{Id: t.ID, Name: t.Name, Hint: t.Hint, Scopes: t.Scopes, CreatedAt: t.CreatedAt.UTC(), ExpiresAt: when(t.ExpiresAt), UsedAt: when(t.UsedAt)}
	if t.Edges.Account != nil {
		out.Account = t.Edges.Account.Name
	}
	return out
}

// ListTokens lists tokens without their text.
func (h *handlers) ListTokens(ctx context.Context, r ListTokensRequestObject) (ListTokensResponseObject, error) {
	rows, err := h.platform.Tokens(ctx, r.Params.Account)
	if err != nil {
		return nil, err
	}
	return ListTokens200JSONResponse{Items: each(rows, token)}, nil
}

// CreateToken makes a token and shows it once.
func (h *handlers) CreateToken(ctx context.Context, r CreateTokenRequestObject) (CreateTokenResponseObject, error) {
	row, text, err := h.platform.AddToken(ctx, identity.TokenInput{
		Account: r.Body.Account, Name: r.Body.Name, Scopes: r.Body.Scopes, Life: time.Duration(r.Body.ExpiresInDays) * 24 * time.Hour,
	})
	if err != nil {
		return nil, err
	}
	return CreateToken201JSONResponse{Token: text.Reveal(), Info: token(row)}, nil
}

// RevokeToken ends a token.
func (h *handlers) RevokeToken(ctx context.Context, r RevokeTokenRequestObject) (RevokeTokenResponseObject, error) {
	if err := h.platform.RevokeToken(ctx, r.Token); err != nil {
		return nil, err
	}
	return RevokeToken204Response{}, nil
}

func auditEntry(e *ent.AuditEntry) AuditEntry {
	return AuditEntry{
		Sequence: e.Sequence, At: e.At.UTC(), Actor: e.Actor, Kind: e.Kind, Via: e.Via, Address: e.Address, Request: e.Request, Action: e.Action,
		Team: e.Team, Service: e.Service, Environment: e.Environment, Object: e.Object, Result: e.Result, Reason: e.Reason,
		Before: e.Before, After: e.After, Hash: e.Hash,
	}
}

// ListAudit lists who did and tried what.
func (h *handlers) ListAudit(ctx context.Context, r ListAuditRequestObject) (ListAuditResponseObject, error) {
	q := r.Params
	list, err := h.platform.Audit(ctx, audit.Query{
		Actor: q.Actor, Action: q.Action, Service: q.Service, Environment: q.Environment, Result: audit.Result(q.Result),
		Since: q.Since, Until: q.Until, Page: page(q.Cursor, q.Limit),
	})
	if err != nil {
		return nil, err
	}
	return ListAudit200JSONResponse{Items: each(list.Items, auditEntry), NextCursor: list.Next}, nil
}

// VerifyAudit walks the chain.
func (h *handlers) VerifyAudit(ctx context.Context, _ VerifyAuditRequestObject) (VerifyAuditResponseObject, error) {
	check, err := h.platform.VerifyAudit(ctx)
	if err != nil {
		return nil, err
	}
	return VerifyAudit200JSONResponse{Entries: check.Entries, Whole: check.Problem == "", Broken: check.Broken, Problem: check.Problem}, nil
}
