package platform_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
)

// Nobody asks by one account and approves by another that goes back to it by
// invitations, or the other way round. An admin of the platform, who has invited
// everybody, approves all the same.
func TestOneByInvitations(t *testing.T) {
	live(t, func(w *world, name string) {
		s, err := w.Service(w.Context(), name)
		w.must(err)
		invited := func(by context.Context, who string, role slipway.Role) context.Context {
			t.Helper()
			in, err := w.Invite(by, s.Edges.Team.Name, role)
			w.must(err)
			_, err = w.Accept(t.Context(), in.Token, identity.AccountInput{Name: who + "-" + name, Password: slipway.NewSecret("correct horse battery staple")}, identity.Caller{Via: "portal"})
			w.must(err)
			v := slipway.ViewerFrom(w.colleague(name, who+"-"+name, "", false))
			v.Roles[s.TeamID] = role
			return slipway.WithViewer(t.Context(), v)
		}
		root := w.colleague(name, "root-"+name, "", true)
		other := w.colleague(name, "other-"+name, slipway.RoleMaintainer, false)
		boss := invited(root, "boss", slipway.RoleAdmin)
		puppet := invited(boss, "puppet", slipway.RoleAdmin)
		second := invited(puppet, "second", slipway.RoleMaintainer)
		sister := invited(boss, "sister", slipway.RoleMaintainer)
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1), OwnChanges: ptr(slipway.OwnNever)})
		decide := func(who context.Context, row *ent.Promotion) error {
			_, err := w.Decide(who, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)})
			return err
		}
		bossName, root1 := "boss-"+name, "root-"+name
		for commit, c := range map[string]struct {
			by, may context.Context
			not     map[string]context.Context
		}{
			"i1": {boss, root, map[string]context.Context{"made, or invited, by " + bossName: puppet, "goes back, by invitations, to " + bossName: second}},
			"i2": {second, other, map[string]context.Context{"second-" + name + ", whose own change it is, goes back to the account": boss, "goes back to the account by": puppet}},
			"i3": {puppet, sister, map[string]context.Context{"puppet-" + name + ", whose own change it is, goes back to the account": boss}},
			"i4": {root, second, map[string]context.Context{"made, or invited, by " + root1: boss}},
			"i5": {boss, root, nil},
		} {
			w.commit("", commit)
			row, err := w.Promote(c.by, platform.PromoteInput{Service: name})
			w.must(err)
			row = w.waiting(row.ID, "0 of 1 approvals")
			for why, who := range c.not {
				w.want(decide(who, row), slipway.Denied, why)
				if on := " " + strings.Join(row.Waits[0].On, " ") + " "; strings.Contains(on, " "+slipway.ViewerFrom(who).Name+" ") {
					t.Errorf("%s waits on%s", commit, on)
				}
			}
			w.must(decide(c.may, row))
			if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
				t.Fatalf("%s: %s: %s", commit, state, reason)
			}
		}
		w.asks("dev", slipway.PolicyChange{NewApprovers: ptr(true)})
		w.commit("", "i6")
		row, err := w.Promote(second, platform.PromoteInput{Service: name})
		w.must(err)
		w.must(decide(boss, w.waiting(row.ID, "0 of 1 approvals")))
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}
	})
}
