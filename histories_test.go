package slipway_test

import (
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/internal/modeltest"
)

// Over all short histories of releases, edits of the config, rollbacks and promotions
// of what was taken back, the rules say what a stack says: what has the traffic, what
// is proven, what was taken back, where going back leads. And nothing that was taken
// back below goes on by itself.
func TestAllShortHistories(t *testing.T) {
	const longest = 8
	seen := 0
	var try func(done string)
	try = func(done string) {
		var h modeltest.Past
		for i := range len(done) {
			if !h.Happens(done[i]) {
				return
			}
		}
		seen++
		now := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
		line := slipway.LineOf(h.Stays)
		for release := 1; release <= h.Newer; release++ {
			st := line.Standing("dev", release, now)
			taken := slices.Contains(h.Taken, release)
			if (st.Taken != nil) != taken || st.Serves != (h.Live().Release == release) || !st.Verified || st.Fault != "" {
				t.Fatalf("after %s release %d stands as %+v; taken back: %v, live: %d", done, release, st, h.Taken, h.Live().Release)
			}
			if taken && st.Stood != 0 {
				t.Fatalf("after %s release %d, which was taken back, has stood for %s", done, release, st.Stood)
			}
			facts := slipway.GateFacts{Now: now, Asked: now, Previous: "dev", Before: st, Automatic: true}
			facts.Plan = slipway.PromotionPlan{Service: "billing", Environment: "test", Release: release}
			if st.Taken != nil {
				facts.Taken = []slipway.Taken{*st.Taken}
			}
			if ends, _ := facts.Ends(); taken && ends == "" {
				t.Fatalf("after %s release %d goes on by itself", done, release)
			}
			facts.Automatic = false
			if waits := facts.Gates(); taken && len(waits) == 0 {
				t.Fatalf("after %s nothing keeps release %d", done, release)
			}
		}
		to, ok := line.Back()
		if at := h.Back(); ok != (at >= 0) || ok && !to.Same(h.Stack[at]) {
			t.Fatalf("after %s going back leads to %d with %s (%v), and should to %d of %+v", done, to.Release, to.Config, ok, at, h.Stack)
		}
		if len(done) < longest {
			for _, what := range "NCBP" {
				try(done + string(what))
			}
		}
	}
	try("")
	if seen < 1000 {
		t.Errorf("%d histories were looked at", seen)
	}
}

// Over all short histories in which people say yes, leave and come back, while the plan
// moves, the gates let a promotion on when the model does, with its words.
func TestAllShortHistoriesOfPeople(t *testing.T) {
	const longest = 5
	now := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
	seen := 0
	var try func(done string, m modeltest.Model, asked modeltest.Asked)
	try = func(done string, m modeltest.Model, asked modeltest.Asked) {
		seen++
		facts := slipway.GateFacts{Now: now, Asked: now, Previous: "dev", Before: slipway.Standing{Environment: "dev", Verified: true, Serves: true}}
		facts.Plan = slipway.PromotionPlan{Service: "billing", Environment: "test", Release: 1, Policy: slipway.Policy{Approvals: m.People.Yeses}}
		for i, who := range modeltest.Names {
			if m.People.Why(who) == "" {
				facts.Approvers = append(facts.Approvers, who)
			}
			// A yes to another plan, which counts never.
			facts.Decisions = append(facts.Decisions, slipway.Decision{Account: i + 1, Name: who, Verdict: slipway.VerdictApprove, Plan: "sha256:other"})
		}
		for _, who := range asked.Said {
			facts.Decisions = append(facts.Decisions, slipway.Decision{Account: slices.Index(modeltest.Names, who) + 1, Name: who, Verdict: slipway.VerdictApprove, Plan: facts.Plan.Hash(), Lapsed: m.People.Why(who)})
		}
		want, words := slipway.PromotionRunning, asked.Words(m.People)
		if words != "" {
			want = slipway.PromotionWaiting
		}
		if state, why, _ := facts.Outcome(); state != want || why != words {
			t.Fatalf("after %s it is %s: %q; the model says %q", done, state, why, words)
		}
		if len(done) == longest || want == slipway.PromotionRunning {
			return
		}
		for _, what := range "abcCPQ12345" {
			next, asked := m, asked
			next.Asked = &asked
			asked.Said = slices.Clone(asked.Said)
			next.Happens(byte(what))
			try(done+string(what), next, asked)
		}
	}
	m := modeltest.New()
	m.Happens('N')
	m.Happens('T')
	try("", *m, *m.Asked)
	if seen < 1000 {
		t.Errorf("%d histories were looked at", seen)
	}
}
