// Package promotions holds the commands that move releases, follow them, and open
// their gates. They speak to a server.
package promotions

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// PromoteCommand moves a release into an environment.
type PromoteCommand struct {
	Service string `arg:"" help:"The service."`
	To      string `placeholder:"ENV" help:"The environment; the first one unless given."`
	Ref     string `placeholder:"REF" xor:"what" help:"A branch, a tag or a commit to build."`
	Release int    `placeholder:"N" xor:"what" help:"A release that exists."`
	Plan    bool   `help:"Say what would be done and do nothing."`
	followFlags
}

// Help has examples.
func (PromoteCommand) Help() string {
	return `Without --ref and --release, the first environment takes the head of the service's branch, and every other one takes the release of the environment before it.

Exit codes with --follow and --wait: 0 it serves, 3 the service's own build, tests or checks said no, 2 it could not begin because of what was given (an unknown ref, a repository that is private or gone), 1 anything else.

Examples:
  slipway promote billing --follow
  slipway promote billing --to test --wait --timeout 20m
  slipway promote billing --to prod --release 7
  slipway promote billing --ref v1.4.0 --plan`
}

// Run promotes, or plans.
func (c *PromoteCommand) Run(a *cli.App) error {
	in := client.PromotionInput{Environment: c.To, Ref: c.Ref, Release: c.Release}
	if c.Plan {
		return c.plan(a, in)
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreatePromotionResponse, error) {
		return cl.CreatePromotionWithResponse(ctx, c.Service, in)
	})
	if err != nil {
		return err
	}
	return started(a, r.Body, r.JSON202, c.followFlags)
}

func (c *PromoteCommand) plan(a *cli.App, in client.PromotionInput) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.PlanPromotionResponse, error) {
		return cl.PlanPromotionWithResponse(ctx, c.Service, in)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	return printPlan(a, r.JSON200)
}

// stepsAre says what a step that will run is for, and which of them turn out to
// have nothing to do once the project is there.
var stepsAre = map[slipway.StepName]string{
	slipway.StepFetch:     "the exact commit, exported",
	slipway.StepBuild:     "the artifact that every environment runs",
	slipway.StepTest:      "the project's tests, if it has any",
	slipway.StepRender:    "the config of ENV",
	slipway.StepRehearse:  "once with that config, placeholders for its secrets, without traffic",
	slipway.StepApprove:   "if the policy of ENV asks for it",
	slipway.StepPreflight: "once more with the secrets, before anything is changed",
	slipway.StepMigrate:   "the release command, if there is one",
	slipway.StepDeploy:    "new beside old, then the switch",
	slipway.StepVerify:    "seen serving, from outside",
}

// printPlan prints what would be done and what it would change.
func printPlan(a *cli.App, p *client.Plan) error {
	what := "a new release"
	if p.Release != 0 {
		what = fmt.Sprintf("release %d", p.Release)
	}
	fmt.Fprintf(a.Stdout, "%s of %s into %s, from commit %s %s\n", what, p.Service, p.Environment, cli.Short(p.Commit.Id), cli.Clean(p.Commit.Subject))
	if p.Current != 0 {
		fmt.Fprintf(a.Stdout, "release %d runs there now\n", p.Current)
	}
	if p.Plan.Rollback && p.Current != 0 && p.Release > p.Current {
		fmt.Fprintln(a.Stdout, "this is a promotion forward, of a release that was rolled back from: approvals, windows and freezes are those of a promotion")
	}
	var rows [][]string
	for _, s := range p.Steps {
		will := "will run"
		if s.State != slipway.StepPending {
			will = string(s.State)
		}
		why := s.Reason
		if why == "" {
			why = strings.ReplaceAll(stepsAre[s.Name], "ENV", p.Environment)
		}
		rows = append(rows, []string{string(s.Name), will, why})
	}
	if err := a.Table([]string{"step", "", "why"}, rows); err != nil {
		return err
	}
	if err := printChange(a, &p.Change); err != nil {
		return err
	}
	return printGates(a, &client.Promotion{Waits: p.Waits})
}

