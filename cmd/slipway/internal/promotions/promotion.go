package promotions

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

// PromotionCommands show, follow, steer and cancel promotions.
type PromotionCommands struct {
	List   promotionList   `cmd:"" name:"ls" help:"List promotions, newest first."`
	Show   promotionShow   `cmd:"" help:"Show a promotion and its steps."`
	Logs   promotionLogs   `cmd:"" help:"Print the logs of a promotion's steps."`
	Cancel promotionCancel `cmd:"" help:"Ask a promotion to stop."`
	Retry  promotionRetry  `cmd:"" help:"Try a promotion that ended badly again."`
	Change promotionChange `cmd:"" help:"Show what a promotion changes."`
	Steer  promotionSteer  `cmd:"" help:"Pause, resume, finish or abort the canary of a promotion."`
}

type promotionList struct {
	Service string `placeholder:"NAME" help:"Only of this service."`
	Env     string `placeholder:"ENV" help:"Only into this environment."`
	State   string `placeholder:"STATE" help:"Only in this state, such as running or failed."`
	Limit   int    `short:"n" default:"20" help:"How many at most."`
}

// Help has examples.
func (promotionList) Help() string {
	return "Examples:\n  slipway promotion ls --service billing\n  slipway promotion ls --state failed --json"
}

// Run lists promotions.
func (c *promotionList) Run(a *cli.App) error {
	params := &client.ListPromotionsParams{
		Service: cli.Given(c.Service), Environment: cli.Given(c.Env), State: cli.Given(slipway.PromotionState(c.State)), Limit: cli.Given(c.Limit),
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListPromotionsResponse, error) {
		return cl.ListPromotionsWithResponse(ctx, params)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	if len(r.JSON200.Items) == 0 {
		fmt.Fprintln(a.Stdout, "No promotions. Start one: slipway promote SERVICE")
		return nil
	}
	var rows [][]string
	for _, p := range r.JSON200.Items {
		rows = append(rows, []string{fmt.Sprint(p.Id), p.Service, p.Environment, cli.Number(p.Release), string(p.State), cli.Ago(p.CreatedAt), cli.Lasted(p.CreatedAt, p.EndedAt), p.Reason})
	}
	defer a.More(r.JSON200.NextCursor, c.Limit)
	return a.Table([]string{"id", "service", "environment", "release", "state", "asked for", "took", "reason"}, rows)
}

type promotionShow struct {
	ID int `arg:"" help:"The promotion."`
	followFlags
}

// Help has examples.
func (promotionShow) Help() string {
	return "Examples:\n  slipway promotion show 12\n  slipway promotion show 12 --follow\n  slipway promotion show 12 --wait"
}

// Run shows a promotion.
func (c *promotionShow) Run(a *cli.App) error {
	r, err := getPromotion(a, c.ID)
	if err != nil {
		return err
	}
	if c.watches() {
		return follow(a, r.JSON200, c.followFlags)
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	return printPromotion(a, r.JSON200)
}

func getPromotion(a *cli.App, id int) (*client.GetPromotionResponse, error) {
	return cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetPromotionResponse, error) {
		return cl.GetPromotionWithResponse(ctx, id)
	})
}

func printPromotion(a *cli.App, p *client.Promotion) error {
	kind := ""
	if p.Rollback {
		kind = "yes"
	}
	err := a.Facts("promotion", fmt.Sprint(p.Id), "service", p.Service, "environment", p.Environment, "state", string(p.State),
		"reason", p.Reason, "release", cli.Number(p.Release), "commit", strings.TrimSpace(cli.Short(p.Commit.Id)+" "+p.Commit.Subject), "ref", p.Ref,
		"replaces", cli.Number(p.Plan.ReplacesNumber), "rollback", kind, "because", p.Cause+p.Why, "bundle", cli.Number(p.Bundle), "in line", lineWords(p), "taken back", undoWords(p.Undo), "asked for", askedWords(p), "written by", authorWords(p.Authors), "took", cli.Lasted(p.CreatedAt, p.EndedAt), "url", p.Url)
	if err != nil {
		return err
	}
	if err := printGates(a, p); err != nil {
		return err
	}
	if err := printRollout(a, p.Rollout); err != nil {
		return err
	}
	if err := printRehearsal(a, p.Rehearsal); err != nil {
		return err
	}
	fmt.Fprintln(a.Stdout)
	var rows [][]string
	for _, s := range p.Steps {
		rows = append(rows, []string{string(s.Name), string(s.State), cli.Number(s.Attempt), stepTime(s), s.Reason})
	}
	return a.Table([]string{"step", "state", "attempt", "took", "why"}, rows)
}

func askedWords(p *client.Promotion) string {
	words := cli.Ago(p.CreatedAt) + " by " + p.RequestedBy
	if len(p.Behind) > 0 {
		words += ", with what " + strings.Join(p.Behind, ", ") + " made"
	}
	return words
}

