package identity

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/invitation"
	"github.com/slipway-dev/slipway/ent/token"
	"github.com/slipway-dev/slipway/ent/trust"
	"github.com/slipway-dev/slipway/store"
)

// Inviters are who made, or invited, some accounts. Of those that are older than
// this was kept, invitations and the audit log tell it.
func Inviters(ctx context.Context, db *ent.Client, people []*ent.Account) (map[string]string, error) {
	out := map[string]string{}
	var unsaid, objects []string
	for _, a := range people {
		if out[a.Name] = a.InvitedBy; a.InvitedBy == "" {
			unsaid, objects = append(unsaid, a.Name), append(objects, "account "+a.Name)
		}
	}
	if len(unsaid) == 0 {
		return out, nil
	}
	added, err := db.AuditEntry.Query().Where(auditentry.Action("account.added"), auditentry.ObjectIn(objects...), auditentry.KindNEQ(string(slipway.ViewerSystem))).All(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range added {
		out[e.Object[len("account "):]] = e.Actor
	}
	invited, err := db.Invitation.Query().Where(invitation.UsedByIn(unsaid...)).All(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range invited {
		out[i.UsedBy] = i.InvitedBy
	}
	return out, nil
}

// inviter is whose deed it is when the viewer makes or invites somebody: of a
// program, who made its token. "" is the operator, who has the machine anyway.
func inviter(ctx context.Context, db *ent.Client) (string, error) {
	v := slipway.ViewerFrom(ctx)
	switch v.Kind {
	case slipway.ViewerSystem:
		return "", nil
	case slipway.ViewerService:
		if behind, err := Makers(ctx, db); err != nil || len(behind) > 0 {
			return append(behind, "")[0], err
		}
	}
	return v.Name, nil
}

// Makers are those who made the token or the trusts that the viewer acts by. Of
// what was made before that was kept, the audit log tells it.
func Makers(ctx context.Context, db *ent.Client) ([]string, error) {
	v := slipway.ViewerFrom(ctx)
	var out []string
	if v.Token != 0 {
		row, err := db.Token.Query().Where(token.ID(v.Token)).Only(ctx)
		if err != nil {
			return nil, store.Missing(err, "the token is gone")
		}
		if row.MadeBy == "" {
			if row.MadeBy, err = madeBy(ctx, db, "token.added", "", "id", strconv.Itoa(row.ID)); err != nil {
				return nil, err
			}
		}
		out = append(out, row.MadeBy)
	}
	if len(v.Trusts) > 0 {
		rows, err := db.Trust.Query().Where(trust.IDIn(v.Trusts...)).All(ctx)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.MadeBy == "" {
				if row.MadeBy, err = madeBy(ctx, db, "trust.added", v.Service, "trust", row.Name); err != nil {
					return nil, err
				}
			}
			out = append(out, row.MadeBy)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(name string) bool { return name == "" }), nil
}

// madeBy finds in the audit log who made something last.
func madeBy(ctx context.Context, db *ent.Client, action, service, fact, value string) (string, error) {
	rows, err := db.AuditEntry.Query().Where(auditentry.Action(action), auditentry.Service(service), auditentry.Result(string(audit.Done))).
		Order(ent.Desc(auditentry.FieldSequence)).All(ctx)
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		if row.After[fact] == value {
			return row.Actor, nil
		}
	}
	return "", nil
}

// ActedBy is the fact of an entry that names who made the token, or the trust, by
// which something was changed.
const ActedBy = "by what was made by"

// WithMakers adds to what is said of a change who made what the viewer acts by.
func WithMakers(ctx context.Context, db *ent.Client, said map[string]string) error {
	names, err := Makers(ctx, db)
	names = slices.DeleteFunc(names, func(name string) bool { return name == slipway.ViewerFrom(ctx).Name })
	if len(names) > 0 {
		said[ActedBy] = strings.Join(names, " ")
	}
	return err
}
