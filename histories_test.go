package slipway_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// past is what happened in an environment, said once more as a stack: going back
// takes off what it leaves.
type past struct {
	stays []slipway.Stay
	stack []slipway.Stay // what stands, the last one live
	taken []int          // releases that were gone back from and not verified there since
	newer int            // the newest release
	edits int            // of the config
}

func (h *past) live() slipway.Stay {
	if len(h.stack) == 0 {
		return slipway.Stay{}
	}
	return h.stack[len(h.stack)-1]
}

// back is where going back leads: to the next below with another release or config.
func (h *past) back() (at int) {
	for at = len(h.stack) - 2; at >= 0 && h.stack[at].Same(h.live()); at-- {
	}
	return at
}

func (h *past) deploy(release, config int, rollback bool) slipway.Stay {
	now := time.Date(2026, 11, 30, 9, len(h.stays), 0, 0, time.UTC)
	for i := range h.stays {
		if h.stays[i].Live {
			h.stays[i].Live, h.stays[i].Ended = false, now
		}
	}
	s := slipway.Stay{Promotion: len(h.stays) + 1, Release: release, Config: slipway.Digest(fmt.Sprint("c", config)), Rollback: rollback, Began: now, VerifiedAt: now, Live: true, Verified: true, By: "ada"}
	h.stays = append(h.stays, s)
	h.taken = slices.DeleteFunc(h.taken, func(r int) bool { return r == release })
	return s
}

// happens plays one thing; false is that it can't happen now.
func (h *past) happens(what byte) bool {
	switch what {
	case 'N': // a new release
		h.newer++
		h.stack = append(h.stack, h.deploy(h.newer, h.edits, false))
	case 'C': // the config is edited, and what runs deployed with it
		if len(h.stack) == 0 {
			return false
		}
		h.edits++
		h.stack = append(h.stack, h.deploy(h.live().Release, h.edits, false))
	case 'B': // somebody goes back
		at := h.back()
		if at < 0 {
			return false
		}
		left, to := h.stack[at+1:], h.stack[at]
		var config int
		_, _ = fmt.Sscanf(string(to.Config), "c%d", &config)
		s := h.deploy(to.Release, config, true)
		for _, l := range left {
			if l.Release != to.Release && !slices.Contains(h.taken, l.Release) {
				h.taken = append(h.taken, l.Release)
			}
		}
		h.stack = append(slices.Clone(h.stack[:at]), s)
	case 'P': // somebody promotes again what was taken back, and is newer than what runs
		if len(h.taken) == 0 || slices.Max(h.taken) < h.live().Release {
			return false
		}
		h.stack = append(h.stack, h.deploy(slices.Max(h.taken), h.edits, false))
	}
	return true
}

// Over all short histories of releases, edits of the config, rollbacks and promotions
// of what was taken back, the rules say what a stack says: what has the traffic, what
// is proven, what was taken back, where going back leads. And nothing that was taken
// back below goes on by itself.
func TestAllShortHistories(t *testing.T) {
	const longest = 8
	seen := 0
	var try func(done string)
	try = func(done string) {
		var h past
		for i := range len(done) {
			if !h.happens(done[i]) {
				return
			}
		}
		seen++
		now := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
		line := slipway.LineOf(h.stays)
		for release := 1; release <= h.newer; release++ {
			st := line.Standing("dev", release, now)
			taken := slices.Contains(h.taken, release)
			if (st.Taken != nil) != taken || st.Serves != (h.live().Release == release) || !st.Verified || st.Fault != "" {
				t.Fatalf("after %s release %d stands as %+v; taken back: %v, live: %d", done, release, st, h.taken, h.live().Release)
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
		if at := h.back(); ok != (at >= 0) || ok && !to.Same(h.stack[at]) {
			t.Fatalf("after %s going back leads to %d with %s (%v), and should to %d of %+v", done, to.Release, to.Config, ok, at, h.stack)
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
