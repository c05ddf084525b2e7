// Package workflows is the durable part: a promotion is a Temporal workflow
// whose steps are activities over the ports. It survives anything that its
// history survives.
package workflows

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway"
)

// Input is what a promotion does, frozen when it starts: later edits to the
// service's settings don't change a promotion under way. It holds ids, digests
// and references only.
type Input struct {
	Promotion   string // its id, which makes every step idempotent
	Fence       int64  // grows with every promotion
	Service     string
	Environment string
	Repository  slipway.Repository
	Commit      slipway.Commit
	Release     int            // 0: to be built
	Artifact    slipway.Digest // of Release
	Snapshot    slipway.Digest // set by a rollback: the config it ran with
	Steps       []slipway.PlannedStep
	Queued      bool              // it may wait until the one before it in the environment is over
	Strategy    slipway.Strategy  `json:",omitzero"` // how the release takes over; the gates say it
	Advance     bool              // afterwards the next environment may take the release by itself
	Bundle      int               `json:",omitzero"` // that it belongs to
	Role        slipway.Role      `json:",omitzero"` // of who asked, in the service's team
	Bake        int               `json:",omitzero"` // seconds that the edge's figures are watched; the gates say it
	Team        int               `json:",omitzero"` // that owns the service, and whose turn a build is
	Overrides   slipway.Overrides `json:",omitzero"` // of the release that is to be built
	Secrets     bool              `json:",omitzero"` // the policy lets the rehearsal have them
	Before      string            `json:",omitzero"` // the environment before, when it was asked for
	NamedOver   *int              // the newer release that ran there when somebody named this one to run instead; nil where it was asked by a version that didn't say
	Withheld    bool              `json:",omitzero"` // the rehearsal has not seen all that the service has
	Together    bool              `json:",omitzero"` // steps are carried out together; not in a promotion that an earlier version began
}

// Output is how a promotion ended.
type Output struct {
	State   slipway.PromotionState
	Step    slipway.StepName // where it ended, when it ended badly
	Reason  string
	Release int
}

// WorkflowID makes one promotion at a time for a service in an environment the
// engine's job.
func WorkflowID(service, environment string) string {
	return "promotion/" + service + "/" + environment
}

const (
	// Queue takes the quick steps and the workflows.
	Queue = "slipway"
	// BuildQueue takes builds and tests, of which few run at once.
	BuildQueue = "slipway-builds"
	// DeliveryQueue takes messages to webhooks: receivers that don't answer hold
	// up each other, and nothing else.
	DeliveryQueue = "slipway-deliveries"

	cancelUpdate    = "cancel"
	decideUpdate    = "decide"
	supersedeUpdate = "supersede"
	lookSignal      = "look" // something that gates look at has changed
	nextSignal      = "next" // another promotion is queued
	stateQuery      = "state"
)

// promotion is the state of one run.
type promotion struct {
	Input
	stop      workflow.CancelFunc
	cancelled bool
	deployed  bool
	reason    string
	abortedBy string // and why
	failedAt  slipway.StepName
	gates
	canary
	heard
}

// Promotion runs the planned steps one after the other until they are done or
// one ends badly, undoes what must not stay, and records the end.
func Promotion(ctx workflow.Context, in Input) (Output, error) {
	p := &promotion{Input: in}
	if err := in.validate(); err != nil {
		return p.refuse(ctx, err)
	}
	steps, err := p.listen(ctx)
	if err != nil {
		return Output{}, err
	}
	for {
		step, ok := slipway.NextStep(p.Steps)
		if !ok {
			break
		}
		if run := p.together(step); len(run) > 0 {
			p.carry(steps, run)
			continue
		}
		p.mark(step, slipway.StepRunning)
		p.mark(step, p.end(step, p.run(steps, step)))
	}
	out, err := p.finish(ctx)
	if err != nil {
		return out, err
	}
	return out, p.hand(ctx, out)
}

