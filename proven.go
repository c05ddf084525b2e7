package slipway

import (
	"fmt"
	"slices"
	"time"
)

// goneBack is where the release was gone back from: on the way here, and in the
// environment that was before when it was asked for, which may have left that way.
func (f GateFacts) goneBack() []Taken {
	then := f.Then.Taken
	if then == nil || slices.ContainsFunc(f.Taken, func(t Taken) bool { return t.Environment == then.Environment }) {
		return f.Taken
	}
	return append(slices.Clone(f.Taken), *then)
}

// takenAt is when the release was last gone back from on the way here.
func (f GateFacts) takenAt() (last time.Time) {
	for _, t := range f.goneBack() {
		if t.At.After(last) {
			last = t.At
		}
	}
	if f.Plan.Rollback {
		return time.Time{}
	}
	return last
}

// overtakes tells whether the release would take the place of a newer one, without
// that somebody who saw that one has named this one.
func (f GateFacts) overtakes() bool {
	n := f.Plan.ReplacesNumber
	return !f.Plan.Rollback && f.Plan.Release != 0 && n > f.Plan.Release && n != f.NamedOver
}

// Ends says how a promotion ends instead of waiting: because a newer release has
// come before it, or it leads where the releases of its service don't go any more;
// and one that nobody has asked for because what it began with is no longer so, and
// it must not keep what comes next from going on. The state is "" for one that
// doesn't.
func (f GateFacts) Ends() (PromotionState, string) {
	if f.overtakes() { // no glass that is broken leads past it either
		p := f.Plan
		return PromotionSuperseded, fmt.Sprintf("release %d runs in %s, and release %d is older and doesn't overtake it; if that is what you want, go back: slipway rollback %s --env %s --to %d, or name it where it never ran: slipway promote %s --to %s --release %d",
			p.ReplacesNumber, p.Environment, p.Release, p.Service, p.Environment, p.Release, p.Service, p.Environment, p.Release)
	}
	if f.Off != "" && !f.Plan.Rollback { // no glass that is broken leads there either
		return PromotionCancelled, fmt.Sprintf("%s is no longer on the path of %s, which is %s, so nothing is promoted there; what runs there goes on running, and can be rolled back", f.Plan.Environment, f.Plan.Service, f.Off)
	}
	if !f.Automatic || f.Plan.Rollback || f.said(VerdictBreakGlass, f.takenAt()) {
		return "", ""
	}
	p, gone := f.Plan, f.goneBack()
	switch {
	case f.Held != "":
		return PromotionCancelled, fmt.Sprintf("automatic promotion into %s is held: %s; promote by hand what is to run there, or let it go on: slipway hold release %s --env %s", p.Environment, f.Held, p.Service, p.Environment)
	case len(gone) > 0 && !f.said(VerdictExempt, f.takenAt()):
		return PromotionCancelled, fmt.Sprintf("release %d was %s; so it goes no further by itself", p.Release, gone[0])
	case f.Previous != "" && f.outrun(f.Before):
		return PromotionSuperseded, f.took(f.Previous, f.Before)
	case f.Then.Environment != "" && f.outrun(f.Then):
		return PromotionSuperseded, f.took(f.Then.Environment, f.Then)
	}
	return "", ""
}

// outrun says that a newer release took over where this one had not served for long
// enough yet, so that waiting doesn't help.
func (f GateFacts) outrun(b Standing) bool {
	return b.Verified && b.Fault == "" && !b.Serves && b.Instead > f.Plan.Release && b.Stood < seconds(f.Plan.Policy.Soak)
}

func (f GateFacts) took(where string, b Standing) string {
	return fmt.Sprintf("release %d took over in %s before release %d had served there for %s", b.Instead, where, f.Plan.Release, seconds(f.Plan.Policy.Soak))
}

// taken looks at every environment on the way here. What was gone back from goes
// on when somebody who knows that says so, with a reason.
func (f GateFacts) taken(add func(Wait)) {
	for _, t := range f.goneBack() {
		if !f.said(VerdictExempt, t.At) {
			add(Wait{Gate: GateVerification, Reason: fmt.Sprintf("%s; verify release %d there again, or let an admin of the service's team exempt this promotion, with a reason", t, f.Plan.Release)})
		}
	}
}

// before looks at the environment before: whether the release is proven there now.
// What was asked for when another one was before it waits for that one as well: a
// way that is made shorter meanwhile opens nothing.
func (f GateFacts) before(add func(Wait)) {
	if f.Previous != "" {
		f.provenIn(add, f.Previous, f.Before, "")
	}
	if f.Then.Environment != "" {
		f.provenIn(add, f.Then.Environment, f.Then, ", which was the environment before when this was asked for; to go by the way of today, cancel it and ask again")
	}
}

func (f GateFacts) provenIn(add func(Wait), where string, b Standing, more string) {
	p, n := f.Plan.Policy, f.Plan.Release
	if b.Taken != nil || p.SkipsAllowed && p.Soak == 0 {
		return
	}
	soak := seconds(p.Soak)
	switch {
	case b.Fault != "":
		add(Wait{Gate: GateVerification, Reason: fmt.Sprintf("release %d is not proven in %s: it %s", n, where, b.Fault) + more})
	case !b.Verified:
		add(Wait{Gate: GateVerification, Reason: fmt.Sprintf("release %d has not been verified in %s", n, where) + more})
	case b.Stood < soak && b.Serves:
		add(Wait{Gate: GateSoak, Until: f.Now.Add(soak - b.Stood), Opens: true,
			Reason: fmt.Sprintf("release %d must have served in %s for %s, verified", n, where, soak) + more})
	case b.Stood < soak:
		instead := "nothing runs there now"
		if b.Instead != 0 {
			instead = fmt.Sprintf("release %d runs there now", b.Instead)
		}
		add(Wait{Gate: GateSoak, Reason: fmt.Sprintf("release %d must have served in %s for %s, verified, and has for %s; %s, so waiting doesn't help: promote that one instead",
			n, where, soak, b.Stood.Round(time.Second), instead) + more})
	}
}
