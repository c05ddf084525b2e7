package platform_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/workflows"
)

// colleague makes an account that is a member of the service's team, and acts as it.
func (w *world) colleague(service, name string, role slipway.Role, admin bool) context.Context {
	w.Helper()
	ctx := w.Context()
	db := w.Storage.Client
	s, err := w.Service(ctx, service)
	w.must(err)
	a, err := db.Account.Query().Where(account.Name(name)).Only(ctx)
	if ent.IsNotFound(err) {
		a, err = db.Account.Create().SetName(name).SetKind(account.KindPerson).SetAdmin(admin).SetEmail(name + "@example.com").Save(ctx)
	}
	w.must(err)
	if role != "" {
		w.must(db.Membership.Create().SetAccountID(a.ID).SetTeamID(s.TeamID).SetRole(membership.Role(role)).Exec(ctx))
	}
	return slipway.WithViewer(w.T.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Account: a.ID, Name: name, Admin: admin, Roles: map[int]slipway.Role{s.TeamID: role}, Via: "api"})
}

func ptr[T any](v T) *T { return &v }

// A maintainer goes back alone; a developer asks, and somebody says yes.
func TestRollbackTakesAMaintainer(t *testing.T) {
	live(t, func(w *world, name string) {
		dev := w.colleague(name, "dev-"+name, slipway.RoleDeveloper, false)
		grace := w.colleague(name, "grace-"+name, slipway.RoleMaintainer, false)
		w.policy(name, slipway.PolicyChange{RollbackRole: ptr(slipway.RoleMaintainer)})
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.commit("", "c2")
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		back := platform.RollbackInput{Service: name, Environment: "dev"}

		plan, err := w.PlanRollback(dev, back)
		w.must(err)
		if len(plan.Waits) != 1 || plan.Waits[0].Gate != slipway.GateApproval {
			t.Errorf("the plan of a developer's rollback waits for %+v", plan.Waits)
		}
		row, err := w.Rollback(dev, back)
		w.must(err)
		row = w.waiting(row.ID, "0 of 1 approvals")
		if on := row.Waits[0].On; !strings.Contains(strings.Join(on, " "), "grace-"+name) {
			t.Errorf("it waits on %v", on)
		}
		_, err = w.Decide(grace, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}

		for asker, role := range map[context.Context]slipway.Role{grace: slipway.RoleMaintainer, dev: slipway.RoleDeveloper} {
			w.policy(name, slipway.PolicyChange{RollbackRole: &role})
			w.commit("", "c"+string(role))
			w.promote(platform.PromoteInput{Service: name}, "succeeded")
			alone, err := w.Rollback(asker, back)
			w.must(err)
			if state, reason := w.ended(fmt.Sprint(alone.ID)); state != "succeeded" {
				t.Errorf("%s: %s", state, reason)
			}
		}
	})
}

// policy lays a change over the policy of the service in dev.
func (w *world) policy(service string, c slipway.PolicyChange) {
	w.Helper()
	_, err := w.SetPolicy(w.Context(), service, "dev", c, false, nil)
	w.must(err)
}

// asks lays a change over the policy of an environment.
func (w *world) asks(environment string, c slipway.PolicyChange) {
	w.Helper()
	_, err := w.UpdateEnvironment(w.Context(), environment, catalog.EnvironmentChange{Policy: c})
	w.must(err)
}

// waiting waits until a promotion waits for something that is said with words.
func (w *world) waiting(id int, words string) *ent.Promotion {
	w.Helper()
	return w.until(id, func(row *ent.Promotion) bool {
		return row.State == promotion.StateWaiting && strings.Contains(row.Reason, words)
	})
}

func (w *world) until(id int, done func(*ent.Promotion) bool) *ent.Promotion {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		row, err := w.Promotion(ctx, fmt.Sprint(id))
		w.must(err)
		if done(row) {
			return row
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.Fatalf("promotion %d is %s: %s", id, row.State, row.Reason)
		}
	}
}

