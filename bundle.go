package slipway

import (
	"fmt"
	"slices"
	"strings"
)

// BundleMember is a promotion of a bundle, and how far it is.
type BundleMember struct {
	Promotion string
	Service   string
	State     PromotionState
	Reason    string // how it ended
	Ready     bool   // nothing but the bundle keeps it from changing something
	Passed    bool   // its gates are behind it
}

// Bundle are promotions of several services into one environment that belong
// together, in the order in which they take over. None changes anything before
// all of them are ready, and each one waits until the one before it has
// succeeded.
type Bundle []BundleMember

// Broken finds a member whose end means that the bundle can't be completed.
func (b Bundle) Broken() (BundleMember, bool) {
	i := slices.IndexFunc(b, func(m BundleMember) bool { return m.State.Over() && m.State != PromotionSucceeded })
	if i < 0 {
		return BundleMember{}, false
	}
	return b[i], true
}

// Keeps says what a member waits for in its bundle, "" when it may go on. ready
// tells whether anything else keeps it.
func (b Bundle) Keeps(promotion string, ready bool) string {
	var missing []string
	before := ""
	for _, m := range b {
		if m.Promotion == promotion {
			break
		}
		if m.State != PromotionSucceeded {
			before = m.Service // the nearest one
		}
	}
	for _, m := range b {
		if m.Promotion != promotion && !m.Ready && !m.Passed {
			missing = append(missing, m.Service)
		}
	}
	switch {
	case len(missing) > 0:
		return fmt.Sprintf("none of the bundle takes over before all are ready; not yet: %s", strings.Join(missing, ", "))
	case !ready:
		return "" // what keeps it is said already
	case before != "":
		return before + " takes over first"
	}
	return ""
}
