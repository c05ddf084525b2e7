package promotions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// followFlags are shared by what starts or watches a promotion.
type followFlags struct {
	Follow  bool          `short:"f" xor:"watch" help:"Show the steps as they happen, to the end."`
	Wait    bool          `short:"w" xor:"watch" help:"Wait for the end and print only that; the exit code tells it too."`
	Timeout time.Duration `placeholder:"TIME" help:"With --follow or --wait: look no longer than this, such as 20m; the promotion goes on."`
	Verbose bool          `short:"v" help:"With --follow: print every line of the steps' logs."`
}

// watches tells whether the command stays until the promotion ends.
func (f followFlags) watches() bool { return f.Follow || f.Wait }

// lastLines is how much of a step's log is shown when it went wrong.
const lastLines = 20

// follower prints a promotion as it happens.
type follower struct {
	a       *cli.App
	style   cli.Style
	live    bool // a terminal, where the line of the running step can be replaced
	verbose bool
	only    slipway.StepName // log lines of this step alone; "" for all
	quiet   bool             // only log lines
	waits   bool             // only the end
	steps   map[slipway.StepName]client.Step
	seen    map[slipway.StepName]time.Time // when a running step was first seen
	tail    map[slipway.StepName][]string
	pending bool // a transient line is on the screen
	last    client.Promotion
}

func follow(a *cli.App, p *client.Promotion, f followFlags) error {
	c, err := a.Client()
	if err != nil {
		return err
	}
	v := &follower{
		a: a, style: a.Style(a.Stdout), live: cli.IsTerminal(a.Stdout) && !a.JSON, verbose: f.Verbose,
		steps: map[slipway.StepName]client.Step{}, seen: map[slipway.StepName]time.Time{}, tail: map[slipway.StepName][]string{},
		waits: f.Wait,
	}
	if f.Timeout > 0 {
		within, cancel := context.WithTimeout(a.Context, f.Timeout)
		defer cancel()
		patient := *a
		patient.Context, v.a = within, &patient
		err := v.begin(c, p)
		if a.Context.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded) && errors.Is(err, context.DeadlineExceeded) {
			return slipway.Errorf(slipway.Unavailable, "promotion %d has not ended within %s, and goes on; look at it with: slipway promotion show %d", p.Id, f.Timeout, p.Id)
		}
		return err
	}
	return v.begin(c, p)
}

// begin follows, and shows what no event tells of.
func (v *follower) begin(c *client.ClientWithResponses, p *client.Promotion) error {
	a := v.a
	if v.waits {
		return v.run(c, p.Id)
	}
	if !a.JSON {
		fmt.Fprintf(a.Stdout, "Promotion %d: %s to %s\n", p.Id, p.Service, p.Environment)
	}
	for _, s := range p.Steps { // settled by the plan, so no event tells of them
		if !a.JSON && (s.State == slipway.StepReused || s.State == slipway.StepSkipped && s.StartedAt.IsZero()) {
			v.step(s)
		}
	}
	return v.run(c, p.Id)
}

func (v *follower) run(c *client.ClientWithResponses, id int) error {
	f := &client.Follower{
		Client: c, On: v.on,
		Lost: func(error) {
			v.note("the platform went away; waiting for it to come back (Ctrl-C stops waiting, not the promotion)")
		},
		Found: func() { v.note("the platform is back") },
	}
	if err := f.Follow(v.a.Context, id); err != nil {
		return err
	}
	return v.end()
}

func (v *follower) note(text string) {
	v.wipe()
	fmt.Fprintln(v.a.Stderr, v.a.Style(v.a.Stderr).Dim(text))
}

// on takes one event.
func (v *follower) on(e client.Event) error {
	switch e.Name {
	case "step":
		var s client.Step
		if err := json.Unmarshal(e.Data, &s); err != nil {
			return nil // a newer server's; the next one may be known
		}
		if v.waits {
			return nil
		}
		if v.a.JSON && !v.quiet {
			return v.line(e)
		}
		if !v.quiet {
			v.step(s)
		}
	case "log":
		var l client.LogChunk
		if err := json.Unmarshal(e.Data, &l); err != nil || v.waits || v.only != "" && l.Step != v.only {
			return nil
		}
		if v.a.JSON {
			return v.line(e)
		}
		v.log(l)
	case "promotion":
		before := v.last
		v.last = client.Promotion{}
		if err := json.Unmarshal(e.Data, &v.last); err != nil {
			v.last = before
			return nil
		}
		if v.a.JSON && !v.quiet && !v.waits {
			return v.line(e)
		}
		if !v.quiet && v.last.State == slipway.PromotionWaiting && v.last.Reason != before.Reason {
			v.wait()
		}
		if !v.quiet && !v.waits && v.last.Undo != nil && before.Undo == nil {
			v.note("  taken back: " + undoWords(v.last.Undo))
		}
	}
	return nil
}

// line prints an event as a line of JSON: {"event": NAME, "data": OBJECT}.
func (v *follower) line(e client.Event) error {
	text, err := json.Marshal(map[string]any{"event": e.Name, "data": json.RawMessage(e.Data)})
	if err != nil {
		return nil
	}
	_, err = fmt.Fprintln(v.a.Stdout, string(text))
	return err
}

