package platform

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/identity"
)

// newcomers tells which of some people are too new to a promotion to approve it,
// and why: their accounts are younger than the request, or one with somebody whose
// own change it is, by who made or invited whom. Who can make an account could
// otherwise approve as anybody, or ask as anybody and approve himself. An admin of
// the platform, who opens any gate alone, on record, approves for those whom he
// invited.
func newcomers(ctx context.Context, db *ent.Client, row *ent.Promotion, people []*ent.Account) (map[int]string, error) {
	out := map[int]string{}
	if len(people) == 0 {
		return out, nil
	}
	names := append([]string{row.RequestedBy}, row.Behind...)
	if row.Authors != nil {
		names = append(names, row.Authors.Accounts...)
		for _, c := range row.Authors.Config {
			names = append(names, c.Name)
		}
	}
	owners, err := db.Account.Query().Where(account.NameIn(names...)).All(ctx)
	if err != nil {
		return nil, err
	}
	l := lineage{by: map[string]string{}, admins: map[string]bool{}}
	if len(owners) > 0 {
		if err := l.trace(ctx, db, append(slices.Clone(people), owners...)); err != nil {
			return nil, err
		}
	}
	for _, a := range people {
		if !row.CreatedAt.IsZero() && a.CreatedAt.After(row.CreatedAt) {
			out[a.ID] = "the account is younger than the request"
			continue
		}
		for _, owner := range owners {
			switch {
			case out[a.ID] != "" || owner.Name == a.Name:
			case l.by[a.Name] == owner.Name:
				out[a.ID] = "the account was made, or invited, by " + owner.Name + ", whose own change it is"
			case slices.Contains(l.above(a.Name), owner.Name):
				out[a.ID] = "the account goes back, by invitations, to " + owner.Name + ", whose own change it is"
			case !a.Admin && slices.Contains(l.above(owner.Name), a.Name):
				out[a.ID] = owner.Name + ", whose own change it is, goes back to the account by invitations"
			}
		}
	}
	return out, nil
}

// lineage is who made, or invited, whom.
type lineage struct {
	by     map[string]string
	admins map[string]bool // of the platform
}

// trace follows some accounts back to where no account made or invited one.
func (l lineage) trace(ctx context.Context, db *ent.Client, some []*ent.Account) error {
	for len(some) > 0 {
		made, err := identity.Inviters(ctx, db, some)
		if err != nil {
			return err
		}
		for _, a := range some {
			l.by[a.Name], l.admins[a.Name] = made[a.Name], a.Admin
		}
		var next []string
		for _, by := range made {
			if _, done := l.by[by]; !done && by != "" {
				next = append(next, by)
			}
		}
		if some, err = db.Account.Query().Where(account.NameIn(next...)).All(ctx); err != nil {
			return err
		}
	}
	return nil
}

// above are those to whom an account goes back by invitations. It goes no further
// than to an admin of the platform, who stands for whom he lets in, and to him by
// one link only: else everybody would go back to the first one.
func (l lineage) above(name string) []string {
	var out []string
	for at := name; ; at = out[len(out)-1] {
		up := l.by[at]
		switch {
		case up == "" || up == name || slices.Contains(out, up):
			return out
		case l.admins[up] && at != name:
			return out
		case l.admins[up]:
			return append(out, up)
		}
		out = append(out, up)
	}
}
