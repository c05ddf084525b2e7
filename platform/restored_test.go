package platform_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/platform/platformtest"
)

// runs deploys as deployedWith does, and has the target run it.
func (w *world) runs(service, environment, commit string, config slipway.Snapshot) slipway.Deployment {
	w.Helper()
	number := w.deployedWith(service, environment, commit, config)
	row, err := w.Storage.Client.Deployment.Query().Where(deployment.Live(true)).Order(deployment.ByID()).All(w.Context())
	w.must(err)
	last := row[len(row)-1]
	config.Digest = slipway.Digest(last.Snapshot)
	d := slipway.Deployment{ID: strconv.Itoa(last.PromotionID), Service: service, Environment: environment, Release: number, Artifact: digest(commit), Config: config}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serves(d)
	return d
}

// TestRestoredDatabase: what was deployed after the backup runs on and is in no row.
// It is told of, nothing is started beside it, and somebody adopts or ends it.
func TestRestoredDatabase(t *testing.T) {
	both(t, func(old *world) {
		name := old.newName()
		old.register(name)
		old.runs(name, "dev", "c1", slipway.Snapshot{})
		restored := old.backup()

		// What happens after the backup: a newer release with a secret of its own, and a
		// service more.
		_, err := old.SetSecret(old.Context(), catalog.SecretInput{Service: name, Name: "TOKEN", Value: slipway.NewSecret("newer")})
		old.must(err)
		refs, err := old.Secrets.List(old.Context(), name+"/")
		old.must(err)
		newer := old.runs(name, "dev", "c2", slipway.Snapshot{Env: map[string]slipway.ConfigValue{"TOKEN": {Secret: refs[0]}}})
		added := old.newName()
		old.register(added)
		lost := old.runs(added, "dev", "c9", slipway.Snapshot{})

		w := restored()
		w.commit(commitID("c2"), "c2")
		w.engaged()
		ctx := w.Context()
		w.must(w.Recover(ctx))
		stranger := w.colleague(name, "vera-"+name, slipway.RoleViewer, false)
		dev := w.colleague(name, "dev-"+name, slipway.RoleDeveloper, false)

		// Everybody hears of what he may see.
		all, err := w.Unrecorded(ctx)
		w.must(err)
		if len(all) != 2 || all[0].Service != name || all[0].Deployment != newer.ID || all[0].Recorded != 1 || all[0].Release != 2 || all[0].Unfit != "" ||
			all[1].Service != added || all[1].Registered || !strings.Contains(all[1].Unfit, "register it first") {
			t.Fatalf("%+v", all)
		}
		if some, err := w.Unrecorded(stranger); err != nil || len(some) != 1 || some[0].Service != name {
			t.Errorf("a viewer sees %+v: %v", some, err)
		}
		w.must(w.Inspect(ctx))
		live, err := w.Storage.Client.Deployment.Query().Where(deployment.Live(true)).Only(ctx)
		w.must(err)
		if live.Condition != string(slipway.ConditionDrifted) || !strings.Contains(live.ConditionReason, "slipway unrecorded adopt "+name+" --env dev") {
			t.Errorf("%s: %s", live.Condition, live.ConditionReason)
		}

		// Nothing is started beside it, also where an admin breaks the glass; and it is
		// numbered beyond what runs.
		w.commit("", "c3")
		in := platform.PromoteInput{Service: name, Environment: "dev"}
		next, err := w.Promote(ctx, in)
		w.must(err)
		if greatest := max(atoi(newer.ID), atoi(lost.ID)); next.ID <= greatest {
			t.Errorf("promotion %d was numbered again, and %d runs", next.ID, greatest)
		}
		next = w.waiting(next.ID, "isn't on record")
		if next.Waits[0].Gate != slipway.GateUnrecorded || !strings.Contains(next.Reason, "slipway unrecorded end "+name+" --env dev") {
			t.Errorf("%+v", next.Waits)
		}
		root := w.colleague(name, "root-"+name, slipway.RoleAdmin, true)
		_, err = w.Decide(root, fmt.Sprint(next.ID), platform.DecideInput{Verdict: slipway.VerdictBreakGlass, Comment: "now", Plan: slipway.Digest(next.PlanHash)})
		w.must(err)
		w.until(next.ID, func(row *ent.Promotion) bool { return len(row.Edges.Decisions) > 0 })
		w.waiting(next.ID, "isn't on record")
		w.mu.Lock()
		if now := w.running[name+"/dev"]; now.Deployment != newer.ID {
			t.Errorf("%+v runs", now)
		}
		w.mu.Unlock()

		// Nothing that it needs is removed.
		w.must(w.Retain(ctx, 0))
		w.must(w.Retain(ctx, 0))
		if _, err := w.Secrets.Get(ctx, refs[0]); err != nil {
			t.Errorf("its secret: %v", err)
		}

		// Who may go back there alone says what becomes of it, with a reason.
		which := platform.UnrecordedInput{Service: name, Environment: "dev", Deployment: newer.ID, Reason: "the backup was of before it"}
		_, err = w.Adopt(stranger, which)
		w.want(err, slipway.Denied, "takes the role developer")
		_, err = w.Adopt(dev, platform.UnrecordedInput{Service: name, Environment: "dev"})
		w.want(err, slipway.Invalid, "say why")
		_, err = w.Adopt(dev, platform.UnrecordedInput{Service: name, Environment: "dev", Deployment: "77", Reason: "x"})
		w.want(err, slipway.Conflict, "and not 77")
		w.want(w.EndUnrecorded(dev, platform.UnrecordedInput{Service: added, Environment: "dev", Reason: "x"}), slipway.NotFound, "there is no service")
		_, err = w.Adopt(ctx, platform.UnrecordedInput{Service: added, Environment: "dev", Reason: "x"})
		w.want(err, slipway.Conflict, "register it first")
		adopted, err := w.Adopt(dev, which)
		w.must(err)
		if fmt.Sprint(adopted.ID) != newer.ID || adopted.RequestedBy != "dev-"+name || adopted.Why != which.Reason || adopted.State != promotion.StateSucceeded ||
			adopted.Edges.Release.Number != 2 || adopted.Edges.Release.Artifact != string(newer.Artifact) || adopted.Edges.Release.Author != "Ada" || adopted.Edges.Release.Tested {
			t.Errorf("%+v of %+v", adopted, adopted.Edges.Release)
		}
		was, err := w.Storage.Client.Deployment.Query().Where(deployment.PromotionID(adopted.ID)).WithRelease().Only(ctx)
		w.must(err)
		if was.Snapshot != string(newer.Config.Digest) || was.EndedAt == nil && !was.Live {
			t.Errorf("%+v", was)
		}

		// What waited goes on, and what was adopted is what it can be rolled back to.
		if state, reason := w.ended(fmt.Sprint(next.ID)); state != "succeeded" {
			t.Fatalf("%s: %s", state, reason)
		}
		plan, err := w.PlanRollback(ctx, platform.RollbackInput{Service: name, Environment: "dev"})
		w.must(err)
		if plan.Release.Number != 2 || plan.Snapshot != newer.Config.Digest {
			t.Errorf("back to release %d with %s", plan.Release.Number, plan.Snapshot)
		}

		// The service that nobody knows is ended by an admin of the platform, on record.
		w.must(w.EndUnrecorded(ctx, platform.UnrecordedInput{Service: added, Environment: "dev", Reason: "registered again elsewhere"}))
		if all, err = w.Unrecorded(ctx); err != nil || len(all) != 0 {
			t.Errorf("%+v: %v", all, err)
		}
		entries, err := w.Storage.Client.AuditEntry.Query().Where(auditentry.Action("deployment.ended")).Order(auditentry.BySequence()).All(ctx)
		w.must(err)
		if len(entries) != 2 || entries[0].Result != "begun" || entries[1].Result != "done" || entries[1].Service != added || entries[1].After["reason"] != "registered again elsewhere" || entries[1].After["deployment"] != lost.ID {
			t.Errorf("%+v", entries)
		}
		w.want(w.EndUnrecorded(ctx, platform.UnrecordedInput{Service: name, Environment: "dev", Reason: "x"}), slipway.NotFound, "isn't on record")
	})
}

