package slipway

import (
	"slices"
	"strings"
	"time"
)

// OwnChanges says whether those whose own change a promotion is may approve it:
// who asked, who wrote or committed any of it, and who made what asked.
type OwnChanges string

const (
	OwnNever  OwnChanges = "never"
	OwnAlone  OwnChanges = "alone" // only where nobody else could
	OwnAlways OwnChanges = "always"
)

// Advance is how a release gets into an environment.
type Advance string

const (
	AdvanceByHand Advance = "by_hand"
	AdvanceAfter  Advance = "after" // by itself, once it has succeeded in the environment before
	AdvancePush   Advance = "push"  // by itself, when its branch moves
)

// Concurrency is what becomes of a promotion that is asked for while another
// one of the same service into the same environment is under way.
type Concurrency string

const (
	ConcurrencyRefuse    Concurrency = "refuse"
	ConcurrencyQueue     Concurrency = "queue"     // one after the other, in the order in which they were asked for
	ConcurrencySupersede Concurrency = "supersede" // those that still wait make way
)

// Rehearsal says what a rehearsal, which runs code that nobody has said yes to, has
// in the place of an environment's secrets.
type Rehearsal string

const (
	RehearsePlaceholders Rehearsal = "placeholders" // values of the same shape
	RehearseSecrets      Rehearsal = "secrets"      // the secrets themselves
)

// SecondFactor says whether who opens a gate shows a second factor.
type SecondFactor string

// SecondFactorRequired is the only value besides "", which asks for none.
const SecondFactorRequired SecondFactor = "required"

// Policy is what an environment asks of promotions. Its zero value asks for
// nothing. Durations are in seconds.
type Policy struct {
	Approvals         int          `json:"approvals"`              // how many people must say yes
	Approvers         []string     `json:"approvers"`              // names of people, and team:NAME; none means maintainers of the service's team
	OwnChanges        OwnChanges   `json:"own_changes"`            // "" means alone
	NewApprovers      bool         `json:"new_approvers,omitzero"` // also who is younger than the request, or invited by whose change it is
	SecondFactor      SecondFactor `json:"second_factor,omitzero"` // what opens a gate is said in a session that showed one
	RollbackApprovals int          `json:"rollback_approvals"`     // how many people must say yes to going back
	RollbackRole      Role         `json:"rollback_role,omitzero"` // who has a lesser one in the service's team needs somebody's yes; "" means maintainer
	ExpiresAfter      int          `json:"expires_after"`          // a promotion that waits longer is given up; 0 means seven days
	RemindAfter       int          `json:"remind_after"`           // who could approve is told again; 0 means a day
	Soak              int          `json:"soak"`                   // how long the release must have served, verified, in the environment before
	Windows           []Window     `json:"windows"`                // promotions begin within one of them only; none means always
	LockRequired      bool         `json:"lock_required"`          // its dependencies are locked
	RequireTests      bool         `json:"require_tests,omitzero"` // its tests were run and passed; having none, or not wanting them run, won't do
	MaxAge            int          `json:"max_age"`                // of the release; 0 means any
	SkipsAllowed      bool         `json:"skips_allowed"`          // the environments before may be left out
	Advance           Advance      `json:"advance"`                // "" means by_hand
	Branch            string       `json:"branch"`                 // of push; "" means the service's
	Concurrency       Concurrency  `json:"concurrency"`            // "" means refuse
	Strategy          Strategy     `json:"strategy,omitzero"`      // how a release takes over
	Bake              int          `json:"bake,omitzero"`          // how long the edge's figures are watched before success is said
	KeepReleases      int          `json:"keep_releases,omitzero"` // that were verified here and stay ready for going back; 0 means five
	MaySkip           []StepName   `json:"may_skip,omitempty"`     // steps that may be left out, with a reason, when a promotion is tried again
	Rehearse          Rehearsal    `json:"rehearse,omitzero"`      // what code sees before the gates; "" means placeholders
}

// DefaultKeptReleases is how many releases an environment keeps ready for going
// back unless its policy says otherwise.
const DefaultKeptReleases = 5

// SkippableSteps are the steps that a policy may let people leave out. The others
// are what a promotion is: without them there is no artifact, no config, nothing
// that was seen serving.
var SkippableSteps = []StepName{StepTest, StepRehearse}

