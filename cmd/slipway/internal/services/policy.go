package services

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// PolicyCommands show and change what environments ask of promotions.
type PolicyCommands struct {
	Show  policyShow  `cmd:"" help:"Show the policy of an environment, or of a service in it."`
	Set   policySet   `cmd:"" help:"Change a policy."`
	Reset policyReset `cmd:"" help:"Let a service go back to the environment's policy."`
}

type policyShow struct {
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
	Service string `placeholder:"NAME" help:"As it holds for this service."`
}

// Help has examples.
func (policyShow) Help() string {
	return "Examples:\n  slipway policy show --env prod\n  slipway policy show --env prod --service billing"
}

// Run shows a policy.
func (c *policyShow) Run(a *cli.App) error {
	p, held, body, err := policyOf(a, c.Env, c.Service)
	if err != nil {
		return err
	}
	return printPolicy(a, body, p, held...)
}

// policyOf asks for the policy of an environment, or as it holds for a service,
// and by which fields that asks for less than the environment, in vain.
func policyOf(a *cli.App, environment, service string) (p slipway.Policy, held []string, body []byte, err error) {
	if service != "" {
		r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetPolicyResponse, error) {
			return cl.GetPolicyWithResponse(ctx, service, environment)
		})
		if err != nil {
			return slipway.Policy{}, nil, nil, err
		}
		return r.JSON200.Policy, r.JSON200.Held, r.Body, nil
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetEnvironmentResponse, error) {
		return cl.GetEnvironmentWithResponse(ctx, environment)
	})
	if err != nil {
		return slipway.Policy{}, nil, nil, err
	}
	return r.JSON200.Policy, nil, r.Body, nil
}

// printPolicy prints a policy, and the fields in which the environment's value holds
// because the service asks for less.
func printPolicy(a *cli.App, body []byte, p slipway.Policy, held ...string) error {
	if a.JSON {
		return a.PrintAnswer(body)
	}
	who := "maintainers of the service's team and platform admins"
	if len(p.Approvers) > 0 {
		who = strings.Join(p.Approvers, ", ")
	}
	windows := make([]string, len(p.Windows))
	for i, w := range p.Windows {
		windows[i] = w.String()
	}
	after := func(seconds int) string {
		if seconds == 0 {
			return ""
		}
		return (time.Duration(seconds) * time.Second).String()
	}
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return ""
	}
	return a.Facts("approvals", fmt.Sprint(p.Approvals), "approvers", who, "own changes", string(p.OwnChanges), "new approvers", yes(p.NewApprovers), "second factor", string(p.SecondFactor), "rollback approvals", fmt.Sprint(p.RollbackApprovals), "rolls back alone", string(p.RollbackRole),
		"expires after", after(p.ExpiresAfter), "reminds after", after(p.RemindAfter), "soak", after(p.Soak), "windows", strings.Join(windows, "; "),
		"lock required", yes(p.LockRequired), "tests required", yes(p.RequireTests), "oldest release", after(p.MaxAge), "skips allowed", yes(p.SkipsAllowed),
		"advance", string(p.Advance), "branch", p.Branch, "concurrency", string(p.Concurrency),
		"strategy", strategyWords(p.Strategy), "bakes", after(p.Bake), "keeps releases", cli.Number(p.KeepReleases), "may skip", joined(p.MaySkip), "rehearses with", string(p.Rehearse),
		"the environment asks for", strings.Join(held, ", "))
}

func joined(names []slipway.StepName) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = string(n)
	}
	return strings.Join(words, ", ")
}

func strategyWords(s slipway.Strategy) string {
	s = s.Defaults()
	words := []string{string(s.Kind)}
	for _, stage := range s.Stages {
		words = append(words, stage.String())
	}
	if j := s.Judge; j != (slipway.Strategy{}).Defaults().Judge {
		words = append(words, fmt.Sprintf("(worse: from %d requests, failures %g higher, latency %g times)", j.MinRequests, j.MaxFailureRate, j.MaxLatency))
	}
	return strings.Join(words, " ")
}

