package platform_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/platform"
)

// A yes is counted again right before the first effect, also where nobody told the
// gates that its giver may not give it any more; and a gate that nobody can pass
// says so, and whom to turn to.
func TestYesesAreCountedAgainBeforeAnythingIsDone(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx, db := w.Context(), w.Storage.Client
		s, err := w.Service(ctx, name)
		w.must(err)
		alan, cleo := w.colleague(name, "alan-"+name, slipway.RoleMaintainer, false), w.colleague(name, "cleo-"+name, slipway.RoleMaintainer, false)
		id := slipway.ViewerFrom(alan).Account
		circle := "circle-" + name
		_, err = w.AddTeam(ctx, circle, "")
		w.must(err)
		for _, who := range []string{"alan-" + name, "cleo-" + name} {
			_, err = w.SetMember(ctx, circle, who, slipway.RoleDeveloper, nil)
			w.must(err)
		}
		byTeam := &[]string{"team:" + circle}
		for i, c := range []struct {
			what, why string
			approvers *[]string
			leave     func() error // behind the platform's back, as another process does it
			back      func() error
		}{
			{"switched off", "the account is not active", &[]string{}, func() error { return db.Account.Update().Where(account.ID(id)).SetActive(false).Exec(ctx) },
				func() error { return db.Account.Update().Where(account.ID(id)).SetActive(true).Exec(ctx) }},
			{"made viewer", "no longer a maintainer of the service's team", &[]string{}, func() error {
				return db.Membership.Update().Where(membership.AccountID(id), membership.TeamID(s.TeamID)).SetRole(membership.RoleViewer).Exec(ctx)
			}, func() error {
				return db.Membership.Update().Where(membership.AccountID(id), membership.TeamID(s.TeamID)).SetRole(membership.RoleMaintainer).Exec(ctx)
			}},
			{"out of the approving team", "no longer among those who approve in dev", byTeam, func() error {
				_, err := db.Membership.Delete().Where(membership.AccountID(id), membership.TeamID(w.teamID(circle))).Exec(ctx)
				return err
			}, func() error { _, err := w.SetMember(ctx, circle, "alan-"+name, slipway.RoleDeveloper, nil); return err }},
		} {
			_, err := w.SetPolicy(ctx, name, "dev", slipway.PolicyChange{Approvals: ptr(2), OwnChanges: ptr(slipway.OwnNever), Approvers: c.approvers}, false, nil)
			w.must(err)
			w.commit("", fmt.Sprintf("y%d", i))
			row, err := w.Promote(ctx, platform.PromoteInput{Service: name})
			w.must(err)
			w.waiting(row.ID, "0 of 2 approvals")
			w.says(alan, row.ID, slipway.VerdictApprove)
			w.waiting(row.ID, "1 of 2 approvals")
			w.must(c.leave())
			w.says(cleo, row.ID, slipway.VerdictApprove) // the last that was missing
			row = w.waiting(row.ID, "1 of 2 approvals; alan-"+name+"'s doesn't count now: ")
			if !strings.Contains(row.Reason, c.why) || !strings.Contains(row.Edges.Decisions[0].Lapsed, c.why) {
				t.Errorf("%s: %s", c.what, row.Reason)
			}
			_, err = w.Cancel(ctx, fmt.Sprint(row.ID))
			w.must(err)
			w.ended(fmt.Sprint(row.ID))
			w.must(c.back())
		}

		// A team that a policy names stays; what is left without anybody is said at once.
		w.want(w.RemoveTeam(ctx, circle, nil), slipway.Conflict, "")
		w.commit("", "yy")
		row, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		w.waiting(row.ID, "0 of 2 approvals")
		for _, who := range []string{"alan-" + name, "cleo-" + name} {
			w.must(w.RemoveMember(ctx, circle, who, nil))
		}
		row = w.waiting(row.ID, "nobody else may approve, so name approvers for dev or ask an admin to break the glass")
		if len(row.Waits) != 1 || len(row.Waits[0].On) != 0 {
			t.Errorf("it waits on %+v", row.Waits)
		}
		_, err = w.Cancel(ctx, fmt.Sprint(row.ID))
		w.must(err)
		w.ended(fmt.Sprint(row.ID))
	})
}