func TestApprovals(t *testing.T) {
	live(t, func(w *world, name string) {
		dev := w.colleague(name, "dev-"+name, slipway.RoleDeveloper, false)
		grace := w.colleague(name, "grace-"+name, slipway.RoleMaintainer, false)
		alan := w.colleague(name, "alan-"+name, slipway.RoleMaintainer, false)
		root := w.colleague(name, "root-"+name, "", true)
		w.policy(name, slipway.PolicyChange{Approvals: ptr(2), OwnChanges: ptr(slipway.OwnNever)})
		row, err := w.Promote(grace, platform.PromoteInput{Service: name})
		w.must(err)
		row = w.waiting(row.ID, "0 of 2 approvals")
		id := fmt.Sprint(row.ID)
		wait := row.Waits[0]
		if strings.Contains(strings.Join(wait.On, " "), "grace-") || !strings.Contains(strings.Join(wait.On, " "), "alan-"+name) || wait.Until.IsZero() || wait.Since.IsZero() || row.ExpiresAt == nil {
			t.Errorf("it waits for %+v until %v", wait, row.ExpiresAt)
		}
		yes := platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)}
		_, err = w.Decide(grace, id, yes)
		w.want(err, slipway.Denied, "your own change")
		_, err = w.Decide(dev, id, yes)
		w.want(err, slipway.Denied, "you are not an approver here; ask ")
		mine, err := w.WaitingFor(alan)
		w.must(err)
		theirs, err := w.WaitingFor(dev)
		w.must(err)
		if len(mine) != 1 || mine[0].ID != row.ID || len(theirs) != 0 {
			t.Errorf("%d wait for an approver, %d for a developer", len(mine), len(theirs))
		}
		_, err = w.Decide(alan, id, yes)
		w.must(err)
		_, err = w.Decide(alan, id, yes)
		w.want(err, slipway.Conflict, "already")
		row = w.waiting(row.ID, "1 of 2 approvals")

		// An edited config moves the plan: what was approved is void.
		_, err = w.ChangeConfig(w.Context(), catalog.ConfigChange{Service: name, Environment: "dev", Set: map[string]string{"NEW": "1"}})
		w.must(err)
		row = w.waiting(row.ID, "0 of 2 approvals")
		if len(row.Edges.Decisions) != 1 || !strings.Contains(row.Edges.Decisions[0].Void, "the config was changed") {
			t.Errorf("decided: %v", row.Edges.Decisions)
		}
		_, err = w.Decide(alan, id, yes)
		w.want(err, slipway.Conflict, "has changed")
		yes.Plan = slipway.Digest(row.PlanHash)
		_, err = w.Decide(alan, id, yes)
		w.must(err)
		_, err = w.Decide(root, id, yes)
		w.must(err)
		if state, reason := w.ended(id); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}
	})
}

