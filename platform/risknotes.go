package platform

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
)

// notes says what is worth knowing of a change, in plain words and with what it
// rests on. There is no score: people weigh it.
func (p *Platform) notes(ctx context.Context, d difference, old *ent.Release, c *slipway.Change) error {
	note := func(level, evidence, format string, args ...any) {
		c.Notes = append(c.Notes, slipway.RiskNote{Level: level, Text: fmt.Sprintf(format, args...), Evidence: evidence})
	}
	if c.Commits.Rewound && d.backwards(old) {
		note("wait", "They come from different branches.", "The commit to go back to is not in the history of the one that runs.")
	} else if c.Commits.Rewound {
		note("bad", "The commit that runs now is not in the history of the one to come.", "Commits that run now would be gone.")
	}
	majors(c, note)
	schema(d, c, note)
	if c.From != 0 && c.To != 0 && minorOf(c.Python[0]) != minorOf(c.Python[1]) {
		note("wait", "Read from the environments that were built.", "Python %s becomes %s.", c.Python[0], c.Python[1])
	}
	if d.release != nil && d.release.Lock == "" {
		note("wait", "No lock file in the commit.", "The dependencies are not locked.")
	}
	dataNotes(d, note)
	tests(c, note)
	configNotes(c, note)
	p.lacking(ctx, d, note)
	if d.rollback {
		return nil
	}
	below, err := catalog.Behind(ctx, p.db, d.service, d.environment)
	if err != nil || len(below) == 0 || d.release == nil {
		return err
	}
	stands, err := standings(ctx, p.db, d.release, below, store.Now())
	for i, st := range stands {
		provenNote(st, i == len(stands)-1, note)
	}
	return err
}

// provenNote tells how a release stands in an environment on the way; before is
// whether that is the one before.
func provenNote(st slipway.Standing, before bool, note noter) {
	switch {
	case st.Taken != nil:
		note("bad", "At "+st.Taken.At.UTC().Format("2006-01-02 15:04 UTC")+"; it was not verified there again since.", "%s.", capital(st.Taken.String()))
	case !before:
	case st.Fault != "":
		note("bad", "As it is seen now.", "Not proven in %s: it %s.", st.Environment, st.Fault)
	case !st.Verified:
		note("bad", "No promotion of it into "+st.Environment+" has succeeded.", "Never verified in %s.", st.Environment)
	case st.Serves:
		note("ok", "It serves there, for "+rough(st.Stood)+" since its promotion there succeeded.", "Verified in %s.", st.Environment)
	default:
		note("wait", fmt.Sprintf("Release %d serves there now.", st.Instead), "Verified in %s, where it has served for %s.", st.Environment, rough(st.Stood))
	}
}

// dataNotes tells what a release writes inside its own tree.
func dataNotes(d difference, note noter) {
	if d.release == nil || len(d.release.Manifest.Data) == 0 {
		return
	}
	var names []string
	for _, at := range d.release.Manifest.Data {
		names = append(names, at.String())
	}
	note("wait", "Read from the code, or stated with data: in slipway.yaml.", "It writes to %s: kept across deploys, on this machine only, and shared by old and new release while one takes over.", strings.Join(names, ", "))
}

type noter func(level, evidence, format string, args ...any)

func majors(c *slipway.Change, note noter) {
	indirect := []string{}
	for _, change := range c.Dependencies {
		switch {
		case change.Major && change.Direct:
			evidence := "Direct dependency."
			if t := c.Tests[1]; t != nil && t.Passed > 0 && t.Failed == 0 {
				evidence += fmt.Sprintf(" %d tests passed with it.", t.Passed)
			}
			note("wait", evidence, "%s %s to %s is a major version.", change.Name, change.From, change.To)
		case change.Major:
			indirect = append(indirect, change.Name+" "+change.From+" to "+change.To)
		}
	}
	if len(indirect) > 0 {
		note("wait", strings.Join(indirect[:min(len(indirect), 5)], ", ")+".", "%d indirect %s a major version.", len(indirect), plural(len(indirect), "dependency jumps", "dependencies jump"))
	}
}

func schema(d difference, c *slipway.Change, note noter) {
	if d.release == nil || d.rollback {
		return
	}
	n := len(c.Migrations)
	switch class, worst := classOf(c.Migrations); {
	case n == 0:
	case class == slipway.MigrationDestructive:
		note("bad", fmt.Sprintf("%s, line %d. %s", worst.File, worst.Line, capital(c.Back.Reason)), "%s %s.", worst.ID, worst.Reason)
	case class == slipway.MigrationUnknown:
		note("wait", fmt.Sprintf("%s, line %d.", worst.File, worst.Line), "%s %s; whether that is safe can't be read from it.", worst.ID, worst.Reason)
	default:
		evidence := "What runs now works on the new schema, so going back stays possible."
		note("ok", evidence, "%s.", plural(n, "The migration is additive", fmt.Sprintf("All %d migrations are additive", n)))
	}
	if m := d.release.Migrations; m != nil && m.Tool == "alembic" && len(m.Heads) > 1 {
		note("bad", strings.Join(m.Heads, ", ")+".", "There are %d heads; alembic refuses to upgrade.", len(m.Heads))
	}
}

func tests(c *slipway.Change, note noter) {
	was, is := c.Tests[0], c.Tests[1]
	switch {
	case c.To == 0:
	case is != nil && is.Verdict == slipway.TestsSkipped:
		note("wait", slipway.SkippedByOwner+".", "The release was not tested.")
	case is != nil && is.Verdict == slipway.TestsPassed && is.Total == 0:
		note("wait", is.Command+" has passed.", "How many tests passed isn't known.")
	case is == nil || is.Total == 0:
		note("wait", "None were found when it was built.", "The release has no tests.")
	case was != nil && is.Skipped > was.Skipped:
		note("wait", fmt.Sprintf("%d were skipped before, %d now.", was.Skipped, is.Skipped), "%d more tests are skipped.", is.Skipped-was.Skipped)
	case was != nil && is.Total < was.Total:
		note("wait", fmt.Sprintf("%d before, %d now.", was.Total, is.Total), "%d fewer tests.", was.Total-is.Total)
	}
}

func configNotes(c *slipway.Change, note noter) {
	var gone, secrets []string
	for _, change := range c.Config {
		if change.Loads != "" {
			note("wait", "It "+change.Loads+", whatever the release holds: read it as you read code.", "%s decides which code runs.", change.Key)
		}
		switch {
		case change.Gone && !change.File:
			gone = append(gone, change.Key)
		case change.Secret:
			secrets = append(secrets, change.Key)
		}
	}
	if len(gone) > 0 {
		note("wait", "It is set for what runs now.", "Config that runs now would be gone: %s.", strings.Join(gone, ", "))
	}
	if len(secrets) > 0 {
		note("wait", "By keyed fingerprint.", "Secrets differ: %s.", strings.Join(secrets, ", "))
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func minorOf(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// rough is a duration in its largest unit.
func rough(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