// TestEndOfWhatIsNotOnRecord lets what the record says have the traffic again, where
// that is still kept ready.
func TestEndOfWhatIsNotOnRecord(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	w.register("billing")
	one := w.runs("billing", "dev", "c1", slipway.Snapshot{})
	restored := w.backup()
	two := w.runs("billing", "dev", "c2", slipway.Snapshot{})
	w = restored()
	w.must(w.EndUnrecorded(w.Context(), platform.UnrecordedInput{Service: "billing", Environment: "dev", Reason: "back to the backup"}))
	if want := (slipway.Ending{Service: "billing", Environment: "dev", Deployment: two.ID, Back: one.ID}); len(w.endings) != 1 || w.endings[0] != want {
		t.Errorf("%+v, not %+v", w.endings, want)
	}
	// What doesn't answer says nothing about what runs.
	w.observe = func(context.Context) error {
		return slipway.Errorf(slipway.Unavailable, "the node agent does not answer")
	}
	plan, err := w.Plan(w.Context(), platform.PromoteInput{Service: "billing"})
	w.must(err)
	if len(plan.Waits) != 1 || plan.Waits[0].Reason != "what runs in dev can't be told: the node agent does not answer" {
		t.Errorf("%+v", plan.Waits)
	}
}

// TestEndWithoutGoingBack: where what the record says can't take the traffic back, what
// runs goes on until somebody wants it to end all the same.
func TestEndWithoutGoingBack(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	w.register("billing")
	one := w.runs("billing", "dev", "c1", slipway.Snapshot{})
	restored := w.backup()
	two := w.runs("billing", "dev", "c2", slipway.Snapshot{})
	w = restored()
	refusal := slipway.Errorf(slipway.Refused, "release 1 can't take the traffic back: web.1 does not answer; release 2 goes on serving")
	w.end = func(e slipway.Ending) error {
		if e.Back == one.ID {
			return refusal
		}
		return nil
	}
	in := platform.UnrecordedInput{Service: "billing", Environment: "dev", Reason: "nobody wants it"}
	err := w.EndUnrecorded(w.Context(), in)
	w.want(err, slipway.Refused, "web.1 does not answer")
	w.want(err, slipway.Refused, "slipway unrecorded end billing --env dev --without-going-back --reason")
	in.WithoutGoingBack = true
	w.must(w.EndUnrecorded(w.Context(), in))
	if want := (slipway.Ending{Service: "billing", Environment: "dev", Deployment: two.ID}); len(w.endings) != 1 || w.endings[0] != want {
		t.Errorf("%+v, not %+v", w.endings, want)
	}
	entry, err := w.Storage.Client.AuditEntry.Query().Where(auditentry.Action("deployment.ended"), auditentry.ResultEQ("done")).Only(w.Context())
	w.must(err)
	if entry.After["without_going_back"] != "true" {
		t.Errorf("%+v", entry)
	}
}