// authorWords says who wrote a change, where that mattered.
func authorWords(a *slipway.Authors) string {
	if a == nil {
		return ""
	}
	if a.Why != "" {
		return "not known: " + a.Why
	}
	words := slices.Clone(a.Accounts)
	for _, person := range a.Unknown {
		words = append(words, cli.CleanLine(person)+" (nobody known here)")
	}
	for _, c := range a.Config {
		words = append(words, c.Words())
	}
	if a.More {
		words = append(words, fmt.Sprintf("(of the newest %d commits)", slipway.MaxAuthored))
	}
	return strings.Join(words, ", ")
}

// stepTime says how long a step took; of one that runs, since when it does and how
// long it may at most.
func stepTime(s client.Step) string {
	if s.State != slipway.StepRunning || s.StartedAt.IsZero() {
		return cli.Lasted(s.StartedAt, s.EndedAt)
	}
	text := "since " + cli.Roughly(time.Since(s.StartedAt))
	if !s.Until.IsZero() {
		text += ", at most " + cli.Roughly(s.Until.Sub(s.StartedAt))
	}
	return text
}

// undoWords says that what a promotion deployed is being taken back.
func undoWords(u *slipway.Undoing) string {
	if u == nil {
		return ""
	}
	return fmt.Sprintf("what ran before keeps the traffic, or gets it again: since %s, at most %s", cli.Roughly(time.Since(u.Since)), cli.Roughly(u.Until.Sub(u.Since)))
}

// lineWords says where a promotion stands that no gate keeps.
func lineWords(p *client.Promotion) string {
	line, what := p.Slot, "for a slot to build in"
	if line == nil {
		line, what = p.Turn, "for its turn"
	}
	if line == nil {
		return ""
	}
	return fmt.Sprintf("%s, %d before it%s, since %s; given up %s", what, line.Ahead, onPromotions(line.On), cli.Ago(line.Since), line.Until.Local().Format("2006-01-02 15:04 MST"))
}

func onPromotions(ids []int) string {
	if len(ids) == 0 {
		return ""
	}
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = fmt.Sprint(id)
	}
	return ", on promotion " + strings.Join(words, ", ")
}

type promotionLogs struct {
	ID     int    `arg:"" help:"The promotion."`
	Step   string `placeholder:"STEP" help:"Only this step, such as build or test."`
	Follow bool   `short:"f" help:"Go on as the promotion does, to its end."`
}

// Help has examples.
func (promotionLogs) Help() string {
	return "Examples:\n  slipway promotion logs 12 --step test\n  slipway promotion logs 12 --follow"
}

// Run prints logs.
func (c *promotionLogs) Run(a *cli.App) error {
	r, err := getPromotion(a, c.ID)
	if err != nil {
		return err
	}
	if err := c.known(r.JSON200.Steps); err != nil {
		return err
	}
	if c.Follow && c.Step == "" {
		return follow(a, r.JSON200, followFlags{Follow: true, Verbose: true})
	}
	if c.Follow {
		cl, err := a.Client()
		if err != nil {
			return err
		}
		v := &follower{a: a, only: slipway.StepName(c.Step), quiet: true}
		return v.run(cl, c.ID)
	}
	printed := []client.LogChunk{}
	for _, s := range r.JSON200.Steps {
		if c.Step != "" && string(s.Name) != c.Step {
			continue
		}
		chunks, err := cli.All(a, func(ctx context.Context, cl *client.ClientWithResponses, cursor *string) ([]client.LogChunk, string, error) {
			r, err := cl.GetStepLogWithResponse(ctx, c.ID, s.Name, &client.GetStepLogParams{Cursor: cursor, Limit: cli.Given(500)})
			if r == nil || r.JSON200 == nil {
				return nil, "", cli.RefusedOr(r, err)
			}
			return r.JSON200.Items, r.JSON200.NextCursor, nil
		})
		if err != nil {
			return err
		}
		if a.JSON {
			printed = append(printed, chunks...)
			continue
		}
		printStepLog(a, s, chunks, c.Step == "")
	}
	if a.JSON {
		return a.PrintJSON(map[string]any{"items": printed})
	}
	return nil
}

// known refuses a step that the promotion does not have.
func (c *promotionLogs) known(steps []client.Step) error {
	var names []string
	for _, s := range steps {
		names = append(names, string(s.Name))
	}
	if c.Step == "" || slices.Contains(names, c.Step) {
		return nil
	}
	return slipway.Errorf(slipway.Invalid, "promotion %d has no step %q; its steps are %s", c.ID, c.Step, strings.Join(names, ", ")).At("step")
}

func printStepLog(a *cli.App, s client.Step, chunks []client.LogChunk, title bool) {
	if title && len(chunks) > 0 {
		fmt.Fprintf(a.Stdout, "== %s: %s\n", s.Name, s.State)
	}
	for _, chunk := range chunks {
		for line := range strings.Lines(chunk.Text) {
			fmt.Fprintln(a.Stdout, cli.CleanLine(strings.TrimRight(line, "\r\n")))
		}
	}
}

type promotionCancel struct {
	ID int `arg:"" help:"The promotion."`
}

// Help has examples.
func (promotionCancel) Help() string { return "Examples:\n  slipway promotion cancel 12" }

// Run cancels.
func (c *promotionCancel) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CancelPromotionResponse, error) {
		return cl.CancelPromotionWithResponse(ctx, c.ID)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "Promotion %d was asked to stop.\n", c.ID)
	return nil
}