// listen answers queries and takes cancellation; the steps run on the context
// that it returns.
func (p *promotion) listen(ctx workflow.Context) (workflow.Context, error) {
	steps, stop := workflow.WithCancel(ctx)
	p.stop = stop
	if err := workflow.SetQueryHandler(ctx, stateQuery, func() ([]slipway.PlannedStep, error) { return p.Steps, nil }); err != nil {
		return nil, fmt.Errorf("set the query handler: %w", err)
	}
	err := workflow.SetUpdateHandlerWithOptions(ctx, cancelUpdate,
		func(ctx workflow.Context, promotion string, w Word) error {
			if err := p.hear(ctx, w, WordCancel); err != nil {
				return err
			}
			if err := p.mayCancel(promotion); err != nil { // something came in between
				return err
			}
			p.cancelled = true
			p.stop()
			return nil
		},
		workflow.UpdateHandlerOptions{Validator: func(_ workflow.Context, promotion string, _ Word) error { return p.mayCancel(promotion) }},
	)
	if err != nil {
		return nil, fmt.Errorf("set the update handler: %w", err)
	}
	if err := p.listenAtGates(ctx); err != nil {
		return nil, err
	}
	return steps, p.listenOnStage(ctx)
}

// mayCancel says why a promotion can't be cancelled now. The workflow id is
// that of the service and environment: the next promotion has it too.
func (p *promotion) mayCancel(promotion string) error {
	switch {
	case promotion != p.Promotion:
		return temporal.NewNonRetryableApplicationError("promotion "+promotion+" is over", string(slipway.Conflict), nil)
	case p.cancelled:
		return temporal.NewNonRetryableApplicationError("promotion "+promotion+" is being cancelled already", string(slipway.Conflict), nil)
	case slipway.EndState(p.Steps) != slipway.PromotionRunning:
		return temporal.NewNonRetryableApplicationError("promotion "+promotion+" is over", string(slipway.Conflict), nil)
	}
	return nil
}

func (p *promotion) mark(step slipway.StepName, state slipway.StepState) {
	p.Steps = slipway.MarkStep(p.Steps, step, state)
}

// run runs one step and takes over what it found.
func (p *promotion) run(ctx workflow.Context, step slipway.StepName) error {
	if step == slipway.StepApprove {
		return p.approve(ctx)
	}
	if step == slipway.StepDeploy {
		// From here on it may have the traffic, whatever the answer: undoing what
		// did not happen is a no-op.
		p.deployed = true
		if p.Strategy.Kind == slipway.Canary {
			return p.takeOver(ctx)
		}
	}
	var done StepResult
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, policy(step, p.Input)), activityOf[step], p.stepInput()).Get(ctx, &done)
	if err != nil {
		if step == slipway.StepDeploy && slipway.OutcomeOf(fromTemporal(err)) == slipway.Failed {
			p.deployed = false // the target said that it took it away again
		}
		return err
	}
	p.take(done)
	if done.Skipped {
		p.mark(step, slipway.StepSkipped)
	}
	if step == slipway.StepVerify && p.Bake > 0 {
		return p.bake(ctx)
	}
	return nil
}

// take takes over what a step found.
func (p *promotion) take(done StepResult) {
	if done.Release > 0 {
		p.Release, p.Artifact = done.Release, done.Artifact
	}
	if done.Snapshot != "" {
		p.Snapshot = done.Snapshot
	}
	p.Withheld = p.Withheld || done.Withheld
}

// stepInput is what a step gets: everything that is known so far.
func (p *promotion) stepInput() StepInput {
	in := p.Input
	in.Steps = nil
	if in.Release != 0 {
		in.Overrides = "" // they are in the release
	}
	return StepInput{Input: in}
}

