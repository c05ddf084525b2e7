package slipway_test

import (
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// FuzzGates: whatever is said, in any order, while time passes, the config is
// edited and freezes come and go: gates open only for what was asked of this very
// plan, by people who may say it at that moment, and never for an older release over
// a newer one that nobody has named; every one that is closed says why, since when and
// until when.
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
	f.Add([]byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, []byte{4, 57, 9, 2, 7, 2, 9, 2, 4, 57})
	f.Add([]byte{0, 1}, []byte{4, 10, 57, 4, 57, 20, 4, 20, 57, 7, 2, 7})
	// The way moves: another environment was before, and then it is off the path.
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1}, []byte{4, 57, 57, 4})
	f.Add([]byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1}, []byte{4, 57, 57, 57, 4})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3}, []byte{4, 0, 7, 0, 7, 2})
	// A newer release goes live where this one leads, named over or not.
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, []byte{4, 2, 2})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 4}, []byte{4, 2, 7, 7})
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 5}, []byte{4, 2, 2})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 5}, []byte{4, 2, 7, 7})
	f.Add([]byte{1}, []byte{4, 1, 3, 2})
	// Who has said yes leaves, says it again in vain, and comes back.
	f.Add([]byte{2}, []byte{4, 0, 0, 8, 8, 0, 8, 8, 0})
	f.Add([]byte{1}, []byte{8, 4, 2, 0, 0, 0, 8, 8, 8, 7, 7, 8})
	f.Add([]byte{0}, []byte{4, 5, 7, 2, 2, 8, 2, 2, 8}) // so does who has exempted it
	// Something is found running there, and is ended.
	f.Add([]byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4}, []byte{4, 57, 7, 2, 7})
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, []byte{4, 57, 0})
	f.Fuzz(func(t *testing.T, asks, events []byte) {
		events = events[:min(len(events), 60)]
		at := func(i int) int {
			if i < len(asks) {
				return int(asks[i])
			}
			return 0
		}
		asked := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		facts := slipway.GateFacts{Now: asked, Asked: asked, Previous: "test", Automatic: at(11)%2 == 1, Approvers: []string{"ada", "bob", "eve"}, Seconded: at(4)%2 == 1, Locked: at(5)%2 == 0, ReleasedAt: asked}
		facts.Plan.Environment, facts.Plan.Release, facts.Plan.Rollback = "prod", 3, at(3)%2 == 1
		facts.Plan.Policy = slipway.Policy{Approvals: at(0) % 4, Soak: at(1) % 3 * 3600, RollbackApprovals: at(2) % 2, LockRequired: at(6)%2 == 1, RequireTests: at(7)%2 == 1}
		facts.Tests = append([]slipway.TestVerdict{""}, slipway.TestVerdicts...)[at(8)%5]
		facts.Passed = at(10) % 2
		if at(9)%2 == 1 {
			facts.Plan.Steps = []slipway.StepName{slipway.StepTest}
		}
		facts.NamedOver = at(16) % 8
		left := map[int]bool{} // who may not say anything at the moment
		for n, event := range events {
			if n+1 == at(15)%8 {
				facts.Plan.Replaces, facts.Plan.ReplacesNumber = "9", 4
			}
			if n+1 == at(12)%8 { // the way is made shorter: another environment was before
				facts.Then = slipway.Standing{Environment: "stage", Verified: at(13)%2 == 1, Serves: true}
			}
			if n+1 == at(14)%8 { // the environment leaves the path
				facts.Off = "dev, test"
			}
			if n+1 == at(18)%8 { // something runs there that isn't on record
				facts.Unrecorded = "a deployment runs that isn't on record"
			}
			if n+1 == at(19)%16 { // it is adopted, or ended
				facts.Unrecorded = ""
			}
			name := facts.Approvers[n%3]
			say := func(v slipway.Verdict) {
				if left[n%3+1] {
					return
				}
				facts.Decisions = append(facts.Decisions, slipway.Decision{Account: n%3 + 1, Name: name, Verdict: v, Plan: facts.Plan.Hash(), At: facts.Now})
			}
			switch event % 11 {
			case 0, 1:
				say(slipway.VerdictApprove)
			case 2:
				passed := time.Duration(event) * time.Minute
				facts.Now = facts.Now.Add(passed)
				if facts.Before.Serves {
					facts.Before.Stood += passed
				}
				facts.Then.Stood += passed
			case 3: // the config is edited: another plan
				facts.Plan.Config += "x"
			case 4:
				facts.Before, facts.Taken = slipway.Standing{Environment: "test", Verified: true, Serves: true}, nil
			case 5:
				facts.Freezes = append(facts.Freezes, slipway.Frozen{Reason: "peak", Until: facts.Now.Add(time.Hour), By: "eve"})
			case 6:
				facts.Freezes = nil
			case 7:
				say([]slipway.Verdict{slipway.VerdictExempt, slipway.VerdictBreakGlass}[n%2])
			case 8: // somebody may no longer, or may again
				left[n%3+1] = !left[n%3+1]
				for i, d := range facts.Decisions {
					if facts.Decisions[i].Lapsed = ""; left[d.Account] {
						facts.Decisions[i].Lapsed = "the account is not active"
					}
				}
			case 9: // it is rolled back on the way, in the environment before or further below
				taken := slipway.Taken{Environment: []string{"test", "dev"}[n%2], By: "eve", Why: "the totals are wrong", At: facts.Now}
				if n%3 == 2 && facts.Then.Environment != "" { // or where it is not on the way any more
					taken.Environment = facts.Then.Environment
					facts.Then.Verified, facts.Then.Taken = true, &taken
					break
				}
				facts.Taken = append(facts.Taken, taken)
				if n%2 == 0 {
					facts.Before = slipway.Standing{Environment: "test", Verified: true, Taken: &taken, Instead: 2}
				}
			case 10: // a newer one takes over in the environment before
				facts.Before.Serves, facts.Before.Instead = false, 4
			}
			waits := facts.Gates()
			if want := mayGo(facts, left); want != (len(waits) == 0) {
				t.Fatalf("after %v: may go: %v, closed: %+v", events[:n+1], want, waits)
			}
			for _, w := range waits {
				if w.Reason == "" || w.Since.Before(asked) || w.Until.IsZero() || !slices.Contains(slipway.GateKinds, w.Gate) {
					t.Fatalf("after %v: %+v", events[:n+1], w)
				}
			}
			ends, why := facts.Ends()
			over := facts.Plan.ReplacesNumber > facts.Plan.Release && facts.NamedOver != facts.Plan.ReplacesNumber && !facts.Plan.Rollback
			if ends != "" && (why == "" || !ends.Over() || !facts.Automatic && facts.Off == "" && !over) {
				t.Fatalf("after %v it ends as %s: %s", events[:n+1], ends, why)
			}
			if over && ends != slipway.PromotionSuperseded {
				t.Fatalf("after %v it goes over a newer release that nobody has named", events[:n+1])
			}
			if state, _, _ := facts.Outcome(); (state == slipway.PromotionRunning) != (ends == "" && len(waits) == 0) || ends != "" && state != ends {
				t.Fatalf("after %v a look comes to %s; it ends as %q and waits for %+v", events[:n+1], state, ends, waits)
			}
			if facts.Off != "" && !facts.Plan.Rollback && ends == "" {
				t.Fatalf("after %v it goes on off its path", events[:n+1])
			}
			if facts.Automatic && !facts.Plan.Rollback && ends == "" && len(waits) == 0 && !vouched(facts, left) {
				t.Fatalf("after %v it goes on by itself although it was %v", events[:n+1], facts.Taken)
			}
			if !facts.Expires().After(asked) {
				t.Fatal("it waits for ever")
			}
		}
	})
}