func (v *follower) step(s client.Step) {
	before := v.steps[s.Name]
	v.steps[s.Name] = s
	if s.State == slipway.StepRunning && s.Reason != "" && s.Reason != before.Reason {
		v.note(fmt.Sprintf("  %s will be tried again: %s", s.Name, cli.Clean(s.Reason)))
		return
	}
	if before.State == s.State && before.Attempt == s.Attempt {
		return
	}
	name := fmt.Sprintf("%-9s", s.Name)
	switch s.State {
	case slipway.StepPending:
	case slipway.StepRunning:
		if _, known := v.seen[s.Name]; !known {
			v.seen[s.Name] = time.Now()
		}
		again := ""
		if s.Attempt > 1 {
			again = fmt.Sprintf(" (attempt %d)", s.Attempt)
			if before.Reason != "" { // none is known of what a kill ended
				again = fmt.Sprintf(" (attempt %d: %s)", s.Attempt, cli.Clean(before.Reason))
			}
		}
		v.wipe()
		switch {
		case v.live && !v.verbose:
			fmt.Fprintf(v.a.Stdout, "  … %s%s", name, again)
			v.pending = true
		case v.verbose || again != "":
			fmt.Fprintf(v.a.Stdout, "  … %s%s\n", name, again)
		}
	case slipway.StepSucceeded:
		v.done("✓", v.style.Good, name, cli.Lasted(s.StartedAt, s.EndedAt), s.Reason)
	case slipway.StepReused, slipway.StepSkipped:
		v.done("·", v.style.Dim, name, string(s.State), s.Reason)
	default:
		v.done("✗", v.style.Bad, name, string(s.State), s.Reason)
		if !v.verbose {
			for _, line := range v.tail[s.Name] {
				fmt.Fprintln(v.a.Stdout, "      "+v.style.Dim(line))
			}
		}
	}
}

// wait says what the promotion waits for, and what can be done about it.
func (v *follower) wait() {
	for _, w := range v.last.Waits {
		words := waitWords(w)
		line := cli.Clean(words[0]) + ", " + words[2]
		if len(w.On) > 0 {
			line += ", on " + cli.Clean(words[3])
		}
		v.note("  waits: " + line)
		if w.Gate == slipway.GateApproval {
			v.note(fmt.Sprintf("  approve it: slipway approve %d", v.last.Id))
		}
	}
}

func (v *follower) done(mark string, paint func(string) string, name, how, why string) {
	v.wipe()
	line := fmt.Sprintf("  %s %s %s", paint(mark), name, how)
	if why != "" {
		line += "  " + v.style.Dim(cli.Clean(why))
	}
	fmt.Fprintln(v.a.Stdout, strings.TrimRight(line, " "))
}

// wipe takes the transient line away.
func (v *follower) wipe() {
	if v.pending {
		fmt.Fprint(v.a.Stdout, "\r\x1b[K")
		v.pending = false
	}
}

func (v *follower) log(l client.LogChunk) {
	for line := range strings.Lines(l.Text) {
		line = cli.CleanLine(strings.TrimRight(line, "\r\n"))
		switch {
		case v.quiet:
			fmt.Fprintln(v.a.Stdout, line)
		case v.verbose:
			fmt.Fprintln(v.a.Stdout, "      "+v.style.Dim(line))
		default:
			tail := append(v.tail[l.Step], shorter(line))
			v.tail[l.Step] = tail[max(0, len(tail)-lastLines):]
		}
	}
}

// shorter bounds a line of a log that is shown under a failure: a flood is one.
func shorter(line string) string {
	const most = 400
	if len(line) <= most {
		return line
	}
	return strings.ToValidUTF8(line[:most], "") + fmt.Sprintf("... (%d more)", len(line)-most)
}

// end says how it ended, and makes that the exit code.
func (v *follower) end() error {
	v.wipe()
	p, w := v.last, v.a.Stdout
	if v.waits && v.a.JSON {
		r, err := getPromotion(v.a, p.Id)
		if err != nil {
			return err
		}
		if err := v.a.PrintAnswer(r.Body); err != nil {
			return err
		}
	}
	if !v.a.JSON && !v.quiet {
		took := cli.Lasted(p.CreatedAt, p.EndedAt)
		switch {
		case p.State == slipway.PromotionSucceeded && p.Url != "":
			fmt.Fprintf(w, "%s release %d of %s serves %s after %s: %s\n", v.style.Good("Succeeded:"), p.Release, p.Service, p.Environment, took, p.Url)
		case p.State == slipway.PromotionSucceeded:
			fmt.Fprintf(w, "%s release %d of %s runs in %s after %s\n", v.style.Good("Succeeded:"), p.Release, p.Service, p.Environment, took)
		default:
			at := ""
			if p.Step != "" {
				at = " at " + string(p.Step)
			}
			state := strings.ToUpper(string(p.State[:1])) + string(p.State[1:])
			fmt.Fprintf(w, "%s after %s: %s\n", v.style.Bad(state+at), took, cli.Clean(p.Reason))
		}
		for _, s := range p.Steps { // of a deploy that went well it is what of others' work was cut for it
			if s.Name == slipway.StepDeploy && s.State == slipway.StepSucceeded && s.Reason != "" {
				fmt.Fprintf(w, "%s %s\n", v.style.Bad("But"), cli.Clean(s.Reason))
			}
		}
	}
	return ending(p.State)
}

// ending is the exit code of a promotion's end.
func ending(s slipway.PromotionState) error {
	switch s {
	case slipway.PromotionSucceeded:
		return nil
	case slipway.PromotionFailed:
		return &cli.EndedError{Exit: cli.ExitFailed}
	}
	return &cli.EndedError{Exit: cli.ExitError}
}
