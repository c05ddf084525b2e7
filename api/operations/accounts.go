package operations

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
)

func membership(m *ent.Membership) Membership {
	out := Membership{Role: slipway.Role(m.Role)}
	if m.Edges.Team != nil {
		out.Team = m.Edges.Team.Name
	}
	if m.Edges.Account != nil {
		out.Account = m.Edges.Account.Name
	}
	return out
}

// account shows an account to a viewer: addresses are for oneself and for
// admins, and so are teams that the viewer is not in.
func account(ctx context.Context, a *ent.Account) Account {
	v := slipway.ViewerFrom(ctx)
	out := Account{
		Name: a.Name, Kind: slipway.ViewerKind(a.Kind), DisplayName: a.DisplayName, Admin: a.Admin, Active: a.Active,
		Teams: []Membership{}, CreatedAt: a.CreatedAt.UTC(),
	}
	if v.Admin || v.Name == a.Name {
		out.Email, out.LastSeenAt = a.Email, when(a.LastSeenAt)
	}
	for _, m := range a.Edges.Memberships {
		if v.Admin || v.Roles[m.TeamID] != "" {
			one := membership(m)
			one.Account = a.Name
			out.Teams = append(out.Teams, one)
		}
	}
	return out
}

// ListAccounts lists accounts by name.
func (h *handlers) ListAccounts(ctx context.Context, r ListAccountsRequestObject) (ListAccountsResponseObject, error) {
	list, err := h.platform.Accounts(ctx, page(r.Params.Cursor, r.Params.Limit))
	if err != nil {
		return nil, err
	}
	return ListAccounts200JSONResponse{Items: each(list.Items, func(a *ent.Account) Account { return account(ctx, a) }), NextCursor: list.Next}, nil
}

// CreateAccount makes an account.
func (h *handlers) CreateAccount(ctx context.Context, r CreateAccountRequestObject) (CreateAccountResponseObject, error) {
	a, err := h.platform.AddAccount(ctx, identity.AccountInput{
		Name: r.Body.Name, Kind: r.Body.Kind, DisplayName: r.Body.DisplayName, Email: r.Body.Email, Password: slipway.NewSecret(r.Body.Password), Admin: r.Body.Admin,
	})
	if err != nil {
		return nil, err
	}
	return CreateAccount201JSONResponse{Body: account(ctx, a), Headers: CreateAccount201ResponseHeaders{Location: BasePath + "/accounts/" + a.Name}}, nil
}

// GetAccount shows an account.
func (h *handlers) GetAccount(ctx context.Context, r GetAccountRequestObject) (GetAccountResponseObject, error) {
	a, err := h.platform.Account(ctx, r.Account)
	if err != nil {
		return nil, err
	}
	return GetAccount200JSONResponse{Body: account(ctx, a), Headers: GetAccount200ResponseHeaders{ETag: etag(a.Revision)}}, nil
}

// UpdateAccount changes an account.
func (h *handlers) UpdateAccount(ctx context.Context, r UpdateAccountRequestObject) (UpdateAccountResponseObject, error) {
	a, err := h.platform.UpdateAccount(ctx, r.Account, identity.AccountChange{
		DisplayName: r.Body.DisplayName, Email: r.Body.Email, Admin: r.Body.Admin, Active: r.Body.Active,
		If: onlyIf(r.Params.IfMatch),
	})
	if err != nil {
		return nil, err
	}
	return UpdateAccount200JSONResponse{Body: account(ctx, a), Headers: UpdateAccount200ResponseHeaders{ETag: etag(a.Revision)}}, nil
}

// SetPassword changes or resets a password.
func (h *handlers) SetPassword(ctx context.Context, r SetPasswordRequestObject) (SetPasswordResponseObject, error) {
	err := h.platform.SetPassword(ctx, r.Account, identity.PasswordChange{Current: slipway.NewSecret(r.Body.Current), New: slipway.NewSecret(r.Body.Password), EndTokens: r.Body.EndTokens})
	if err != nil {
		return nil, err
	}
	return SetPassword204Response{}, nil
}

func team(t *ent.Team) Team {
	out := Team{Name: t.Name, DisplayName: t.DisplayName, Members: each(t.Edges.Memberships, membership), CreatedAt: t.CreatedAt.UTC()}
	for i := range out.Members {
		out.Members[i].Team = t.Name
	}
	return out
}

// ListTeams lists teams by name.
func (h *handlers) ListTeams(ctx context.Context, _ ListTeamsRequestObject) (ListTeamsResponseObject, error) {
	rows, err := h.platform.Teams(ctx)
	if err != nil {
		return nil, err
	}
	return ListTeams200JSONResponse{Items: each(rows, team)}, nil
}

// CreateTeam makes a team.
func (h *handlers) CreateTeam(ctx context.Context, r CreateTeamRequestObject) (CreateTeamResponseObject, error) {
	t, err := h.platform.AddTeam(ctx, r.Body.Name, r.Body.DisplayName)
	if err != nil {
		return nil, err
	}
	return CreateTeam201JSONResponse{Body: team(t), Headers: CreateTeam201ResponseHeaders{Location: BasePath + "/teams/" + t.Name}}, nil
}

// GetTeam shows a team.
func (h *handlers) GetTeam(ctx context.Context, r GetTeamRequestObject) (GetTeamResponseObject, error) {
	t, err := h.platform.Team(ctx, r.Team)
	if err != nil {
		return nil, err
	}
	return GetTeam200JSONResponse{Body: team(t), Headers: GetTeam200ResponseHeaders{ETag: etag(t.Revision)}}, nil
}

// DeleteTeam removes a team that owns nothing.
func (h *handlers) DeleteTeam(ctx context.Context, r DeleteTeamRequestObject) (DeleteTeamResponseObject, error) {
	if err := h.platform.RemoveTeam(ctx, r.Team, onlyIf(r.Params.IfMatch)); err != nil {
		return nil, err
	}
	return DeleteTeam204Response{}, nil
}

// SetMember gives a role.
func (h *handlers) SetMember(ctx context.Context, r SetMemberRequestObject) (SetMemberResponseObject, error) {
	t, err := h.platform.SetMember(ctx, r.Team, r.Account, r.Body.Role, onlyIf(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return SetMember200JSONResponse{Body: team(t), Headers: SetMember200ResponseHeaders{ETag: etag(t.Revision)}}, nil
}

// RemoveMember takes out a member.
func (h *handlers) RemoveMember(ctx context.Context, r RemoveMemberRequestObject) (RemoveMemberResponseObject, error) {
	if err := h.platform.RemoveMember(ctx, r.Team, r.Account, onlyIf(r.Params.IfMatch)); err != nil {
		return nil, err
	}
	return RemoveMember204Response{}, nil
}
