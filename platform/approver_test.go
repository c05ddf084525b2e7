package platform_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
)

// says gives a promotion somebody's answer to the plan as it stands.
func (w *world) says(who context.Context, id int, verdict slipway.Verdict) {
	w.Helper()
	row, err := w.Promotion(w.Context(), fmt.Sprint(id))
	w.must(err)
	_, err = w.Decide(who, fmt.Sprint(id), platform.DecideInput{Verdict: verdict, Comment: "because", Plan: slipway.Digest(row.PlanHash)})
	w.must(err)
}

// Whose approval was counted and who may no longer approve counts no more: it
// takes as many others, before anything is done.
func TestApprovalsOfWhoMayNow(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		s, err := w.Service(ctx, name)
		w.must(err)
		team := s.Edges.Team.Name
		people := map[string]context.Context{}
		for _, who := range []string{"alan", "bob", "cleo"} {
			people[who] = w.colleague(name, who+"-"+name, slipway.RoleMaintainer, false)
		}
		alan := "alan-" + name
		w.policy(name, slipway.PolicyChange{Approvals: ptr(2), OwnChanges: ptr(slipway.OwnNever)})
		row, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		w.waiting(row.ID, "0 of 2 approvals")
		w.says(people["alan"], row.ID, slipway.VerdictApprove)
		w.waiting(row.ID, "1 of 2 approvals")

		back := func() {
			t.Helper()
			_, err := w.UpdateAccount(ctx, alan, platform.AccountChange{Active: ptr(true)})
			w.must(err)
			_, err = w.SetMember(ctx, team, alan, slipway.RoleMaintainer, nil)
			w.must(err)
			row := w.waiting(row.ID, "1 of 2 approvals")
			if lapsed := row.Edges.Decisions[0].Lapsed; lapsed != "" {
				t.Errorf("it doesn't count, though it does: %s", lapsed)
			}
		}
		for _, c := range []struct {
			what, why string
			do        func() error
		}{
			{"a lesser role", "no longer a maintainer", func() error { _, err := w.SetMember(ctx, team, alan, slipway.RoleDeveloper, nil); return err }},
			{"out of the team", "no longer in the service's team", func() error { return w.RemoveMember(ctx, team, alan, nil) }},
			{"inactive", "not active", func() error {
				_, err := w.UpdateAccount(ctx, alan, platform.AccountChange{Active: ptr(false)})
				return err
			}},
		} {
			w.must(c.do())
			row := w.waiting(row.ID, "0 of 2 approvals; "+alan+"'s doesn't count now: ")
			d := row.Edges.Decisions[0]
			if !strings.Contains(row.Reason, c.why) || !strings.Contains(d.Lapsed, c.why) || d.Void != "" {
				t.Errorf("%s: %s; %+v", c.what, row.Reason, d)
			}
			back()
		}
		_, err = w.UpdateAccount(ctx, alan, platform.AccountChange{Active: ptr(false)})
		w.must(err)
		w.waiting(row.ID, "0 of 2 approvals")
		w.says(people["bob"], row.ID, slipway.VerdictApprove)
		w.waiting(row.ID, "1 of 2 approvals")
		w.says(people["cleo"], row.ID, slipway.VerdictApprove)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}

		// An exemption is of somebody who may exempt.
		root := w.colleague(name, "root-"+name, slipway.RoleAdmin, false)
		_, err = w.SetPolicy(ctx, name, "dev", slipway.PolicyChange{Approvals: ptr(1), Windows: &[]slipway.Window{never()}}, false, nil)
		w.must(err)
		w.commit("", "c2")
		row, err = w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		w.waiting(row.ID, "dev changes only")
		w.says(root, row.ID, slipway.VerdictExempt)
		w.until(row.ID, func(row *ent.Promotion) bool { return !strings.Contains(row.Reason, "changes only") })
		_, err = w.SetMember(ctx, team, "root-"+name, slipway.RoleMaintainer, nil)
		w.must(err)
		row = w.waiting(row.ID, "dev changes only")
		if why := row.Edges.Decisions[0].Lapsed; !strings.Contains(why, "no longer an admin of the service's team") {
			t.Error(why)
		}
	})
}

// never is a window that isn't open now, nor in the next hours.
func never() slipway.Window {
	at := time.Now().UTC().Add(12 * time.Hour)
	return slipway.Window{From: at.Format("15:04"), To: at.Add(time.Minute).Format("15:04")}
}
