package web

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
)

// tone is how a state looks: ok, bad, wait, run or idle.
type tone string

// state is a word with a sign, never a colour alone.
type state struct {
	Tone tone
	Word string
	Icon string
	Hint string // the whole sentence, where the word is short for one
}

func toned(t tone, word string) state {
	icons := map[tone]string{"ok": "check", "bad": "cross", "wait": "clock", "run": "spin", "idle": "dash"}
	return state{Tone: t, Word: word, Icon: icons[t]}
}

// promotionState says how a promotion stands.
func promotionState(q *ent.Promotion) state {
	return promotionWords(slipway.PromotionState(q.State), slipway.StepName(q.EndedAtStep), q.Rollback)
}

// promotionWords says how a promotion stands: at which step it ended, if badly.
func promotionWords(s slipway.PromotionState, step slipway.StepName, back bool) state {
	at := func(word string) string {
		if step == "" {
			return word
		}
		return word + " in " + strings.ToLower(stepWord(step))
	}
	switch s {
	case slipway.PromotionQueued:
		return toned("run", "Queued")
	case slipway.PromotionWaiting:
		return toned("wait", "Waiting")
	case slipway.PromotionRunning:
		return toned("run", "Running")
	case slipway.PromotionVerifying:
		return toned("run", "Verifying")
	case slipway.PromotionSucceeded:
		if back {
			return toned("ok", "Rolled back")
		}
		return toned("ok", "Succeeded")
	case slipway.PromotionFailed:
		return toned("bad", at("Failed"))
	case slipway.PromotionErrored:
		return toned("bad", at("Errored"))
	case slipway.PromotionCancelled:
		return toned("idle", at("Cancelled"))
	}
	return toned("idle", capital(string(s)))
}

// stepState says how a step stands.
func stepState(s *ent.Step) state {
	switch slipway.StepState(s.State) {
	case slipway.StepRunning:
		return toned("run", "Running")
	case slipway.StepSucceeded:
		return toned("ok", "Succeeded")
	case slipway.StepReused:
		return toned("ok", "Reused")
	case slipway.StepFailed:
		return toned("bad", "Failed")
	case slipway.StepErrored:
		return toned("bad", "Errored")
	case slipway.StepCancelled:
		return toned("idle", "Cancelled")
	case slipway.StepSkipped:
		return toned("idle", "Skipped")
	}
	return toned("idle", "Not begun")
}

var stepWords = map[slipway.StepName]string{
	slipway.StepFetch: "Fetch", slipway.StepBuild: "Build", slipway.StepTest: "Test", slipway.StepRender: "Render config", slipway.StepRehearse: "Rehearse",
	slipway.StepApprove: "Approve", slipway.StepPreflight: "Preflight", slipway.StepMigrate: "Migrate", slipway.StepDeploy: "Deploy", slipway.StepVerify: "Verify",
}

func stepWord(name slipway.StepName) string {
	if word, ok := stepWords[name]; ok {
		return word
	}
	return capital(string(name))
}

// stepNote is the line below a step's name.
func stepNote(s *ent.Step, q *ent.Promotion) string {
	if s.Reason != "" {
		return capital(s.Reason)
	}
	switch slipway.StepName(s.Name) {
	case slipway.StepFetch:
		return commitWords(q.Commit)
	case slipway.StepTest:
		if t := report.TestsOf(q); t != nil && slipway.StepState(s.State) != slipway.StepPending {
			return testWords(t)
		}
	}
	return ""
}

func commitWords(c slipway.Commit) string {
	if c.Ref == "" || strings.HasPrefix(c.ID, c.Ref) {
		return short(c.ID)
	}
	return c.Ref + " at " + short(c.ID)
}

func testWords(t *slipway.TestReport) string {
	switch {
	case t != nil && t.Verdict == slipway.TestsFailed && t.Failed+t.Errors == 0:
		return "Could not run"
	case t != nil && t.Verdict == slipway.TestsSkipped:
		return "Skipped by its owner"
	case t == nil || t.Verdict == slipway.TestsNone || t.Command == "" && t.Total == 0:
		return "No tests"
	case t.Verdict == slipway.TestsPassed && t.Total == 0:
		return "Passed, not counted"
	}
	if bad := t.Failed + t.Errors; bad > 0 {
		return fmt.Sprintf("%d of %d failed", bad, t.Total)
	}
	text := fmt.Sprintf("%d passed", t.Passed)
	if t.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", t.Skipped)
	}
	return text
}

