package slipway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// GateKind names what a promotion can wait for.
type GateKind string

const (
	GateApproval     GateKind = "approval"
	GateFreeze       GateKind = "freeze" // a freeze, or outside every window
	GateSoak         GateKind = "soak"
	GateVerification GateKind = "verification" // it is not proven in the environment before, or was rolled back on the way
	GateCheck        GateKind = "check"        // a condition on the release; waiting doesn't meet it
	GateBundle       GateKind = "bundle"       // the other promotions of its bundle
	GateUnrecorded   GateKind = "unrecorded"   // something runs there that isn't on record; nothing but its end or its adoption opens it
)

// GateKinds lists them all, for enums.
var GateKinds = []GateKind{GateApproval, GateFreeze, GateSoak, GateVerification, GateCheck, GateBundle, GateUnrecorded}

// Verdict is what a person says to a promotion that waits.
type Verdict string

const (
	VerdictApprove    Verdict = "approve"
	VerdictReject     Verdict = "reject"
	VerdictExempt     Verdict = "exempt"      // from freezes and windows, and from what was rolled back on the way before it was said, with a reason
	VerdictBreakGlass Verdict = "break_glass" // every gate opens; by an admin, with a reason
)

// Verdicts lists them all, for enums.
var Verdicts = []Verdict{VerdictApprove, VerdictReject, VerdictExempt, VerdictBreakGlass}

// Decision is a person's answer to a promotion. It holds for the plan that the
// person saw, and for no other.
type Decision struct {
	Promotion string    `json:"promotion"`
	Account   int       `json:"account"`
	Name      string    `json:"name"`
	Verdict   Verdict   `json:"verdict"`
	Comment   string    `json:"comment,omitempty"`
	Plan      Digest    `json:"plan"`
	Via       string    `json:"via,omitempty"`
	Factor    string    `json:"factor,omitempty"` // the second one of the session that it was said in; "" for none
	Own       bool      `json:"own,omitempty"`    // of somebody whose own change it is
	Lapsed    string    `json:"lapsed,omitempty"` // why it doesn't count now: who said it may not say it any more
	At        time.Time `json:"at"`
	Seal      string    `json:"seal,omitempty"` // the platform's, while it is on its way to the record
}

// Wait is a closed gate: what a promotion waits for, since when, until when at
// the latest, and on whom.
type Wait struct {
	Gate   GateKind  `json:"gate"`
	Reason string    `json:"reason"`       // one sentence
	Since  time.Time `json:"since"`        //
	Until  time.Time `json:"until"`        // when it opens by itself, or else when the promotion is given up
	Opens  bool      `json:"opens"`        // Until is when it opens by itself
	On     []string  `json:"on,omitempty"` // people who could open it
}

// GateFacts is what the gates look at.
type GateFacts struct {
	Now, Asked  time.Time
	Plan        PromotionPlan
	Decisions   []Decision  // of this promotion, void ones left out
	Approvers   []string    // people who may approve
	New         []string    // people who could but for being too new to it
	AuthorsWhy  string      // why it can't be told who wrote it, where the policy asks that; nobody's yes counts until then
	Seconded    bool        // who asked to go back has a lesser role than the policy names, and needs somebody's yes
	Anew        bool        // going back brings a config that the release has not run with there, or a newer release than runs
	Previous    string      // the environment before, "" for none
	Before      Standing    // of the release, there
	Then        Standing    // of the release in the environment that was the one before when it was asked for; its Environment is "" where that is the same
	Off         string      // the service's path in words, where the environment isn't on it any more; "" where it is
	Taken       []Taken     // where on the way here the release was gone back from
	Automatic   bool        // nobody has asked for it
	NamedOver   int         // the newer release that ran here when somebody named this one to run in its place; 0 for none
	Unrecorded  string      // what runs there and isn't on record, and what to do; "" for nothing
	Held        string      // why automatic promotion is held here; "" when it isn't
	Tests       TestVerdict // that the release stands with; "" when they have to run, or did not
	Passed      int         // how many of its tests have passed, as far as they are counted
	Locked      bool        // its dependencies are
	ReleasedAt  time.Time   // when the release was made
	Freezes     []Frozen    // in force now
	WaitedSince map[GateKind]time.Time
	Promotion   string // its id; "" for a dry run
	Bundle      Bundle // that it belongs to, itself included; nil for none
	BundleID    int    // by which that is known
}

