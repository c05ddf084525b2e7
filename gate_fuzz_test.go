package slipway_test

import (
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// FuzzGates: whatever is said, in any order, while time passes, the config is
// edited and freezes come and go: gates open only for what was asked of this very
// plan, and every one that is closed says why, since when and until when.
func FuzzGates(f *testing.F) {
	f.Add([]byte{1}, []byte{0, 0, 4})
	f.Add([]byte{2, 1, 1}, []byte{0, 1, 3, 0, 1})
	f.Add([]byte{2}, []byte{4, 0, 1, 2, 8, 8, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 1}, []byte{4, 7, 2, 7, 8, 8, 8})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 4}, []byte{4, 2})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 1}, []byte{4, 2})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 1}, []byte{4, 2})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1}, []byte{4, 2})
	f.Add([]byte{3, 0, 2, 1}, []byte{5, 6, 0, 2, 7, 7})
	f.Fuzz(func(t *testing.T, asks, events []byte) {
		events = events[:min(len(events), 60)]
		at := func(i int) int {
			if i < len(asks) {
				return int(asks[i])
			}
			return 0
		}
		asked := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		facts := slipway.GateFacts{Now: asked, Asked: asked, Previous: "test", Approvers: []string{"ada", "bob", "eve"}, Seconded: at(4)%2 == 1, Locked: at(5)%2 == 0, ReleasedAt: asked}
		facts.Plan.Environment, facts.Plan.Release, facts.Plan.Rollback = "prod", 3, at(3)%2 == 1
		facts.Plan.Policy = slipway.Policy{Approvals: at(0) % 4, Soak: at(1) % 3 * 3600, RollbackApprovals: at(2) % 2, LockRequired: at(6)%2 == 1, RequireTests: at(7)%2 == 1}
		facts.Tests = append([]slipway.TestVerdict{""}, slipway.TestVerdicts...)[at(8)%5]
		facts.Passed = at(10) % 2
		if at(9)%2 == 1 {
			facts.Plan.Steps = []slipway.StepName{slipway.StepTest}
		}
		for n, event := range events {
			name := facts.Approvers[n%3]
			say := func(v slipway.Verdict) {
				facts.Decisions = append(facts.Decisions, slipway.Decision{Account: n%3 + 1, Name: name, Verdict: v, Plan: facts.Plan.Hash(), At: facts.Now})
			}
			switch event % 9 {
			case 0, 1:
				say(slipway.VerdictApprove)
			case 2:
				facts.Now = facts.Now.Add(time.Duration(event) * time.Minute)
			case 3: // the config is edited: another plan
				facts.Plan.Config += "x"
			case 4:
				facts.VerifiedAt = facts.Now
			case 5:
				facts.Freezes = append(facts.Freezes, slipway.Frozen{Reason: "peak", Until: facts.Now.Add(time.Hour), By: "eve"})
			case 6:
				facts.Freezes = nil
			case 7:
				say([]slipway.Verdict{slipway.VerdictExempt, slipway.VerdictBreakGlass}[n%2])
			case 8: // somebody may no longer
				for i, d := range facts.Decisions {
					if d.Account == n%3+1 {
						facts.Decisions[i].Lapsed = "the account is not active"
					}
				}
			}
			waits := facts.Gates()
			if want := mayGo(facts); want != (len(waits) == 0) {
				t.Fatalf("after %v: may go: %v, closed: %+v", events[:n+1], want, waits)
			}
			for _, w := range waits {
				if w.Reason == "" || w.Since.Before(asked) || w.Until.IsZero() || !slices.Contains(slipway.GateKinds, w.Gate) {
					t.Fatalf("after %v: %+v", events[:n+1], w)
				}
			}
			if !facts.Expires().After(asked) {
				t.Fatal("it waits for ever")
			}
		}
	})
}

// mayGo says the rules once more, from the other side: what must be true of a
// promotion whose gates are open.
func mayGo(f slipway.GateFacts) bool {
	said := map[slipway.Verdict]map[int]bool{}
	for _, d := range f.Decisions {
		if d.Plan != f.Plan.Hash() || d.Lapsed != "" {
			continue
		}
		if said[d.Verdict] == nil {
			said[d.Verdict] = map[int]bool{}
		}
		said[d.Verdict][d.Account] = true
	}
	yes := len(said[slipway.VerdictApprove])
	switch {
	case len(said[slipway.VerdictBreakGlass]) > 0:
		return true
	case f.Plan.Rollback:
		return yes >= f.Plan.Policy.RollbackApprovals && (!f.Seconded || yes > 0)
	case yes < f.Plan.Policy.Approvals || f.VerifiedAt.IsZero():
		return false
	case f.Now.Sub(f.VerifiedAt) < time.Duration(f.Plan.Policy.Soak)*time.Second:
		return false
	case f.Plan.Policy.LockRequired && !f.Locked:
		return false
	case f.Plan.Policy.RequireTests && (f.Tests != slipway.TestsPassed || f.Passed == 0) && (f.Tests != "" || len(f.Plan.Steps) == 0):
		return false
	}
	return len(f.Freezes) == 0 || len(said[slipway.VerdictExempt]) > 0
}