// TestWhoSettles: what is adopted or ended changes what runs as a rollback does, so it
// takes as much, and where others would be asked to approve, one of those in person.
func TestWhoSettles(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	w.register("billing")
	w.runs("billing", "test", "c1", slipway.Snapshot{})
	restored := w.backup()
	w.runs("billing", "test", "c2", slipway.Snapshot{})
	w = restored()
	dev := w.colleague("billing", "dev", slipway.RoleDeveloper, false)
	mae := w.colleague("billing", "mae", slipway.RoleMaintainer, false)
	v := slipway.ViewerFrom(mae)
	v.Token = 7
	program := slipway.WithViewer(w.T.Context(), v)
	which := platform.UnrecordedInput{Service: "billing", Environment: "test"} // no reason, so that it goes no further
	asks := func(ctx context.Context, code slipway.Code, words string) {
		w.Helper()
		_, err := w.Adopt(ctx, which)
		w.want(err, code, words)
		w.want(w.EndUnrecorded(ctx, which), code, words)
	}
	asks(dev, slipway.Denied, "takes the role maintainer in team")
	asks(mae, slipway.Invalid, "say why")
	asks(program, slipway.Invalid, "say why")
	w.asks("test", slipway.PolicyChange{RollbackRole: ptr(slipway.RoleDeveloper)})
	asks(dev, slipway.Invalid, "say why")
	w.asks("test", slipway.PolicyChange{Approvals: ptr(1)})
	asks(dev, slipway.Denied, "takes the role maintainer in team")
	asks(program, slipway.Denied, "in person, and no token or program")
	asks(mae, slipway.Invalid, "say why")
	w.asks("test", slipway.PolicyChange{RollbackRole: ptr(slipway.RoleAdmin)})
	asks(mae, slipway.Denied, "takes the role admin in team")
	w.asks("test", slipway.PolicyChange{RollbackRole: ptr(slipway.RoleDeveloper), SecondFactor: ptr(slipway.SecondFactorRequired)})
	asks(mae, slipway.FactorMissing, "second factor")
	refused, err := w.Storage.Client.AuditEntry.Query().Where(auditentry.ResultEQ("refused"), auditentry.Actor("dev"), auditentry.Environment("test")).Count(w.Context())
	w.must(err)
	if refused != 4 {
		t.Errorf("%d refusals of dev's are on record", refused)
	}
}

func atoi(id string) int { n, _ := strconv.Atoi(id); return n }