// cellState says what runs in a cell.
func cellState(c report.Cell) state {
	if q := c.Promotion; q != nil && !slipway.PromotionState(q.State).Over() {
		s := promotionState(q)
		if n := releaseOf(q); n != "" {
			s.Word += " " + n
		}
		return s
	}
	if c.Deployment == nil {
		if q := c.Promotion; q != nil && slipway.PromotionState(q.State) != slipway.PromotionSucceeded {
			return promotionState(q)
		}
		return state{}
	}
	return health(c)
}

// health is what the target sees of a deployment.
func health(c report.Cell) state {
	if c.Problem != "" {
		s := toned("wait", "Unknown")
		s.Hint = capital(c.Problem)
		return s
	}
	total, healthy, why := 0, 0, ""
	for _, i := range c.Observed.Instances {
		if i.State == slipway.InstanceDraining || i.State == slipway.InstanceStopped {
			continue
		}
		total++
		if i.State == slipway.InstanceHealthy {
			healthy++
		} else if i.Reason != "" {
			why = i.Reason
		}
	}
	s := toned("bad", "Stopped")
	switch {
	case total > 0 && healthy == total:
		s = toned("ok", "Healthy")
	case total > 0:
		s = toned("bad", fmt.Sprintf("%d of %d healthy", healthy, total))
	}
	s.Hint = capital(why)
	if d := c.Deployment; d != nil && d.Condition != "" && s.Tone == "ok" {
		s = toned("bad", map[slipway.Condition]string{slipway.ConditionDrifted: "Drifted", slipway.ConditionCrashes: "Crash loop", slipway.ConditionDown: "Down"}[slipway.Condition(d.Condition)])
	}
	if d := c.Deployment; d != nil && d.ConditionReason != "" && s.Tone == "bad" {
		s.Hint = capital(d.ConditionReason)
	}
	return s
}

// releaseOf is the number of a promotion's release, "" before it is built.
func releaseOf(q *ent.Promotion) string {
	if q.Edges.Release == nil {
		return ""
	}
	return strconv.Itoa(q.Edges.Release.Number)
}

// promotionTitle names a promotion as people do.
func promotionTitle(q *ent.Promotion) string {
	service, environment := q.Edges.Service.Name, q.Edges.Environment.Name
	what := releaseOf(q)
	if what == "" {
		what = short(q.Commit.ID)
	}
	if q.Rollback {
		return fmt.Sprintf("%s back to %s in %s", service, what, environment)
	}
	return fmt.Sprintf("%s %s to %s", service, what, environment)
}

// under tells whether a promotion goes on.
func under(q *ent.Promotion) bool { return q != nil && !slipway.PromotionState(q.State).Over() }

func short(commit string) string { return commit[:min(len(commit), 7)] }

func shortDigest(d string) string {
	d = strings.TrimPrefix(d, "sha256:")
	return d[:min(len(d), 12)]
}

// capital begins a sentence; the name of a file, or of a key, stays as it is.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	first, _, _ := strings.Cut(s, " ")
	if n == 0 || strings.ContainsAny(strings.TrimRight(first, ".,:;"), "./_=") {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// plural counts things.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if stem, ok := strings.CutSuffix(one, "ry"); ok {
		return fmt.Sprintf("%d %sries", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// duration says how long in the largest two units.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return two(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	case d < 24*time.Hour:
		return two(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return two(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
}

func two(a int, first string, b int, second string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, first)
	}
	return fmt.Sprintf("%d %s %d %s", a, first, b, second)
}

// ago says how long something is past, or still off, in the largest unit.
func ago(t time.Time) string {
	d := time.Since(t)
	if d < 0 {
		d = -d
	}
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours())/24)
}

// took is how long a step or a promotion has run, "" before it began.
func took(began, ended *time.Time) string {
	switch {
	case began == nil:
		return ""
	case ended == nil:
		return duration(time.Since(*began).Round(time.Second))
	}
	return duration(ended.Sub(*began))
}

func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.0f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

// at makes a path of its parts, whatever they hold.
func at(parts ...any) templ.SafeURL {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("/" + url.PathEscape(fmt.Sprint(part)))
	}
	return templ.SafeURL(b.String())
}

// with adds parameters to a path; empty ones are left out.
func with(path templ.SafeURL, pairs ...string) templ.SafeURL {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return templ.SafeURL(string(path) + "?" + q.Encode())
}

// repositoryLink is where a repository can be looked at, "" where it can't in a
// browser.
func repositoryLink(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	u.User = nil
	return strings.TrimSuffix(u.String(), ".git")
}

// repositoryWords is a repository as people say it.
func repositoryWords(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host + strings.TrimSuffix(u.Path, ".git")
	}
	return strings.TrimPrefix(raw, "file://")
}