func TestNoAndExpiryAndGlass(t *testing.T) {
	live(t, func(w *world, name string) {
		grace := w.colleague(name, "grace-"+name, slipway.RoleMaintainer, false)
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1)})
		promote := func() *ent.Promotion {
			row, err := w.Promote(w.Context(), platform.PromoteInput{Service: name})
			w.must(err)
			return w.waiting(row.ID, "0 of 1")
		}
		row := promote()
		_, err := w.Decide(grace, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictReject, Comment: "not on a Friday", Plan: slipway.Digest(row.PlanHash)})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "rejected" || !strings.Contains(reason, "grace-"+name+": not on a Friday") {
			t.Errorf("%s: %s", state, reason)
		}
		again, err := w.Retry(w.Context(), fmt.Sprint(row.ID), platform.Skip{})
		w.must(err)
		again = w.waiting(again.ID, "0 of 1")
		if again.RetryOf != row.ID || again.Edges.Steps[1].State != "reused" {
			t.Errorf("the retry is %+v", again)
		}
		glass := platform.DecideInput{Verdict: slipway.VerdictBreakGlass, Plan: slipway.Digest(again.PlanHash)}
		_, err = w.Decide(grace, fmt.Sprint(again.ID), glass)
		w.want(err, slipway.Invalid, "say why")
		glass.Comment = "the site is down"
		_, err = w.Decide(grace, fmt.Sprint(again.ID), glass)
		w.want(err, slipway.Denied, "admin of the platform")
		root := w.colleague(name, "root-"+name, "", true)
		narrow := slipway.ViewerFrom(root)
		narrow.Scopes = []slipway.Scope{slipway.ScopeApprove, slipway.ScopeConfig, "promote:*"}
		_, err = w.Decide(slipway.WithViewer(root, narrow), fmt.Sprint(again.ID), glass)
		w.want(err, slipway.Denied, "a scope for break_glass")
		may, err := w.Deciding(slipway.WithViewer(root, narrow), again)
		w.must(err)
		if may.BreakGlass == "" || may.Exempt != "" {
			t.Errorf("by a token it may %+v", may)
		}
		narrow.Scopes = []slipway.Scope{slipway.ScopeBreakGlass}
		_, err = w.Decide(slipway.WithViewer(root, narrow), fmt.Sprint(again.ID), glass)
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(again.ID)); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}
		w.policy(name, slipway.PolicyChange{ExpiresAfter: ptr(1)})
		row, err = w.Promote(w.Context(), platform.PromoteInput{Service: name})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "expired" || !strings.Contains(reason, "0 of 1 approvals") {
			t.Errorf("%s: %s", state, reason)
		}
		reset, err := w.SetPolicy(w.Context(), name, "dev", slipway.PolicyChange{}, true, nil)
		w.must(err)
		if reset.Policy.Approvals != 0 || reset.Change != (slipway.PolicyChange{}) {
			t.Errorf("reset to %+v", reset)
		}
		_, err = w.SetPolicy(w.Context(), name, "test", slipway.PolicyChange{}, true, nil)
		w.must(err)
		_, err = w.SetPolicy(w.Context(), name, "dev", slipway.PolicyChange{Approvers: &[]string{"team:nobodies"}}, false, nil)
		w.want(err, slipway.Invalid, "no team nobodies")
	})
}

// Two builds run at once; the third says what it waits for.
func TestLineForASlot(t *testing.T) {
	live(t, func(w *world, name string) {
		begun, release := w.hold()
		defer release()
		var ids []int
		for _, name := range []string{name, w.newName(), w.newName()} {
			if len(ids) > 0 {
				w.register(name)
			}
			row, err := w.Promote(w.Context(), platform.PromoteInput{Service: name})
			w.must(err)
			ids = append(ids, row.ID)
			if len(ids) < 3 {
				<-begun
			}
		}
		var line *platform.Line
		w.until(ids[2], func(row *ent.Promotion) bool {
			var err error
			line, err = w.Line(w.Context(), row)
			w.must(err)
			return line != nil && line.Slot
		})
		if line.Ahead != 0 || fmt.Sprint(line.On) != fmt.Sprint(ids[:2]) || line.Since.IsZero() || line.Until.Sub(line.Since) != workflows.BuildPatience {
			t.Errorf("it stands at %+v, where %v build", line, ids[:2])
		}
		release()
		for _, id := range ids {
			if state, reason := w.ended(fmt.Sprint(id)); state != "succeeded" {
				t.Errorf("%s: %s", state, reason)
			}
		}
	})
}