// Frozen is a freeze in force.
type Frozen struct {
	Reason string
	Until  time.Time
	By     string
}

// Expires is when a promotion that still waits is given up.
func (f GateFacts) Expires() time.Time {
	return f.Asked.Add(seconds(f.Plan.Policy.Defaults().ExpiresAfter))
}

// Rejected tells who said no, and why.
func (f GateFacts) Rejected() (Decision, bool) {
	i := slices.IndexFunc(f.Decisions, func(d Decision) bool { return d.Verdict == VerdictReject })
	if i < 0 {
		return Decision{}, false
	}
	return f.Decisions[i], true
}

// Gates returns the closed gates of a promotion, none when it may go on. A
// rollback passes all of them but its own approvals: going back must not wait
// for what made it necessary. One that brings another config than the release ran
// with, or goes on to a newer release that was gone back from, is a change as any
// other, of a release that has passed there.
func (f GateFacts) Gates() []Wait {
	var waits []Wait
	expires := f.Expires()
	add := func(w Wait) {
		if w.Until.IsZero() {
			w.Until = expires
		}
		w.Since = f.Asked
		if since := f.WaitedSince[w.Gate]; !since.IsZero() {
			w.Since = since
		} else if f.Now.After(f.Asked) {
			w.Since = f.Now
		}
		waits = append(waits, w)
	}
	if f.Unrecorded != "" {
		add(Wait{Gate: GateUnrecorded, Reason: f.Unrecorded})
	}
	if f.said(VerdictBreakGlass, f.takenAt()) {
		return waits
	}
	f.approval(add)
	if f.Plan.Rollback && !f.Anew {
		return waits
	}
	if !f.Plan.Rollback {
		f.taken(add)
		f.before(add)
		f.release(add)
	}
	if !f.said(VerdictExempt, time.Time{}) {
		f.times(add)
	}
	if why := f.Bundle.Keeps(f.Promotion, len(waits) == 0); why != "" {
		add(Wait{Gate: GateBundle, Reason: why})
	}
	return waits
}

// OnlyBundle tells whether nothing but the bundle keeps a promotion.
func OnlyBundle(waits []Wait) bool {
	return !slices.ContainsFunc(waits, func(w Wait) bool { return w.Gate != GateBundle })
}

// said tells whether somebody said something to this very plan, who may say so
// now, and after something else.
func (f GateFacts) said(v Verdict, after time.Time) bool {
	hash := f.Plan.Hash()
	return slices.ContainsFunc(f.Decisions, func(d Decision) bool {
		return d.Verdict == v && d.Plan == hash && d.Lapsed == "" && (after.IsZero() || d.At.After(after))
	})
}

// approval counts the people who said yes to this very plan, and may say so now.
func (f GateFacts) approval(add func(Wait)) {
	need := f.Plan.Policy.Approvals
	if f.Plan.Rollback {
		need = f.Plan.Policy.RollbackApprovals
		if f.Anew {
			need = max(need, f.Plan.Policy.Approvals)
		}
		if f.Seconded {
			need = max(need, 1)
		}
	}
	hash, yes, lapsed := f.Plan.Hash(), map[int]string{}, ""
	for _, d := range f.Decisions {
		switch {
		case d.Verdict != VerdictApprove || d.Plan != hash:
		case d.Lapsed != "":
			lapsed += fmt.Sprintf("; %s's doesn't count now: %s", d.Name, d.Lapsed)
		default:
			yes[d.Account] = d.Name
		}
	}
	if len(yes) >= need && (need == 0 || f.AuthorsWhy == "") {
		return
	}
	w := Wait{Gate: GateApproval, Reason: fmt.Sprintf("%d of %d approvals", len(yes), need)}
	if f.Plan.Policy.SecondFactor == SecondFactorRequired {
		w.Reason += " with a second factor"
	}
	w.Reason += lapsed
	if f.AuthorsWhy != "" {
		w.Reason += "; who wrote the commits can't be told, and so not whose own change it is: " + f.AuthorsWhy + " (the repository is asked again every minute)"
	}
	for _, name := range f.Approvers {
		if !slices.ContainsFunc(f.Decisions, func(d Decision) bool { return d.Name == name && yes[d.Account] != "" }) {
			w.On = append(w.On, name)
		}
	}
	if len(w.On) == 0 {
		if len(f.New) > 0 {
			w.Reason += "; " + strings.Join(f.New, ", ") + " may not, as younger than the request, or one by invitations with whose change it is (the policy's new_approvers)"
		}
		w.Reason += "; nobody else may approve, so name approvers for " + f.Plan.Environment + " or ask an admin to break the glass"
	}
	add(w)
}

