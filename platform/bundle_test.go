package platform_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
)

// TestBundle promotes three services together: none takes over before the one
// that waits for its approval is ready, and they do so in their order.
func TestBundle(t *testing.T) {
	live(t, func(w *world, first string) {
		ctx := w.Context()
		names := []string{first, w.newName(), w.newName()}
		w.register(names[1])
		w.register(names[2])
		in := platform.BundleInput{Environment: "dev"}
		for _, n := range names {
			in.Members = append(in.Members, platform.PromoteInput{Service: n})
		}
		w.policy(names[1], slipway.PolicyChange{Approvals: ptr(1)})
		grace := w.colleague(names[1], "grace-"+names[1], slipway.RoleMaintainer, false)

		plans, err := w.PlanBundle(ctx, in)
		w.must(err)
		if len(plans) != 3 || plans[1].Waits[0].Gate != slipway.GateApproval {
			t.Errorf("planned %+v", plans)
		}
		rows, err := w.PromoteBundle(ctx, in)
		w.must(err)
		if len(rows) != 3 || rows[0].Bundle != rows[0].ID || rows[2].Bundle != rows[0].ID {
			t.Fatalf("bundle %+v", rows)
		}
		w.waiting(rows[0].ID, "not yet: "+names[1])
		w.waiting(rows[2].ID, names[1])
		second := w.waiting(rows[1].ID, "0 of 1 approvals")
		_, err = w.PromoteBundle(ctx, in)
		w.want(err, slipway.Conflict, names[0]+": promotion ")

		_, err = w.Decide(grace, fmt.Sprint(second.ID), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(second.PlanHash)})
		w.must(err)
		var ended []*ent.Promotion
		for _, row := range rows {
			if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
				t.Fatalf("%d is %s: %s", row.ID, state, reason)
			}
			row, err := w.Promotion(ctx, fmt.Sprint(row.ID))
			w.must(err)
			ended = append(ended, row)
		}
		for i, row := range ended[1:] {
			before := ended[i]
			if deploy := row.Edges.Steps[8]; deploy.StartedAt.Before(*before.EndedAt) {
				t.Errorf("%d was deployed at %v, before %d had ended at %v", row.ID, deploy.StartedAt, before.ID, before.EndedAt)
			}
		}
	})
}

// TestBundleBreaks rejects one of two, which ends the other one too.
func TestBundleBreaks(t *testing.T) {
	live(t, func(w *world, first string) {
		ctx := w.Context()
		other := w.newName()
		w.register(other)
		w.policy(other, slipway.PolicyChange{Approvals: ptr(1)})
		grace := w.colleague(other, "grace-"+other, slipway.RoleMaintainer, false)
		in := platform.BundleInput{Environment: "dev", Members: []platform.PromoteInput{{Service: first}, {Service: other}}}
		rows, err := w.PromoteBundle(ctx, in)
		w.must(err)
		row := w.waiting(rows[1].ID, "0 of 1 approvals")
		_, err = w.Decide(grace, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictReject, Comment: "not now", Plan: slipway.Digest(row.PlanHash)})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(rows[0].ID)); state != "cancelled" || !strings.Contains(reason, "can't be completed") || !strings.Contains(reason, "not now") {
			t.Errorf("%s: %s", state, reason)
		}
		if _, ok := w.running[first+"/dev"]; ok {
			t.Error("it was deployed")
		}
		stranger := w.colleague(first, "eve-"+first, "", false)
		_, err = w.Bundle(stranger, fmt.Sprint(rows[0].ID))
		if len(slipway.ViewerFrom(stranger).Roles) > 0 && slipway.CodeOf(err) != "" && slipway.CodeOf(err) != slipway.NotFound {
			t.Error(err)
		}
		_, err = w.Bundle(ctx, "999999")
		w.want(err, slipway.NotFound, "there is no bundle")
		for _, bad := range []platform.BundleInput{
			{Members: in.Members}, {Environment: "dev", Members: in.Members[:1]},
			{Environment: "dev", Members: []platform.PromoteInput{{Service: first}, {Service: first}}},
		} {
			_, err = w.PromoteBundle(ctx, bad)
			w.want(err, slipway.Invalid, "")
		}
	})
}
