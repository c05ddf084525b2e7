package platform_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
)

// A promotion that waits holds its ground: where the way, its order, the team or the
// bundle moves, what was approved is void and says what moved; what was to soak in an
// environment still does, and what has left the path ends.
func TestGroundMoves(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		grace := w.colleague(name, "grace-"+name, slipway.RoleMaintainer, false)
		path := func(environments ...string) {
			w.Helper()
			_, err := w.UpdateService(ctx, name, catalog.ServiceChange{Environments: &environments})
			w.must(err)
		}
		path("dev", "test", "prod")
		w.asks("prod", slipway.PolicyChange{Approvals: ptr(2), Soak: ptr(3600), OwnChanges: ptr(slipway.OwnAlways), NewApprovers: ptr(true)})
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.promote(platform.PromoteInput{Service: name, Environment: "test"}, "succeeded")
		row, err := w.Promote(ctx, platform.PromoteInput{Service: name, Environment: "prod"})
		w.must(err)
		id := fmt.Sprint(row.ID)
		yes := func() {
			w.Helper()
			row := w.waiting(row.ID, "0 of 2 approvals")
			_, err := w.Decide(grace, id, platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)})
			w.must(err)
			w.waiting(number(id), "1 of 2 approvals")
		}
		void := func(why string) *ent.Promotion {
			w.Helper()
			row := w.waiting(number(id), "0 of 2 approvals")
			if d := row.Edges.Decisions; len(d) == 0 || !strings.Contains(d[len(d)-1].Void, why) {
				w.Fatalf("void: %v, want %q", d, why)
			}
			return row
		}
		yes()
		path("dev", "prod")
		row = void("the way to prod is dev, prod now; it was dev, test, prod")
		if !strings.Contains(row.Reason, "release 1 must have served in test for 1h0m0s, verified, which was the environment before when this was asked for") ||
			!strings.Contains(row.Reason, "release 1 must have served in dev for 1h0m0s") {
			t.Errorf("it waits: %s", row.Reason)
		}
		events, err := w.Events(ctx, report.EventsQuery{Service: name})
		w.must(err)
		if text := fmt.Sprint(events.Items); !strings.Contains(text, "promotion.plan_moved") || !strings.Contains(text, "the way to prod is dev, prod now") {
			t.Errorf("the record doesn't say what moved: %s", text)
		}
		yes()
		path("test", "dev", "prod")
		void("the way to prod is test, dev, prod now; it was dev, prod")

		_, err = w.AddTeam(ctx, "wages-"+name, "")
		w.must(err)
		s, err := w.Service(ctx, name)
		w.must(err)
		w.must(w.Storage.Client.Membership.Create().SetAccountID(slipway.ViewerFrom(grace).Account).SetTeamID(w.teamID("wages-" + name)).SetRole("maintainer").Exec(ctx))
		yes()
		_, err = w.UpdateService(ctx, name, catalog.ServiceChange{Team: ptr("wages-" + name)})
		w.must(err)
		void(name + " belongs to team wages-" + name + " now; it was " + s.Edges.Team.Name)

		v := slipway.ViewerFrom(grace)
		v.Roles = map[int]slipway.Role{w.teamID("wages-" + name): slipway.RoleMaintainer}
		grace = slipway.WithViewer(ctx, v)
		yes()
		path("dev", "test")
		if state, reason := w.ended(id); state != "cancelled" || !strings.HasPrefix(reason, "prod is no longer on the path of "+name+", which is dev, test, so nothing is promoted there") {
			t.Errorf("%s: %s", state, reason)
		}
		if status, err := w.Status(ctx, name); err != nil || status.Cells[2].Deployment != nil {
			t.Errorf("it was deployed off the path: %+v %v", status.Cells[2], err)
		}
	})
}

func (w *world) teamID(name string) int {
	w.Helper()
	t, err := w.Team(w.Context(), name)
	w.must(err)
	return t.ID
}

// The plans of a bundle hold its members, in their order.
func TestPlanHoldsItsBundle(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		other := name + "-2"
		w.register(other)
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1)})
		in := platform.BundleInput{Environment: "dev", Members: []platform.PromoteInput{{Service: other}, {Service: name}}}
		plans, err := w.PlanBundle(ctx, in)
		w.must(err)
		members := []string{other + " " + commitID("c1")[:10], name + " " + commitID("c1")[:10]}
		if fmt.Sprint(plans[0].Outline.Bundle) != fmt.Sprint(members) {
			t.Errorf("the plan holds %q", plans[0].Outline.Bundle)
		}
		rows, err := w.PromoteBundle(ctx, in)
		w.must(err)
		row := w.waiting(rows[1].ID, "0 of 1 approvals")
		if fmt.Sprint(row.Plan.Bundle) != fmt.Sprint(members) {
			t.Errorf("what is approved holds %q", row.Plan.Bundle)
		}
		_, err = w.Cancel(ctx, fmt.Sprint(row.ID))
		w.must(err)
		w.ended(fmt.Sprint(row.ID))
		w.ended(fmt.Sprint(rows[0].ID))
	})
}
