package words

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
)

// PromotionState says how a promotion stands.
func PromotionState(q *ent.Promotion) State {
	return PromotionWords(slipway.PromotionState(q.State), slipway.StepName(q.EndedAtStep), q.Rollback)
}

// PromotionWords says how a promotion stands: at which step it ended, if badly.
func PromotionWords(s slipway.PromotionState, step slipway.StepName, back bool) State {
	at := func(word string) string {
		if step == "" {
			return word
		}
		return word + " in " + strings.ToLower(StepWord(step))
	}
	switch s {
	case slipway.PromotionQueued:
		return Toned("run", "Queued")
	case slipway.PromotionWaiting:
		return Toned("wait", "Waiting")
	case slipway.PromotionRunning:
		return Toned("run", "Running")
	case slipway.PromotionVerifying:
		return Toned("run", "Verifying")
	case slipway.PromotionSucceeded:
		if back {
			return Toned("ok", "Rolled back")
		}
		return Toned("ok", "Succeeded")
	case slipway.PromotionFailed:
		return Toned("bad", at("Failed"))
	case slipway.PromotionErrored:
		return Toned("bad", at("Errored"))
	case slipway.PromotionCancelled:
		return Toned("idle", at("Cancelled"))
	}
	return Toned("idle", Capital(string(s)))
}

// StepState says how a step stands.
func StepState(s *ent.Step) State {
	switch slipway.StepState(s.State) {
	case slipway.StepRunning:
		return Toned("run", "Running")
	case slipway.StepSucceeded:
		return Toned("ok", "Succeeded")
	case slipway.StepReused:
		return Toned("ok", "Reused")
	case slipway.StepFailed:
		return Toned("bad", "Failed")
	case slipway.StepErrored:
		return Toned("bad", "Errored")
	case slipway.StepCancelled:
		return Toned("idle", "Cancelled")
	case slipway.StepSkipped:
		return Toned("idle", "Skipped")
	}
	return Toned("idle", "Not begun")
}

var stepWords = map[slipway.StepName]string{
	slipway.StepFetch: "Fetch", slipway.StepBuild: "Build", slipway.StepTest: "Test", slipway.StepRender: "Render config", slipway.StepRehearse: "Rehearse",
	slipway.StepApprove: "Approve", slipway.StepPreflight: "Preflight", slipway.StepMigrate: "Migrate", slipway.StepDeploy: "Deploy", slipway.StepVerify: "Verify",
}

// StepWord is a step as people say it; one that is not known, by its own name.
func StepWord(name slipway.StepName) string {
	if word, ok := stepWords[name]; ok {
		return word
	}
	return Capital(string(name))
}

// StepNote is the line below a step's name.
func StepNote(s *ent.Step, q *ent.Promotion) string {
	if s.Reason != "" {
		return Capital(s.Reason)
	}
	switch slipway.StepName(s.Name) {
	case slipway.StepFetch:
		return CommitWords(q.Commit)
	case slipway.StepTest:
		if t := report.TestsOf(q); t != nil && slipway.StepState(s.State) != slipway.StepPending {
			return TestWords(t)
		}
	}
	return ""
}

// CellState says what runs in a cell.
func CellState(c report.Cell) State {
	if q := c.Promotion; q != nil && !slipway.PromotionState(q.State).Over() {
		s := PromotionState(q)
		if n := ReleaseOf(q); n != "" {
			s.Word += " " + n
		}
		return s
	}
	if c.Deployment == nil {
		if q := c.Promotion; q != nil && slipway.PromotionState(q.State) != slipway.PromotionSucceeded {
			return PromotionState(q)
		}
		return State{}
	}
	return Health(c)
}

// Health is what the target sees of a deployment.
func Health(c report.Cell) State {
	if c.Problem != "" {
		s := Toned("wait", "Unknown")
		s.Hint = Capital(c.Problem)
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
	s := Toned("bad", "Stopped")
	switch {
	case total > 0 && healthy == total:
		s = Toned("ok", "Healthy")
	case total > 0:
		s = Toned("bad", fmt.Sprintf("%d of %d healthy", healthy, total))
	}
	s.Hint = Capital(why)
	if d := c.Deployment; d != nil && d.Condition != "" && s.Tone == "ok" {
		s = Toned("bad", map[slipway.Condition]string{slipway.ConditionDrifted: "Drifted", slipway.ConditionCrashes: "Crash loop", slipway.ConditionDown: "Down"}[slipway.Condition(d.Condition)])
	}
	if d := c.Deployment; d != nil && d.ConditionReason != "" && s.Tone == "bad" {
		s.Hint = Capital(d.ConditionReason)
	}
	return s
}

// ReleaseOf is the number of a promotion's release, "" before it is built.
func ReleaseOf(q *ent.Promotion) string {
	if q.Edges.Release == nil {
		return ""
	}
	return strconv.Itoa(q.Edges.Release.Number)
}

// PromotionTitle names a promotion as people do.
func PromotionTitle(q *ent.Promotion) string {
	service, environment := q.Edges.Service.Name, q.Edges.Environment.Name
	what := ReleaseOf(q)
	if what == "" {
		what = ShortCommit(q.Commit.ID)
	}
	if q.Rollback {
		return fmt.Sprintf("%s back to %s in %s", service, what, environment)
	}
	return fmt.Sprintf("%s %s to %s", service, what, environment)
}

// UnderWay tells whether a promotion goes on.
func UnderWay(q *ent.Promotion) bool { return q != nil && !slipway.PromotionState(q.State).Over() }

// FailedWords says which release ended, and how: "7 failed".
func FailedWords(q *ent.Promotion) string {
	return strings.TrimSpace(ReleaseOf(q)+" ") + " " + strings.ToLower(PromotionState(q).Word)
}

// ReleaseOrCommit is the release of a promotion, or its commit before it is built.
func ReleaseOrCommit(q *ent.Promotion) string {
	if n := ReleaseOf(q); n != "" {
		return n
	}
	return ShortCommit(q.Commit.ID)
}

// HeldWords says what a hold does, and why.
func HeldWords(h *ent.Hold) string {
	why := h.Reason
	if h.PromotionID == 0 {
		why += ", held by " + h.PlacedBy
	}
	return "Nothing is promoted to " + h.Edges.Environment.Name + " by itself: " + why + "."
}

// PromotionLine is the small print of a promotion in a list.
func PromotionLine(q *ent.Promotion) string {
	s := slipway.PromotionState(q.State)
	switch {
	case s == slipway.PromotionWaiting && q.Reason != "":
		return Capital(q.Reason)
	case !s.Over():
		if step := report.ActiveStep(q); step != nil && slipway.StepState(step.State) == slipway.StepRunning {
			return StepWord(slipway.StepName(step.Name)) + " is running"
		}
		return PromotionState(q).Word
	}
	line := PromotionState(q).Word
	if q.Reason != "" && s != slipway.PromotionSucceeded {
		return line + ": " + q.Reason
	}
	if t := Took(q.StartedAt, q.EndedAt); t != "" {
		line += " in " + t
	}
	return line + ", by " + q.RequestedBy
}

// FreezeScope says what a freeze is about.
func FreezeScope(z *catalog.Freeze) string {
	where := "all environments"
	if z.Environment != "" {
		where = z.Environment
	}
	if z.Team != "" {
		where += ", services of " + z.Team
	}
	if z.Window != nil {
		where += ", only " + z.Window.String()
	}
	return where
}