type policySet struct {
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
	Service string `placeholder:"NAME" help:"For this service only."`

	Approvals         *int           `placeholder:"N" help:"How many people must say yes."`
	Approver          []string       `placeholder:"NAME" help:"Who may: a person, or team:NAME. Repeat it; 'none' names nobody, which means maintainers."`
	OwnChanges        string         `enum:",never,alone,always" default:"" help:"Whether who asked, or wrote some of it, may approve: never, alone (where nobody else could), always."`
	NewApprovers      *bool          `negatable:"" help:"Let accounts approve that are younger than the request, or invited by somebody whose change it is."`
	SecondFactor      string         `enum:",required,none" default:"" help:"Whether who approves, exempts or breaks the glass must have shown a second factor: required or none."`
	RollbackApprovals *int           `placeholder:"N" help:"How many people must say yes to going back."`
	RollbackRole      string         `enum:",developer,maintainer,admin" default:"" help:"Who goes back alone: developer, maintainer or admin. Anybody with a lesser role needs a yes."`
	ExpiresAfter      *time.Duration `placeholder:"TIME" help:"Give up what waits longer, such as 48h."`
	RemindAfter       *time.Duration `placeholder:"TIME" help:"Tell who could approve again."`
	Soak              *time.Duration `placeholder:"TIME" help:"How long the release must have served, verified, in the environment before."`
	Window            []string       `sep:"none" placeholder:"WINDOW" help:"Begin only then: 'mon,tue 09:00-12:00 13:00-17:00 Europe/Berlin'. Repeat it; 'none' means always."`
	LockRequired      *bool          `negatable:"" help:"Take releases with locked dependencies only."`
	RequireTests      *bool          `negatable:"" help:"Take releases only whose tests were run and have passed."`
	MaxAge            *time.Duration `placeholder:"TIME" help:"Take no older release."`
	SkipsAllowed      *bool          `negatable:"" help:"The environments before may be left out."`
	Advance           string         `enum:",by_hand,after,push" default:"" help:"How a release gets there: by_hand, after success in the environment before, or on push."`
	Branch            *string        `placeholder:"BRANCH" help:"The branch of push."`
	Concurrency       string         `enum:",refuse,queue,supersede" default:"" help:"What becomes of a promotion while another one is under way."`
	Strategy          string         `enum:",blue_green,rolling,recreate,canary" default:"" help:"How a release takes over: blue_green (beside the old one, then all at once), rolling (one instance after the other), recreate (the old one ends first), canary (a growing part of the traffic, judged)."`
	Stage             []string       `placeholder:"STAGE" help:"Of a canary: 10:5m is ten percent for five minutes, 50:hand half until somebody resumes it. Repeat it."`
	MinRequests       *int           `placeholder:"N" help:"Of each release, before a canary or what is watched afterwards is judged; 0 means 50."`
	MaxFailures       *float64       `placeholder:"RATE" help:"By how much the part of failed answers may be higher than the old release's; 0 means 0.01."`
	MaxLatency        *float64       `placeholder:"FACTOR" help:"How many times as long as the old release's the 95th percentile may be; 0 means 1.5."`
	Bake              *time.Duration `placeholder:"TIME" help:"Watch the edge's figures for so long after the checks, before success is said."`
	KeepReleases      *int           `placeholder:"N" help:"How many releases that were verified there stay ready for going back."`
	Rehearse          string         `enum:",placeholders,secrets" default:"" help:"What code sees in a rehearsal, before anybody has said yes to it: placeholders of the secrets' shape, or the secrets themselves."`
	MaySkip           []string       `placeholder:"STEP" help:"A step, test or rehearse, that may be left out with a reason when a promotion is tried again. Repeat it; 'none' means none."`
}

// Help has examples.
func (policySet) Help() string {
	return `A service can only ask for more than its environment does. Whatever lowers a policy takes an admin of the platform in person, signed in and without a token.

Examples:
  slipway policy set --env prod --approvals 2 --approver team:release
  slipway policy set --env prod --window "mon,tue,wed,thu 09:00-16:00 Europe/Berlin"
  slipway policy set --env test --advance after --soak 1h
  slipway policy set --env prod --strategy canary --stage 5:10m --stage 50:hand
  slipway policy set --env prod --min-requests 200 --max-failures 0.005 --max-latency 2
  slipway policy set --env prod --bake 10m --keep-releases 10
  slipway policy set --env prod --require-tests
  slipway policy set --env prod --second-factor required
  slipway policy set --env prod --service billing --approvals 3`
}

// Run changes a policy.
func (c *policySet) Run(a *cli.App) error {
	change, err := c.change()
	if err != nil {
		return err
	}
	if change.Strategy, err = c.strategy(a); err != nil {
		return err
	}
	if change == (slipway.PolicyChange{}) {
		return slipway.Errorf(slipway.Invalid, "nothing to change; `slipway policy set --help` lists what there is")
	}
	if c.Service != "" {
		r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.UpdatePolicyResponse, error) {
			return cl.UpdatePolicyWithResponse(ctx, c.Service, c.Env, nil, change)
		})
		if err != nil {
			return err
		}
		return printPolicy(a, r.Body, r.JSON200.Policy, r.JSON200.Held...)
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.UpdateEnvironmentResponse, error) {
		return cl.UpdateEnvironmentWithResponse(ctx, c.Env, nil, client.EnvironmentChange{Policy: change})
	})
	if err != nil {
		return err
	}
	return printPolicy(a, r.Body, r.JSON200.Policy)
}