// PolicyChange says what to change of a policy; nil leaves a field as it is.
type PolicyChange struct {
	Approvals         *int          `json:"approvals,omitempty"`
	Approvers         *[]string     `json:"approvers,omitempty"`
	OwnChanges        *OwnChanges   `json:"own_changes,omitempty"`
	NewApprovers      *bool         `json:"new_approvers,omitempty"`
	SecondFactor      *SecondFactor `json:"second_factor,omitempty"`
	RollbackApprovals *int          `json:"rollback_approvals,omitempty"`
	RollbackRole      *Role         `json:"rollback_role,omitempty"`
	ExpiresAfter      *int          `json:"expires_after,omitempty"`
	RemindAfter       *int          `json:"remind_after,omitempty"`
	Soak              *int          `json:"soak,omitempty"`
	Windows           *[]Window     `json:"windows,omitempty"`
	LockRequired      *bool         `json:"lock_required,omitempty"`
	RequireTests      *bool         `json:"require_tests,omitempty"`
	MaxAge            *int          `json:"max_age,omitempty"`
	SkipsAllowed      *bool         `json:"skips_allowed,omitempty"`
	Advance           *Advance      `json:"advance,omitempty"`
	Branch            *string       `json:"branch,omitempty"`
	Concurrency       *Concurrency  `json:"concurrency,omitempty"`
	Strategy          *Strategy     `json:"strategy,omitempty"`
	Bake              *int          `json:"bake,omitempty"`
	KeepReleases      *int          `json:"keep_releases,omitempty"`
	MaySkip           *[]StepName   `json:"may_skip,omitempty"`
	Rehearse          *Rehearsal    `json:"rehearse,omitempty"`
}

// With returns the policy with a change laid over it.
func (p Policy) With(c PolicyChange) Policy {
	lay(&p.Approvals, c.Approvals)
	lay(&p.Approvers, c.Approvers)
	lay(&p.OwnChanges, c.OwnChanges)
	lay(&p.NewApprovers, c.NewApprovers)
	lay(&p.SecondFactor, c.SecondFactor)
	lay(&p.RollbackApprovals, c.RollbackApprovals)
	lay(&p.RollbackRole, c.RollbackRole)
	lay(&p.ExpiresAfter, c.ExpiresAfter)
	lay(&p.RemindAfter, c.RemindAfter)
	lay(&p.Soak, c.Soak)
	lay(&p.Windows, c.Windows)
	lay(&p.LockRequired, c.LockRequired)
	lay(&p.RequireTests, c.RequireTests)
	lay(&p.MaxAge, c.MaxAge)
	lay(&p.SkipsAllowed, c.SkipsAllowed)
	lay(&p.Advance, c.Advance)
	lay(&p.Branch, c.Branch)
	lay(&p.Concurrency, c.Concurrency)
	lay(&p.Strategy, c.Strategy)
	lay(&p.Bake, c.Bake)
	lay(&p.KeepReleases, c.KeepReleases)
	lay(&p.MaySkip, c.MaySkip)
	lay(&p.Rehearse, c.Rehearse)
	return p
}

// Over returns the change with another one laid over it.
func (c PolicyChange) Over(n PolicyChange) PolicyChange {
	prefer(&c.Approvals, n.Approvals)
	prefer(&c.Approvers, n.Approvers)
	prefer(&c.OwnChanges, n.OwnChanges)
	prefer(&c.NewApprovers, n.NewApprovers)
	prefer(&c.SecondFactor, n.SecondFactor)
	prefer(&c.RollbackApprovals, n.RollbackApprovals)
	prefer(&c.RollbackRole, n.RollbackRole)
	prefer(&c.ExpiresAfter, n.ExpiresAfter)
	prefer(&c.RemindAfter, n.RemindAfter)
	prefer(&c.Soak, n.Soak)
	prefer(&c.Windows, n.Windows)
	prefer(&c.LockRequired, n.LockRequired)
	prefer(&c.RequireTests, n.RequireTests)
	prefer(&c.MaxAge, n.MaxAge)
	prefer(&c.SkipsAllowed, n.SkipsAllowed)
	prefer(&c.Advance, n.Advance)
	prefer(&c.Branch, n.Branch)
	prefer(&c.Concurrency, n.Concurrency)
	prefer(&c.Strategy, n.Strategy)
	prefer(&c.Bake, n.Bake)
	prefer(&c.KeepReleases, n.KeepReleases)
	prefer(&c.MaySkip, n.MaySkip)
	prefer(&c.Rehearse, n.Rehearse)
	return c
}

