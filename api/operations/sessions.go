package operations

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
)

func opened(s identity.Session) Session {
	return Session{
		Account: s.Account, AccessToken: s.Access.Reveal(), AccessExpiresAt: s.AccessExpires.UTC(),
		RefreshToken: s.Refresh.Reveal(), RefreshExpiresAt: s.Expires.UTC(),
	}
}

// GetSession says who asks.
func (h *handlers) GetSession(ctx context.Context, _ GetSessionRequestObject) (GetSessionResponseObject, error) {
	v, memberships, err := h.platform.Me(ctx)
	if err != nil {
		return nil, err
	}
	return GetSession200JSONResponse{Account: v.Name, Kind: v.Kind, Admin: v.Admin, Teams: each(memberships, membership), Scopes: v.Scopes}, nil
}

// SignIn opens a session.
func (h *handlers) SignIn(ctx context.Context, r SignInRequestObject) (SignInResponseObject, error) {
	s, err := h.platform.SignIn(ctx, r.Body.Name, slipway.NewSecret(r.Body.Password), CallerFrom(ctx))
	if err != nil {
		return nil, err
	}
	return SignIn201JSONResponse(opened(s)), nil
}

// SignOut ends the session that asks.
func (h *handlers) SignOut(ctx context.Context, _ SignOutRequestObject) (SignOutResponseObject, error) {
	if err := h.platform.SignOut(ctx); err != nil {
		return nil, err
	}
	return SignOut204Response{}, nil
}

// RefreshSession exchanges a refresh token.
func (h *handlers) RefreshSession(ctx context.Context, r RefreshSessionRequestObject) (RefreshSessionResponseObject, error) {
	s, err := h.platform.Refresh(ctx, slipway.NewSecret(r.Body.RefreshToken), CallerFrom(ctx))
	if err != nil {
		return nil, err
	}
	return RefreshSession200JSONResponse(opened(s)), nil
}

// ListSessions lists where one is signed in.
func (h *handlers) ListSessions(ctx context.Context, r ListSessionsRequestObject) (ListSessionsResponseObject, error) {
	list := h.platform.Sessions
	if r.Params.State == Ended {
		list = h.platform.EndedSessions
	}
	rows, err := list(ctx)
	if err != nil {
		return nil, err
	}
	current := slipway.ViewerFrom(ctx).Session
	return ListSessions200JSONResponse{Items: each(rows, func(s *ent.Session) OpenSession {
		return OpenSession{Id: s.Key, Via: s.Via, Address: s.Address, Agent: s.Agent, CreatedAt: s.CreatedAt.UTC(), UsedAt: s.UsedAt.UTC(), Current: s.Key == current, EndedAt: when(s.EndedAt), EndedBy: s.EndedBy}
	})}, nil
}

// EndSession ends one of the caller's sessions.
func (h *handlers) EndSession(ctx context.Context, r EndSessionRequestObject) (EndSessionResponseObject, error) {
	if err := h.platform.EndSession(ctx, r.Session); err != nil {
		return nil, err
	}
	return EndSession204Response{}, nil
}

// CreateInvitation makes a link for a new member.
func (h *handlers) CreateInvitation(ctx context.Context, r CreateInvitationRequestObject) (CreateInvitationResponseObject, error) {
	in, err := h.platform.Invite(ctx, r.Body.Team, r.Body.Role)
	if err != nil {
		return nil, err
	}
	return CreateInvitation201JSONResponse{Token: in.Token.Reveal(), Url: h.platform.InvitationURL(in), ExpiresAt: in.Expires}, nil
}

// AcceptInvitation makes the account that an invitation is for.
func (h *handlers) AcceptInvitation(ctx context.Context, r AcceptInvitationRequestObject) (AcceptInvitationResponseObject, error) {
	s, err := h.platform.Accept(ctx, slipway.NewSecret(r.Body.Token), identity.AccountInput{
		Name: r.Body.Name, DisplayName: r.Body.DisplayName, Email: r.Body.Email, Password: slipway.NewSecret(r.Body.Password),
	}, CallerFrom(ctx))
	if err != nil {
		return nil, err
	}
	return AcceptInvitation201JSONResponse(opened(s)), nil
}

// RotateSigningKeys makes the signing key anew.
func (h *handlers) RotateSigningKeys(ctx context.Context, _ RotateSigningKeysRequestObject) (RotateSigningKeysResponseObject, error) {
	if err := h.platform.RotateKeys(ctx); err != nil {
		return nil, err
	}
	return RotateSigningKeys204Response{}, nil
}