// mayGo says the rules once more, from the other side: what must be true of a
// promotion whose gates are open. left are those who may not say anything now,
// whatever is noted with what they said.
func mayGo(f slipway.GateFacts, left map[int]bool) bool {
	said := map[slipway.Verdict]map[int]bool{}
	for _, d := range f.Decisions {
		if d.Plan != f.Plan.Hash() || left[d.Account] {
			continue
		}
		if said[d.Verdict] == nil {
			said[d.Verdict] = map[int]bool{}
		}
		said[d.Verdict][d.Account] = true
	}
	yes := len(said[slipway.VerdictApprove])
	switch {
	case f.Unrecorded != "":
		return false // no glass that is broken starts anything beside what nobody knows
	case len(said[slipway.VerdictBreakGlass]) > 0 && (f.Plan.Rollback || since(f, left, slipway.VerdictBreakGlass)):
		return true
	case f.Plan.Rollback:
		return yes >= f.Plan.Policy.RollbackApprovals && (!f.Seconded || yes > 0)
	case yes < f.Plan.Policy.Approvals || !vouched(f, left):
		return false
	case f.Before.Taken == nil && (!f.Before.Verified || f.Before.Stood < time.Duration(f.Plan.Policy.Soak)*time.Second):
		return false
	case f.Then.Environment != "" && f.Then.Taken == nil && (!f.Then.Verified || f.Then.Stood < time.Duration(f.Plan.Policy.Soak)*time.Second):
		return false
	case f.Plan.Policy.LockRequired && !f.Locked:
		return false
	case f.Plan.Policy.RequireTests && (f.Tests != slipway.TestsPassed || f.Passed == 0) && (f.Tests != "" || len(f.Plan.Steps) == 0):
		return false
	}
	return len(f.Freezes) == 0 || len(said[slipway.VerdictExempt]) > 0
}

// vouched tells whether a release that was gone back from on the way goes on because
// somebody who could know that has said so.
func vouched(f slipway.GateFacts, left map[int]bool) bool {
	return len(gone(f)) == 0 || since(f, left, slipway.VerdictExempt) || since(f, left, slipway.VerdictBreakGlass)
}

// since tells whether something was said, and counts, after the release was last
// gone back from.
func since(f slipway.GateFacts, left map[int]bool, v slipway.Verdict) bool {
	return slices.ContainsFunc(f.Decisions, func(d slipway.Decision) bool {
		return d.Verdict == v && d.Plan == f.Plan.Hash() && !left[d.Account] &&
			!slices.ContainsFunc(gone(f), func(t slipway.Taken) bool { return !d.At.After(t.At) })
	})
}

func gone(f slipway.GateFacts) []slipway.Taken {
	if f.Then.Taken == nil {
		return f.Taken
	}
	return append(slices.Clone(f.Taken), *f.Then.Taken)
}