func lay[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func prefer[T any](field **T, value *T) {
	if value != nil {
		*field = value
	}
}

// Defaults fills in what an empty field means.
func (p Policy) Defaults() Policy {
	if p.Approvers == nil {
		p.Approvers = []string{}
	}
	if p.Windows == nil {
		p.Windows = []Window{}
	}
	if p.OwnChanges == "" {
		p.OwnChanges = OwnAlone
	}
	if p.RollbackRole == "" {
		p.RollbackRole = RoleMaintainer
	}
	if p.Advance == "" {
		p.Advance = AdvanceByHand
	}
	if p.Concurrency == "" {
		p.Concurrency = ConcurrencyRefuse
	}
	if p.Rehearse == "" {
		p.Rehearse = RehearsePlaceholders
	}
	if p.ExpiresAfter == 0 {
		p.ExpiresAfter = 7 * 24 * 60 * 60
	}
	if p.RemindAfter == 0 {
		p.RemindAfter = 24 * 60 * 60
	}
	return p
}

// year bounds every duration of a policy.
const year = 366 * 24 * 60 * 60

// Validate names the field at fault. Whether the approvers exist is not asked here.
func (p Policy) Validate() error {
	for _, n := range []struct {
		field      string
		value, max int
	}{
		{"approvals", p.Approvals, 10}, {"rollback_approvals", p.RollbackApprovals, 10}, {"soak", p.Soak, year}, {"max_age", p.MaxAge, 10 * year},
		{"expires_after", p.ExpiresAfter, year}, {"remind_after", p.RemindAfter, year}, {"windows", len(p.Windows), 20}, {"approvers", len(p.Approvers), 50},
		{"bake", p.Bake, 24 * 60 * 60}, {"keep_releases", p.KeepReleases, 1000},
	} {
		if n.value < 0 || n.value > n.max {
			return Errorf(Invalid, "%s of %d is not between 0 and %d", n.field, n.value, n.max).At(n.field)
		}
	}
	for _, name := range p.Approvers {
		if err := CheckName("approvers", strings.TrimPrefix(name, "team:")); err != nil {
			return err
		}
	}
	for _, w := range p.Windows {
		if err := w.Validate("windows"); err != nil {
			return err
		}
	}
	if p.Branch != "" {
		if err := CheckRef("branch", p.Branch); err != nil {
			return err
		}
	}
	if err := p.Strategy.Validate(); err != nil {
		return err
	}
	for _, name := range p.MaySkip {
		if !slices.Contains(SkippableSteps, name) {
			return Errorf(Invalid, "%q is not a step that may be left out: say test or rehearse", printable(string(name))).At("may_skip")
		}
	}
	switch p.Rehearse {
	case "", RehearsePlaceholders, RehearseSecrets:
	default:
		return Errorf(Invalid, "%q is not one of placeholders and secrets", printable(string(p.Rehearse))).At("rehearse")
	}
	if p.SecondFactor != "" && p.SecondFactor != SecondFactorRequired {
		return Errorf(Invalid, "%q is neither required nor empty, for none", printable(string(p.SecondFactor))).At("second_factor")
	}
	switch p.OwnChanges {
	case "", OwnNever, OwnAlone, OwnAlways:
	default:
		return Errorf(Invalid, "%q is not one of never, alone and always", printable(string(p.OwnChanges))).At("own_changes")
	}
	switch p.RollbackRole {
	case "", RoleDeveloper, RoleMaintainer, RoleAdmin:
	default:
		return Errorf(Invalid, "%q is not one of developer, maintainer and admin", printable(string(p.RollbackRole))).At("rollback_role")
	}
	switch p.Advance {
	case "", AdvanceByHand, AdvanceAfter, AdvancePush:
	default:
		return Errorf(Invalid, "%q is not one of by_hand, after and push", printable(string(p.Advance))).At("advance")
	}
	switch p.Concurrency {
	case "", ConcurrencyRefuse, ConcurrencyQueue, ConcurrencySupersede:
	default:
		return Errorf(Invalid, "%q is not one of refuse, queue and supersede", printable(string(p.Concurrency))).At("concurrency")
	}
	return nil
}

// Heeded refuses what a change sets and nothing would look at: the branch of pushes
// where none promote, and how a release is judged where none is. What was so before
// may stay.
func (p Policy) Heeded(before Policy) error {
	if p.Branch != "" && p.Branch != before.Branch && p.Advance != AdvancePush {
		return Errorf(Invalid, "branch %q says whose pushes come in by themselves, and none do; set advance to push as well", printable(p.Branch)).At("branch")
	}
	if j := p.Strategy.Judge; j != (Judge{}) && j.Defaults() != before.Strategy.Judge.Defaults() && p.Strategy.Kind != Canary && p.Bake == 0 {
		return Errorf(Invalid, "min_requests, max_failure_rate and max_latency judge a canary, and what is watched after the switch; set the strategy to canary or a time to bake as well").At("strategy")
	}
	return nil
}

// WholeSeconds is a duration as policies hold it. A part of a second would be lost
// without a word, and 0 often means something else than a short time.
func WholeSeconds(field string, d time.Duration) (int, error) {
	if d < 0 || d%time.Second != 0 {
		return 0, Errorf(Invalid, "%s of %s is not in whole seconds", field, d).At(field)
	}
	return int(d / time.Second), nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