func (c *policySet) change() (p slipway.PolicyChange, err error) {
	p = slipway.PolicyChange{
		Approvals: c.Approvals, NewApprovers: c.NewApprovers, RollbackApprovals: c.RollbackApprovals, RollbackRole: cli.Given(slipway.Role(c.RollbackRole)), LockRequired: c.LockRequired, RequireTests: c.RequireTests, SkipsAllowed: c.SkipsAllowed, Branch: c.Branch,
		OwnChanges: cli.Given(slipway.OwnChanges(c.OwnChanges)), Advance: cli.Given(slipway.Advance(c.Advance)), Concurrency: cli.Given(slipway.Concurrency(c.Concurrency)),
		KeepReleases: c.KeepReleases, Rehearse: cli.Given(slipway.Rehearsal(c.Rehearse)),
	}
	for _, f := range []struct {
		flag  string
		given *time.Duration
		into  **int
	}{
		{"--expires-after", c.ExpiresAfter, &p.ExpiresAfter}, {"--remind-after", c.RemindAfter, &p.RemindAfter}, {"--soak", c.Soak, &p.Soak}, {"--max-age", c.MaxAge, &p.MaxAge}, {"--bake", c.Bake, &p.Bake},
	} {
		if f.given != nil {
			n, err := slipway.WholeSeconds(f.flag, *f.given)
			if err != nil {
				return p, err
			}
			*f.into = &n
		}
	}
	for _, f := range []struct {
		flag  string
		given []string
	}{{"--may-skip", c.MaySkip}, {"--approver", c.Approver}, {"--window", c.Window}} {
		if len(f.given) > 1 && slices.Contains(f.given, "none") {
			return p, slipway.Errorf(slipway.Invalid, "%s none beside others says two things; leave one of them out", f.flag).At(f.flag)
		}
	}
	if c.SecondFactor != "" {
		p.SecondFactor = new(slipway.SecondFactor)
		if c.SecondFactor != "none" {
			*p.SecondFactor = slipway.SecondFactor(c.SecondFactor)
		}
	}
	if len(c.MaySkip) > 0 {
		steps := []slipway.StepName{}
		for _, name := range c.MaySkip {
			if name != "none" {
				steps = append(steps, slipway.StepName(name))
			}
		}
		p.MaySkip = &steps
	}
	if len(c.Approver) > 0 {
		who := c.Approver
		if len(who) == 1 && who[0] == "none" {
			who = []string{}
		}
		p.Approvers = &who
	}
	if len(c.Window) > 0 {
		windows := []slipway.Window{}
		for _, text := range c.Window {
			if text == "none" {
				continue
			}
			more, err := slipway.ParseWindows(text)
			if err != nil {
				return p, err
			}
			windows = append(windows, more...)
		}
		p.Windows = &windows
	}
	return p, nil
}

// strategy is that which holds, with what was given in place of it; nil when
// nothing was.
func (c *policySet) strategy(a *cli.App) (*slipway.Strategy, error) {
	if c.Strategy == "" && len(c.Stage) == 0 && c.MinRequests == nil && c.MaxFailures == nil && c.MaxLatency == nil {
		return nil, nil
	}
	p, _, _, err := policyOf(a, c.Env, c.Service)
	if err != nil {
		return nil, err
	}
	s := p.Strategy
	if len(c.Stage) > 0 || c.Strategy != "" && slipway.StrategyKind(c.Strategy) != s.Kind {
		s.Kind, s.Stages = slipway.StrategyKind(c.Strategy), []slipway.Stage{}
		if s.Kind == "" {
			s.Kind = slipway.Canary
		}
	}
	for _, text := range c.Stage {
		stage, err := slipway.ParseStage(text)
		if err != nil {
			return nil, err
		}
		s.Stages = append(s.Stages, stage)
	}
	for _, f := range []struct{ given, into *float64 }{{c.MaxFailures, &s.Judge.MaxFailureRate}, {c.MaxLatency, &s.Judge.MaxLatency}} {
		if f.given != nil {
			*f.into = *f.given
		}
	}
	if c.MinRequests != nil {
		s.Judge.MinRequests = *c.MinRequests
	}
	return &s, nil
}

type policyReset struct {
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
	Service string `required:"" placeholder:"NAME" help:"The service."`
}

// Help has examples.
func (policyReset) Help() string {
	return "Examples:\n  slipway policy reset --env prod --service billing"
}

// Run drops what a service asked for.
func (c *policyReset) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ResetPolicyResponse, error) {
		return cl.ResetPolicyWithResponse(ctx, c.Service, c.Env, nil)
	})
	if err != nil {
		return err
	}
	return printPolicy(a, r.Body, r.JSON200.Policy)
}