// end decides how a step ended, and keeps the reason. A step that was done
// before its cancellation reached it counts as cancelled too: whoever was told
// that the promotion stops must not find it succeeded.
func (p *promotion) end(step slipway.StepName, err error) slipway.StepState {
	if err == nil && !p.cancelled {
		for _, s := range p.Steps {
			if s.Name == step && s.State == slipway.StepSkipped {
				return slipway.StepSkipped
			}
		}
		return slipway.StepSucceeded
	}
	p.failedAt = step
	if p.over != "" { // the gates ended it, and said why
		return slipway.StepCancelled
	}
	if p.cancelled || temporal.IsCanceledError(err) {
		p.reason = "cancelled"
		if p.abortedBy != "" {
			p.reason = "aborted by " + p.abortedBy
		}
		return slipway.StepCancelled
	}
	known := fromTemporal(err)
	p.reason = known.Message
	state := slipway.StepStateOf(known)
	if state == slipway.StepErrored {
		p.reason = "the platform could not find out: " + p.reason
	}
	return state
}

// finish undoes a deployment that was not verified, and records how the
// promotion ended, whatever happened to its context.
func (p *promotion) finish(ctx workflow.Context) (Output, error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	state := slipway.EndState(p.Steps)
	if p.over != "" {
		state = p.over
	}
	if p.deployed && state != slipway.PromotionSucceeded {
		err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, undo), "Revert", p.stepInput()).Get(ctx, nil)
		if err != nil {
			p.reason += "; and it could not be found out whether the release before has the traffic again: " + fromTemporal(err).Message +
				"; look at what runs, then promote or roll back"
			state = slipway.PromotionErrored
		}
	}
	out := Output{State: state, Step: p.failedAt, Reason: p.reason, Release: p.Release}
	end := EndInput{
		Promotion: slipway.PromotionEvent{Promotion: p.Promotion, State: state, Step: p.failedAt, Reason: p.reason},
		Input:     p.stepInput().Input,
	}
	for _, s := range p.Steps {
		if s.Name == p.failedAt {
			end.Step = &slipway.StepEvent{Promotion: p.Promotion, Step: s.Name, State: s.State, Reason: p.reason}
		}
	}
	if err := p.note(ctx, finally, "Finish", end, nil); err != nil {
		return out, fmt.Errorf("record the end of the promotion: %w", err)
	}
	if p.Bundle != 0 {
		return out, p.rally(ctx)
	}
	return out, nil
}

// refuse ends a promotion that can't be carried out. Nothing was done, and its
// record must not stay open.
func (p *promotion) refuse(ctx workflow.Context, why error) (Output, error) {
	refused := temporal.NewNonRetryableApplicationError(why.Error(), string(slipway.Invalid), nil)
	if !idForm.MatchString(p.Promotion) {
		return Output{}, refused
	}
	end := EndInput{
		Promotion: slipway.PromotionEvent{Promotion: p.Promotion, State: slipway.PromotionErrored, Reason: why.Error()},
		Input:     p.stepInput().Input,
	}
	if err := p.note(ctx, finally, "Finish", end, nil); err != nil {
		return Output{}, fmt.Errorf("record the end of the promotion: %w", err)
	}
	return Output{}, refused
}

// idForm is what the id of a promotion looks like. It names a directory.
var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,60}$`)

// validate refuses an input that could not be carried out.
func (in Input) validate() error {
	if !idForm.MatchString(in.Promotion) || in.Service == "" || in.Environment == "" || len(in.Steps) == 0 {
		return errors.New("the promotion's input is incomplete")
	}
	var unknown []string
	for _, s := range in.Steps {
		if activityOf[s.Name] == "" {
			unknown = append(unknown, string(s.Name))
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("this version can't carry out the steps %s", strings.Join(unknown, ", "))
	}
	return nil
}

// activityOf names the activity of each step that this version can carry out.
var activityOf = map[slipway.StepName]string{
	slipway.StepFetch: "Fetch", slipway.StepBuild: "Build", slipway.StepTest: "Test", slipway.StepRender: "Render",
	slipway.StepRehearse: "Rehearse", slipway.StepApprove: "Review", slipway.StepPreflight: "Preflight",
	slipway.StepMigrate: "Migrate", slipway.StepDeploy: "Deploy", slipway.StepVerify: "Verify",
}
