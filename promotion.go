package slipway

// PromotionState is where a promotion stands.
type PromotionState string

const (
	PromotionQueued     PromotionState = "queued"
	PromotionWaiting    PromotionState = "waiting" // at a named gate
	PromotionRunning    PromotionState = "running"
	PromotionVerifying  PromotionState = "verifying"
	PromotionSucceeded  PromotionState = "succeeded"
	PromotionFailed     PromotionState = "failed"  // the release is bad
	PromotionErrored    PromotionState = "errored" // the platform could not find out
	PromotionRejected   PromotionState = "rejected"
	PromotionCancelled  PromotionState = "cancelled"
	PromotionSuperseded PromotionState = "superseded"
	PromotionExpired    PromotionState = "expired"
)

// PromotionStates lists them all, for enums.
var PromotionStates = []PromotionState{
	PromotionQueued, PromotionWaiting, PromotionRunning, PromotionVerifying, PromotionSucceeded, PromotionFailed,
	PromotionErrored, PromotionRejected, PromotionCancelled, PromotionSuperseded, PromotionExpired,
}

// Over tells whether nothing more will happen.
func (s PromotionState) Over() bool {
	switch s {
	case PromotionQueued, PromotionWaiting, PromotionRunning, PromotionVerifying:
		return false
	}
	return true
}

// StepName names a step of a promotion.
type StepName string

const (
	StepFetch     StepName = "fetch"     // the exact commit, exported
	StepBuild     StepName = "build"     // the artifact
	StepTest      StepName = "test"      // the service's own tests
	StepRender    StepName = "render"    // the config snapshot
	StepRehearse  StepName = "rehearse"  // the artifact once with the config, placeholders for its secrets, and no traffic
	StepApprove   StepName = "approve"   // a person's yes
	StepPreflight StepName = "preflight" // the same with the secrets, before anything is changed
	StepMigrate   StepName = "migrate"   // the release command
	StepDeploy    StepName = "deploy"    // new beside old, then the switch
	StepVerify    StepName = "verify"    // seen serving, from outside
)

// StepNames lists them in the order in which a promotion takes them.
var StepNames = []StepName{
	StepFetch, StepBuild, StepTest, StepRender, StepRehearse, StepApprove, StepPreflight, StepMigrate, StepDeploy, StepVerify,
}

// StepState is where a step stands.
type StepState string

const (
	StepPending   StepState = "pending"
	StepRunning   StepState = "running"
	StepSucceeded StepState = "succeeded"
	StepReused    StepState = "reused"  // done before, for this release
	StepSkipped   StepState = "skipped" // not needed here
	StepFailed    StepState = "failed"
	StepErrored   StepState = "errored"
	StepCancelled StepState = "cancelled"
)

// StepStates lists them all, for enums.
var StepStates = []StepState{
	StepPending, StepRunning, StepSucceeded, StepReused, StepSkipped, StepFailed, StepErrored, StepCancelled,
}

// PlannedStep is a step and what will be done about it.
type PlannedStep struct {
	Name   StepName  `json:"name"`
	State  StepState `json:"state"`            // pending, reused or skipped when planned
	Reason string    `json:"reason,omitempty"` // why it is reused or skipped
}

// PlanRequest is what a plan depends on.
type PlanRequest struct {
	Release  int         // 0 when it must be built first
	Built    bool        // the release's artifact exists
	Tests    TestVerdict // that it goes on with; "" when its tests have to run
	Rollback bool        // going back to a release that ran here before
	Today    bool        // a rollback with the config of today, which that release has not run with
	Secrets  bool        // the policy lets the rehearsal have the secrets
	Skip     StepName
	Why      string // Skip is left out: who wants that, and why
}

// SkippedByOwner is why a test step does nothing where the tests are switched off.
const SkippedByOwner = "its owner doesn't want the tests run"

// PlanSteps decides what a promotion does. A release that was built and tested
// is never built again: every environment runs the same artifact. A rollback
// runs no release command: migrations of a newer release stay.
func PlanSteps(r PlanRequest) []PlannedStep {
	step := func(n StepName) PlannedStep { return PlannedStep{Name: n, State: StepPending} }
	reused := func(n StepName) PlannedStep {
		return PlannedStep{Name: n, State: StepReused, Reason: "cached"}
	}
	steps := []PlannedStep{step(StepFetch), step(StepBuild), step(StepTest)}
	if r.Release > 0 && r.Built {
		steps[0], steps[1] = reused(StepFetch), reused(StepBuild)
		switch r.Tests {
		case TestsPassed:
			steps[2] = reused(StepTest)
		case TestsNone, TestsSkipped:
			steps[2] = reused(StepTest)
			steps[2].Reason = map[TestVerdict]string{TestsNone: "the release has no tests", TestsSkipped: SkippedByOwner}[r.Tests]
		}
	}
	rehearse, preflight, migrate := step(StepRehearse), step(StepPreflight), step(StepMigrate)
	if r.Secrets {
		preflight.State, preflight.Reason = StepSkipped, "the policy lets the rehearsal have the secrets"
	}
	steps = append(steps, step(StepRender))
	if r.Rollback && !r.Today {
		rehearse.State, rehearse.Reason = StepSkipped, "the release has run here before"
		preflight.State, preflight.Reason = rehearse.State, rehearse.Reason
	}
	if r.Rollback {
		migrate.State, migrate.Reason = StepSkipped, "a rollback runs no release command"
	}
	steps = append(steps, rehearse, step(StepApprove), preflight, migrate, step(StepDeploy), step(StepVerify))
	for i := range steps {
		left := steps[i].Name == r.Skip || steps[i].Name == StepPreflight && r.Skip == StepRehearse // it is the other half
		if left && steps[i].State == StepPending {
			steps[i].State, steps[i].Reason = StepSkipped, r.Why
		}
	}
	return steps
}

// NextStep returns the first step that is still to run, or ok=false when the
// plan is over: every step is done, or one of them ended badly.
func NextStep(steps []PlannedStep) (next StepName, ok bool) {
	for _, s := range steps {
		switch s.State {
		case StepPending, StepRunning:
			return s.Name, true
		case StepFailed, StepErrored, StepCancelled:
			return "", false
		}
	}
	return "", false
}

// MarkStep returns steps with one state changed; the input is left alone.
func MarkStep(steps []PlannedStep, name StepName, state StepState) []PlannedStep {
	out := append([]PlannedStep(nil), steps...)
	for i := range out {
		if out[i].Name == name {
			out[i].State = state
		}
	}
	return out
}

// EndState decides how a promotion ended from how its steps did.
func EndState(steps []PlannedStep) PromotionState {
	for _, s := range steps {
		switch s.State {
		case StepFailed:
			return PromotionFailed
		case StepErrored:
			return PromotionErrored
		case StepCancelled:
			return PromotionCancelled
		case StepPending, StepRunning:
			return PromotionRunning
		}
	}
	return PromotionSucceeded
}

// StepStateOf is the state of a step that ended with err.
func StepStateOf(err error) StepState {
	switch OutcomeOf(err) {
	case Succeeded:
		return StepSucceeded
	case Failed:
		return StepFailed
	}
	return StepErrored
}
