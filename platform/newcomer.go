package platform

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/invitation"
)

// newcomers tells which of some people are too new to a promotion to approve it,
// and why: their accounts are younger than the request, or made by somebody whose
// own change it is. Who can make an account could otherwise approve as anybody.
func newcomers(ctx context.Context, db *ent.Client, row *ent.Promotion, people []*ent.Account) (map[int]string, error) {
	out := map[int]string{}
	if len(people) == 0 {
		return out, nil
	}
	owners := append([]string{row.RequestedBy}, row.Behind...)
	if row.Authors != nil {
		owners = append(owners, row.Authors.Accounts...)
	}
	owners, err := db.Account.Query().Where(account.NameIn(owners...)).Select(account.FieldName).Strings(ctx)
	if err != nil {
		return nil, err
	}
	made, err := inviters(ctx, db, people, len(owners) > 0)
	if err != nil {
		return nil, err
	}
	for _, a := range people {
		switch by := made[a.Name]; {
		case !row.CreatedAt.IsZero() && a.CreatedAt.After(row.CreatedAt):
			out[a.ID] = "the account is younger than the request"
		case by != a.Name && slices.Contains(owners, by):
			out[a.ID] = "the account was made, or invited, by " + by + ", whose own change it is"
		}
	}
	return out, nil
}

// inviters are who made, or invited, some accounts. Of those that are older than
// this was kept, invitations and the audit log tell it.
func inviters(ctx context.Context, db *ent.Client, people []*ent.Account, asked bool) (map[string]string, error) {
	out := map[string]string{}
	var unsaid, objects []string
	for _, a := range people {
		if out[a.Name] = a.InvitedBy; a.InvitedBy == "" {
			unsaid, objects = append(unsaid, a.Name), append(objects, "account "+a.Name)
		}
	}
	if !asked || len(unsaid) == 0 {
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
		if behind, err := makers(ctx, db); err != nil || len(behind) > 0 {
			return append(behind, "")[0], err
		}
	}
	return v.Name, nil
}
