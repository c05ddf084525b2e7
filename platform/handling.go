package platform

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/token"
)

// handles tells whether a viewer has all that a service account has, and so may
// act by it: whoever administers each team that it is in. One that is in no
// team, or administers the platform, is the platform's.
func handles(v slipway.Viewer, a *ent.Account) bool {
	if v.May(slipway.PermitPlatform, 0, "") == slipway.Allowed {
		return true
	}
	for _, m := range a.Edges.Memberships {
		if v.May(slipway.PermitTeam, m.TeamID, "") != slipway.Allowed {
			return false
		}
	}
	return len(a.Edges.Memberships) > 0 && !a.Admin
}

// errHandled refuses to handle a service account. It names no teams: the viewer
// may not know of them.
func errHandled(a *ent.Account) error {
	whose := "an admin of each team that it is in"
	if len(a.Edges.Memberships) == 0 || a.Admin {
		whose = "an admin of the platform"
	}
	return slipway.Errorf(slipway.Denied, "%s is a service account, and whoever handles it can do all that it can: that takes %s", a.Name, whose)
}

// fresh reads an account again within a change, with its teams.
func fresh(ctx context.Context, db *ent.Client, id int) (*ent.Account, error) {
	return withTeams(db.Account.Query()).Where(account.ID(id)).Only(ctx)
}

// endForeignTokens ends the tokens of a service account that has just got more
// than it had, where who made them, and may have kept them, couldn't make them now.
func (p *Platform) endForeignTokens(ctx context.Context, db *ent.Client, id int) error {
	a, err := fresh(ctx, db, id)
	if err != nil || a.Kind != account.KindService {
		return err
	}
	rows, err := db.Token.Query().Where(token.AccountID(id), token.RevokedAtIsNil()).All(ctx)
	if err != nil {
		return err
	}
	may := map[string]bool{}
	for _, row := range rows {
		if _, known := may[row.MadeBy]; !known {
			if may[row.MadeBy], err = couldMake(ctx, db, row.MadeBy, a); err != nil {
				return err
			}
		}
		if may[row.MadeBy] {
			continue
		}
		if err := db.Token.UpdateOneID(row.ID).SetRevokedAt(time.Now().UTC()).Exec(ctx); err != nil {
			return err
		}
		p.recordAccount(ctx, "token.revoked", a, map[string]string{"token_name": row.Name, "why": "the account may do more now than who made it"})
	}
	return nil
}

// couldMake tells whether an account could make a token of a. Who has no account
// is Slipway's operator.
func couldMake(ctx context.Context, db *ent.Client, name string, a *ent.Account) (bool, error) {
	if name == "" || name == a.Name { // not known, or made with a token that somebody made
		return false, nil
	}
	maker, err := withTeams(db.Account.Query()).Where(account.Name(name)).Only(ctx)
	if ent.IsNotFound(err) {
		return true, nil
	}
	if err != nil || !maker.Active {
		return false, err
	}
	v := slipway.Viewer{Kind: slipway.ViewerKind(maker.Kind), Account: maker.ID, Name: maker.Name, Admin: maker.Admin, Roles: map[int]slipway.Role{}}
	for _, m := range maker.Edges.Memberships {
		v.Roles[m.TeamID] = slipway.Role(m.Role)
	}
	return handles(v, a), nil
}
