package slipway_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// A plan holds the ground that it stands on: whatever of it moves makes another
// plan, and is said.
func TestPlanHoldsItsGround(t *testing.T) {
	plan := func() slipway.PromotionPlan {
		return slipway.PromotionPlan{Service: "billing", Environment: "prod", Commit: "c1", Release: 1, Artifact: "sha256:a1", Config: "sha256:c1",
			Path: []string{"dev", "test", "prod"}, Team: "shop", Bundle: []string{"ledger c0", "billing c1"}}
	}
	for name, test := range map[string]struct {
		change func(*slipway.PromotionPlan)
		want   string
	}{
		"an environment less":   {func(p *slipway.PromotionPlan) { p.Path = []string{"dev", "prod"} }, "the way to prod is dev, prod now; it was dev, test, prod"},
		"an environment more":   {func(p *slipway.PromotionPlan) { p.Path = []string{"dev", "test", "stage", "prod"} }, "the way to prod is dev, test, stage, prod now; it was dev, test, prod"},
		"another order":         {func(p *slipway.PromotionPlan) { p.Path = []string{"test", "dev", "prod"} }, "the way to prod is test, dev, prod now; it was dev, test, prod"},
		"off the path":          {func(p *slipway.PromotionPlan) { p.Path = nil }, "the way to prod is none now; it was dev, test, prod"},
		"another team":          {func(p *slipway.PromotionPlan) { p.Team = "wages" }, "billing belongs to team wages now; it was shop"},
		"a member less":         {func(p *slipway.PromotionPlan) { p.Bundle = nil }, "the bundle is none now; it was ledger c0, billing c1"},
		"members' order":        {func(p *slipway.PromotionPlan) { slices.Reverse(p.Bundle) }, "the bundle is billing c1, ledger c0 now; it was ledger c0, billing c1"},
		"a member's commit":     {func(p *slipway.PromotionPlan) { p.Bundle = []string{"ledger c9", "billing c1"} }, "the bundle is ledger c9, billing c1 now; it was ledger c0, billing c1"},
		"who approves by name":  {func(p *slipway.PromotionPlan) { p.Policy.Approvers = []string{"grace"} }, "the policy of prod was changed"},
		"whose own change":      {func(p *slipway.PromotionPlan) { p.Policy.OwnChanges = slipway.OwnNever }, "the policy of prod was changed"},
		"whether the new count": {func(p *slipway.PromotionPlan) { p.Policy.NewApprovers = true }, "the policy of prod was changed"},
	} {
		from, to := plan(), plan()
		test.change(&to)
		if from.Hash() == to.Hash() {
			t.Errorf("%s: the same plan", name)
		}
		if got := strings.Join(to.Moved(from), "; "); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	// What an earlier version wrote down is void, and says why.
	from, to := plan(), plan()
	from.Path, from.Team, from.Bundle = nil, "", nil
	if got := to.Moved(from); len(got) != 1 || got[0] != "a plan now holds the way, the team and the bundle as well" {
		t.Errorf("%q", got)
	}
	if got := plan().Moved(plan()); len(got) != 0 {
		t.Errorf("nothing has moved: %q", got)
	}
}

func TestWayTo(t *testing.T) {
	path := []string{"dev", "test", "prod"}
	for environment, want := range map[string]string{"dev": "dev", "test": "dev test", "prod": "dev test prod", "stage": ""} {
		if got := slipway.WayTo(path, environment); strings.Join(got, " ") != want || (got == nil) != (want == "") {
			t.Errorf("%s: %q", environment, got)
		}
	}
}

// Off the path nothing is promoted, by whomever and whatever glass is broken; going
// back goes on. And a way that was made shorter opens nothing.
func TestGround(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	facts := func() slipway.GateFacts {
		f := slipway.GateFacts{Now: now, Asked: now, Previous: "dev", Before: slipway.Standing{Environment: "dev", Verified: true, Serves: true, Stood: time.Hour}}
		f.Plan = slipway.PromotionPlan{Service: "billing", Environment: "prod", Release: 2, Policy: slipway.Policy{Soak: 30}}
		return f
	}
	const off = "prod is no longer on the path of billing, which is dev, test"
	for name, test := range map[string]struct {
		change func(*slipway.GateFacts)
		ends   string
		waits  string
		until  time.Duration // when the gate opens
	}{
		"on its path":  {func(*slipway.GateFacts) {}, "", "", 0},
		"off its path": {func(f *slipway.GateFacts) { f.Off = "dev, test" }, off, "", 0},
		"by itself":    {func(f *slipway.GateFacts) { f.Off, f.Automatic = "dev, test", true }, off, "", 0},
		"with the glass broken": {func(f *slipway.GateFacts) {
			f.Off = "dev, test"
			f.Decisions = []slipway.Decision{{Verdict: slipway.VerdictBreakGlass, Plan: f.Plan.Hash(), At: now}}
		}, off, "", 0},
		"going back":      {func(f *slipway.GateFacts) { f.Off, f.Plan.Rollback = "dev, test", true }, "", "", 0},
		"test was before": {func(f *slipway.GateFacts) { f.Then = slipway.Standing{Environment: "test"} }, "", "release 2 has not been verified in test, which was the environment before when this was asked for", 0},
		"test soaks": {func(f *slipway.GateFacts) {
			f.Then = slipway.Standing{Environment: "test", Verified: true, Serves: true, Stood: 5 * time.Second}
		}, "", "release 2 must have served in test for 30s, verified, which was the environment before", 25 * time.Second},
		"test has soaked": {func(f *slipway.GateFacts) {
			f.Then = slipway.Standing{Environment: "test", Verified: true, Serves: true, Stood: 31 * time.Second}
		}, "", "", 0},
		"test went back from it": {func(f *slipway.GateFacts) {
			f.Then = slipway.Standing{Environment: "test", Verified: true, Taken: &slipway.Taken{Environment: "test", By: "eve", Why: "the totals are wrong", At: now}}
		}, "", "rolled back in test by eve: the totals are wrong; verify release 2 there again", 0},
		"test went back from what goes by itself": {func(f *slipway.GateFacts) {
			f.Automatic = true
			f.Then = slipway.Standing{Environment: "test", Verified: true, Taken: &slipway.Taken{Environment: "test", By: "eve", At: now}}
		}, "release 2 was rolled back in test by eve; so it goes no further by itself", "", 0},
		"test is in another place": {func(f *slipway.GateFacts) {
			gone := slipway.Taken{Environment: "test", By: "eve", At: now}
			f.Taken, f.Then = []slipway.Taken{gone}, slipway.Standing{Environment: "test", Verified: true, Taken: &gone}
		}, "", "rolled back in test by eve; verify", 0},
		"dev doesn't vouch": {func(f *slipway.GateFacts) {
			f.Before.Verified = false
			f.Then = slipway.Standing{Environment: "test", Verified: true, Serves: true, Stood: time.Minute}
		}, "", "release 2 has not been verified in dev", 0},
		"first on its path now": {func(f *slipway.GateFacts) {
			f.Previous, f.Before = "", slipway.Standing{}
			f.Then = slipway.Standing{Environment: "test", Verified: true, Serves: true}
		}, "", "release 2 must have served in test", 30 * time.Second},
		"skips are allowed here": {func(f *slipway.GateFacts) {
			f.Plan.Policy = slipway.Policy{SkipsAllowed: true}
			f.Then = slipway.Standing{Environment: "test"}
		}, "", "", 0},
	} {
		f := facts()
		test.change(&f)
		ends, why := f.Ends()
		if (ends != "") != (test.ends != "") || !strings.HasPrefix(why, test.ends) || ends != "" && ends != slipway.PromotionCancelled {
			t.Errorf("%s: ends as %q: %s", name, ends, why)
		}
		if ends != "" {
			continue
		}
		waits := f.Gates()
		switch {
		case test.waits == "" && len(waits) == 0:
		case test.waits == "" || len(waits) != 1 || !strings.HasPrefix(waits[0].Reason, test.waits):
			t.Errorf("%s: waits for %+v", name, waits)
		case test.until != 0 && (!waits[0].Opens || !waits[0].Until.Equal(now.Add(test.until))):
			t.Errorf("%s: opens at %s", name, waits[0].Until)
		}
	}
}