func TestFreezesAndQueue(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		s, err := w.Service(ctx, name)
		w.must(err)
		f, err := w.AddFreeze(ctx, catalog.FreezeInput{Reason: "end of year " + name, Environment: "dev", Team: s.Edges.Team.Name, Ends: time.Now().Add(time.Hour)})
		w.must(err)
		t.Cleanup(func() { _ = w.LiftFreeze(as(context.Background(), "ada"), f.ID) })
		w.policy(name, slipway.PolicyChange{Concurrency: ptr(slipway.ConcurrencyQueue)})
		first, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		w.waiting(first.ID, "frozen: end of year")
		w.commit("", "c2")
		second, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		line, err := w.Line(ctx, second)
		w.must(err)
		if line == nil || line.Slot || line.Ahead != 1 || line.On[0] != first.ID || !line.Until.Equal(second.CreatedAt.Add(7*24*time.Hour)) || second.State != promotion.StateQueued {
			t.Errorf("a promotion that is %s stands at %+v", second.State, line)
		}
		w.must(w.ExpireQueued(ctx))
		w.must(w.Storage.Backdate(ctx, second.ID, 8*24*time.Hour))
		w.must(w.ExpireQueued(ctx))
		if state, reason := w.ended(fmt.Sprint(second.ID)); state != "expired" || !strings.Contains(reason, fmt.Sprintf("promotion %d was not over", first.ID)) {
			t.Errorf("what stood in line for too long has %s: %s", state, reason)
		}
		second, err = w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		w.must(w.LiftFreeze(ctx, f.ID))
		for _, row := range []*ent.Promotion{first, second} {
			if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
				t.Errorf("%s: %s", state, reason)
			}
		}
		// One that waits makes way for a newer one, and says for which.
		w.policy(name, slipway.PolicyChange{Concurrency: ptr(slipway.ConcurrencySupersede), Approvals: ptr(1)})
		old, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		w.waiting(old.ID, "0 of 1")
		w.commit("", "c3")
		fresh, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(old.ID)); state != "superseded" || !strings.Contains(reason, fmt.Sprint(fresh.ID)) {
			t.Errorf("%s: %s", state, reason)
		}
		w.waiting(fresh.ID, "0 of 1")
		_, err = w.Cancel(ctx, fmt.Sprint(fresh.ID))
		w.must(err)
		if state, _ := w.ended(fmt.Sprint(fresh.ID)); state != "cancelled" {
			t.Error(state)
		}
	})
}

func TestAdvanceAndHold(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		_, err := w.SetPolicy(ctx, name, "test", slipway.PolicyChange{Advance: ptr(slipway.AdvanceAfter)}, false, nil)
		w.must(err)
		follows := func(after string) *ent.Promotion {
			t.Helper()
			var found *ent.Promotion
			deadline := time.Now().Add(time.Minute)
			for found == nil {
				list, err := w.Promotions(ctx, platform.PromotionsQuery{Service: name, Environment: "test"})
				w.must(err)
				for _, row := range list.Items {
					if row.Cause == "after promotion "+after {
						found = row
					}
				}
				if time.Now().After(deadline) {
					t.Fatal("nothing follows promotion " + after)
				}
			}
			return found
		}
		id := w.promote(platform.PromoteInput{Service: name}, "succeeded")
		next := follows(id)
		if state, reason := w.ended(fmt.Sprint(next.ID)); state != "succeeded" || next.RequestedBy != "ada" {
			t.Errorf("%s: %s", state, reason)
		}
		w.commit("", "c2")
		id = w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.ended(fmt.Sprint(follows(id).ID))
		_, err = w.Promote(ctx, platform.PromoteInput{Service: name, Release: 1})
		w.want(err, slipway.Conflict, "slipway rollback "+name+" --env dev --to 1")

		back, err := w.Rollback(ctx, platform.RollbackInput{Service: name, Environment: "test"})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(back.ID)); state != "succeeded" {
			t.Fatalf("%s: %s", state, reason)
		}
		w.until(back.ID, func(*ent.Promotion) bool {
			holds, err := w.Holds(ctx, name)
			w.must(err)
			return len(holds) == 1 && holds[0].Edges.Environment.Name == "test" && holds[0].PromotionID == back.ID
		})
		w.commit("", "c3")
		id = w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.until(back.ID, func(*ent.Promotion) bool {
			events, err := w.Events(ctx, report.EventsQuery{Service: name})
			w.must(err)
			for _, e := range events.Items {
				if e.Kind == "promotion.not_advanced" && fmt.Sprint(*e.PromotionID) == id && strings.Contains(e.Data["reason"], "held: rolled back") {
					return true
				}
			}
			return false
		})
		w.must(w.ReleaseHold(ctx, name, "test"))
		w.want(w.ReleaseHold(ctx, name, "test"), slipway.NotFound, "nothing holds")
	})
}