// started tells of a promotion that has begun, and follows it when asked to.
func started(a *cli.App, body []byte, p *client.Promotion, f followFlags) error {
	if f.watches() {
		return follow(a, p, f)
	}
	if a.JSON {
		return a.PrintAnswer(body)
	}
	how := "is " + string(p.State)
	if p.State == slipway.PromotionQueued && p.Reason == "" { // the engine has it, and has not begun
		how = "is accepted"
	}
	if p.Reason != "" {
		how += ": " + cli.Clean(p.Reason)
	}
	fmt.Fprintf(a.Stdout, "Promotion %d of %s to %s %s. Follow it: slipway promotion show %d --follow\n", p.Id, p.Service, p.Environment, strings.TrimSuffix(how, "."), p.Id)
	return nil
}

// RollbackCommand goes back to a release that ran before.
type RollbackCommand struct {
	Service string `arg:"" help:"The service."`
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
	To      int    `placeholder:"N" xor:"where" help:"The release; that of the last good deployment unless given."`

	Deployment int       `placeholder:"N" xor:"where" help:"The promotion whose deployment to go back to: its release with the config and the secrets that it had."`
	At         time.Time `placeholder:"TIME" xor:"where" help:"What had the traffic then, such as 2026-11-23T08:30:00Z."`
	Reason     string    `short:"m" placeholder:"WHY" help:"Why. It is said wherever the release that is gone back from would go on."`
	Plan       bool      `help:"Say what would be done and change, and do nothing."`

	AnySchema bool   `help:"Go back although the older release does not run on the schema that the newer one left."`
	Config    string `enum:"then,today" default:"then" help:"The config: what the release ran with then, or that of today. Where that differs, it takes the approvals of a promotion, and waits for windows and freezes."`
	followFlags
}

// Help has examples.
func (RollbackCommand) Help() string {
	return "Migrations of the newer release stay.\n\nExamples:\n  slipway rollback billing --env prod -m \"the totals are wrong\" --follow\n  slipway rollback billing --env prod --plan\n  slipway rollback billing --env prod --wait --json\n  slipway rollback billing --env prod --to 5 --config today"
}

// Run rolls back.
func (c *RollbackCommand) Run(a *cli.App) error {
	in := client.RollbackInput{Release: c.To, Reason: c.Reason, Deployment: c.Deployment, At: c.At, AnySchema: c.AnySchema, Config: client.RollbackInputConfig(c.Config)}
	if c.Plan {
		r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.PlanRollbackResponse, error) {
			return cl.PlanRollbackWithResponse(ctx, c.Service, c.Env, in)
		})
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintAnswer(r.Body)
		}
		return printPlan(a, r.JSON200)
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.RollbackResponse, error) {
		return cl.RollbackWithResponse(ctx, c.Service, c.Env, in)
	})
	if err != nil {
		return err
	}
	return started(a, r.Body, r.JSON202, c.followFlags)
}

// RedeployCommand promotes the release that runs again.
type RedeployCommand struct {
	Service string `arg:"" help:"The service."`
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
	Plan    bool   `help:"Say what would be done and change, and do nothing."`
	followFlags
}

// Help has examples.
func (RedeployCommand) Help() string {
	return "The release that runs is promoted again, with the config of today. What differs is shown, and decided about, as with any promotion.\n\nExamples:\n  slipway redeploy billing --env prod --plan\n  slipway redeploy billing --env prod --follow"
}

// Run promotes what runs.
func (c *RedeployCommand) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetStatusResponse, error) {
		return cl.GetStatusWithResponse(ctx, &client.GetStatusParams{Service: cli.Given(c.Service)})
	})
	if err != nil {
		return err
	}
	promote := PromoteCommand{Service: c.Service, To: c.Env, Plan: c.Plan, followFlags: c.followFlags}
	for _, cell := range r.JSON200.Cells {
		if cell.Environment == c.Env {
			promote.Release = cell.Release
		}
	}
	if promote.Release == 0 {
		return slipway.Errorf(slipway.Conflict, "nothing of %s runs in %s; run: slipway promote %s --to %s", c.Service, c.Env, c.Service, c.Env)
	}
	return promote.Run(a)
}
