// Package modeltest says the rules of promotions once more, as plainly as can be: what
// stands in an environment is a stack, and who may say yes is a list of people. Tests
// hold the rules, and the running platform, against it.
package modeltest

import (
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway"
)

// Past is what happened in an environment: going back takes off what it leaves.
type Past struct {
	Stays []slipway.Stay
	Stack []slipway.Stay // what stands, the last one live
	Taken []int          // releases that were gone back from and not verified there since
	Newer int            // the newest release
	Edits int            // of the config
}

// Live is what has the traffic.
func (h *Past) Live() slipway.Stay {
	if len(h.Stack) == 0 {
		return slipway.Stay{}
	}
	return h.Stack[len(h.Stack)-1]
}

// Back is where going back leads: to the next below with another release or config.
func (h *Past) Back() (at int) {
	for at = len(h.Stack) - 2; at >= 0 && h.Stack[at].Same(h.Live()); at-- {
	}
	return at
}

func (h *Past) deploy(release, config int, rollback bool) slipway.Stay {
	now := time.Date(2026, 11, 30, 9, len(h.Stays), 0, 0, time.UTC)
	for i := range h.Stays {
		if h.Stays[i].Live {
			h.Stays[i].Live, h.Stays[i].Ended = false, now
		}
	}
	s := slipway.Stay{Promotion: len(h.Stays) + 1, Release: release, Config: slipway.Digest(fmt.Sprint("c", config)), Rollback: rollback, Began: now, VerifiedAt: now, Live: true, Verified: true, By: "ada"}
	h.Stays = append(h.Stays, s)
	h.Taken = slices.DeleteFunc(h.Taken, func(r int) bool { return r == release })
	return s
}

// Put has a release deployed with the config of now.
func (h *Past) Put(release int) { h.Stack = append(h.Stack, h.deploy(release, h.Edits, false)) }

// Happens plays one thing; false is that it can't happen now.
func (h *Past) Happens(what byte) bool {
	switch what {
	case 'N': // a new release
		h.Newer++
		h.Put(h.Newer)
	case 'C': // the config is edited, and what runs deployed with it
		if len(h.Stack) == 0 {
			return false
		}
		h.Edits++
		h.Put(h.Live().Release)
	case 'B': // somebody goes back
		at := h.Back()
		if at < 0 {
			return false
		}
		left, to := h.Stack[at+1:], h.Stack[at]
		var config int
		_, _ = fmt.Sscanf(string(to.Config), "c%d", &config)
		s := h.deploy(to.Release, config, true)
		for _, l := range left {
			if l.Release != to.Release && !slices.Contains(h.Taken, l.Release) {
				h.Taken = append(h.Taken, l.Release)
			}
		}
		h.Stack = append(slices.Clone(h.Stack[:at]), s)
	case 'P': // somebody promotes again what was taken back, and is newer than what runs
		if len(h.Taken) == 0 || slices.Max(h.Taken) < h.Live().Release {
			return false
		}
		h.Put(slices.Max(h.Taken))
	}
	return true
}