// release looks at conditions on the release itself.
func (f GateFacts) release(add func(Wait)) {
	p := f.Plan.Policy
	if p.LockRequired && !f.Locked {
		add(Wait{Gate: GateCheck, Reason: fmt.Sprintf("%s takes releases with locked dependencies only; commit a lock file and promote that commit", f.Plan.Environment)})
	}
	if why := f.untested(); why != "" {
		add(Wait{Gate: GateCheck, Reason: why})
	}
	if age := f.Now.Sub(f.ReleasedAt); p.MaxAge > 0 && !f.ReleasedAt.IsZero() && age > seconds(p.MaxAge) {
		add(Wait{Gate: GateCheck, Reason: fmt.Sprintf("release %d was made %s ago, and %s takes none older than %s; build its commit again",
			f.Plan.Release, age.Round(time.Minute), f.Plan.Environment, seconds(p.MaxAge))})
	}
}

// untested says why a release doesn't have the tests that the policy asks for, and
// what to do. Tests that are still to run in this promotion let it go on to them.
func (f GateFacts) untested() string {
	if !f.Plan.Policy.RequireTests || f.Tests == TestsPassed && f.Passed > 0 || f.Tests == "" && slices.Contains(f.Plan.Steps, StepTest) {
		return ""
	}
	takes := fmt.Sprintf("%s takes releases whose tests have passed only; ", f.Plan.Environment)
	switch f.Tests {
	case TestsPassed:
		return takes + "this one's command reported none that has: let test.command in slipway.yaml run pytest or unittest itself, and promote that commit"
	case TestsSkipped:
		return takes + "this one's were switched off: take test.skip out of slipway.yaml, or out of what the service overrides, and promote that commit"
	case TestsNone:
		return takes + "this one has none: add some, or say by test.command in slipway.yaml how they are run, and promote that commit"
	}
	return takes + "this one's were left out, or did not pass: promote its commit again, with its tests"
}

// times looks at freezes and windows.
func (f GateFacts) times(add func(Wait)) {
	for _, z := range f.Freezes {
		add(Wait{Gate: GateFreeze, Reason: "frozen: " + z.Reason, Until: z.Until, Opens: true, On: list(z.By)})
	}
	if len(f.Plan.Policy.Windows) == 0 {
		return
	}
	var opens time.Time
	var said []string
	for _, w := range f.Plan.Policy.Windows {
		inside, until := w.At(f.Now)
		if inside {
			return
		}
		if opens.IsZero() || until.Before(opens) {
			opens = until
		}
		said = append(said, w.String())
	}
	add(Wait{Gate: GateFreeze, Until: opens, Opens: true, Reason: f.Plan.Environment + " changes only " + strings.Join(said, " or ")})
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// Review is what a Gatekeeper found.
type Review struct {
	State    PromotionState // waiting; running when every gate is open; or an end: rejected, expired, superseded
	Reason   string         // what it waits for, or why it ended
	Plan     Digest         // hash of the plan as it stands now
	Config   Digest         // of the snapshot in that plan
	Waited   bool           // some gate was closed, now or earlier
	Strategy Strategy       // how it takes over
	Bake     int            `json:",omitzero"` // seconds that the edge's figures are watched afterwards
	Ready    bool           `json:",omitzero"` // nothing but its bundle keeps it
	Again    time.Time      // when to look again at the latest, while it waits
	Expires  time.Time      `json:",omitzero"` // when it is given up if it still waits
}

// ReviewRequest is what has become known of a promotion when its gates are
// looked at.
type ReviewRequest struct {
	Promotion string
	Release   int
	Artifact  Digest
	Config    Digest // that was rendered last
}

// Gatekeeper says what a promotion waits for. Both methods may be repeated.
type Gatekeeper interface {
	// Review works out the plan as it stands now, makes void what was said to
	// another plan, and records what the promotion waits for. It is asked right
	// before the first effect, when somebody has decided, when something that the
	// gates look at has changed, and at the time that it named itself.
	Review(ctx context.Context, req ReviewRequest) (Review, error)
	// Decide records what a person said. Denied, when that person may not or the
	// platform hasn't sealed it, and
	// Conflict, when the plan has moved or the person has spoken before, change
	// nothing.
	Decide(ctx context.Context, d Decision) error
}
