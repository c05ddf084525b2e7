package promotion

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// promotionView is a promotion and what its reader may do.
type promotionView struct {
	*ent.Promotion
	Log     *stepLog
	Running *ent.Deployment // what has the traffic in the environment; nil for nothing
	Problem string          // why that can't be told
	Health  words.State
	Cancel  parts.Verdict
	Promote parts.Verdict
	Roll    parts.Verdict
	URL     string
	Line    *platform.Line     // where it stands, when no gate keeps it and it can't go on
	Bundle  []*ent.Promotion   // that it belongs to, itself included
	MaySkip []slipway.StepName // when it is tried again
}

func (v promotionView) over() bool { return slipway.PromotionState(v.State).Over() }

func (v promotionView) own() bool { return slipway.PromotionState(v.State) == slipway.PromotionFailed }

// done counts the steps that are over, for "5 of 7".
func (v promotionView) done() int {
	n := 0
	for _, s := range v.Edges.Steps {
		switch slipway.StepState(s.State) {
		case slipway.StepPending, slipway.StepRunning:
		default:
			n++
		}
	}
	return n
}

// still says what runs in the environment of a promotion that ended badly.
func (v promotionView) still() string {
	environment := v.Edges.Environment.Name
	if v.Running == nil {
		return "Nothing runs in " + environment + "."
	}
	return environment + " still runs " + words.Number(v.Running.Edges.Release.Number) + "."
}

// deployed tells whether the end came after the switch had begun.
func (v promotionView) deployed() bool {
	switch slipway.StepName(v.EndedAtStep) {
	case slipway.StepDeploy, slipway.StepVerify:
		return true
	}
	return false
}

// whose says whose result the end of a promotion is.
func (v promotionView) whose() string {
	var text string
	switch slipway.PromotionState(v.State) {
	case slipway.PromotionFailed:
		text = "This is the service's own result, not a fault of the platform."
	case slipway.PromotionErrored:
		text = "The platform could not find out; this says nothing about the release."
	default:
		return ""
	}
	if v.deployed() {
		return text + " " + words.Capital(v.still())
	}
	if slipway.StepName(v.EndedAtStep) == slipway.StepMigrate {
		return text + " The release command ran; the traffic did not move. " + words.Capital(v.still())
	}
	return text + " Nothing was deployed. " + words.Capital(v.still())
}

func (p *pages) showPromotion(c *shell.Call) error {
	q, err := p.Promotion(c.Ctx, c.R.PathValue("id"))
	if err != nil {
		return err
	}
	switch c.Fragment() {
	case "log", "earlier":
		return p.logPart(c, q)
	}
	v := promotionView{Promotion: q}
	s, e := q.Edges.Service, q.Edges.Environment
	v.Cancel, v.Promote, v.Roll = c.May(slipway.PermitCancel, s.TeamID, e.Name), c.May(slipway.PermitPromote, s.TeamID, e.Name), c.May(slipway.PermitRollback, s.TeamID, e.Name)
	status, err := p.Status(c.Ctx, s.Name)
	if err != nil {
		return err
	}
	for _, cell := range status.Cells {
		if cell.Environment == e.Name {
			v.Running, v.Problem, v.URL = cell.Deployment, cell.Problem, cell.URL
			if cell.Deployment != nil {
				v.Health = words.Health(cell)
			}
		}
	}
	if err := p.surroundings(c, &v); err != nil {
		return err
	}
	if c.Fragment() == "promotion" {
		v.Log = &stepLog{}
		v.Log.Step, v.Log.Chosen = stepOf(c, q)
		return c.Show(http.StatusOK, promotionParts(v, c.Frame("", "")))
	}
	if v.Log, err = p.readLog(c, q); err != nil {
		return err
	}
	f := c.Frame(words.PromotionTitle(q), "promotions")
	if !v.over() && v.Log != nil {
		f = f.WithStream(string(words.Path("promotions", q.ID, "live")), v.Log.After)
	}
	return c.Show(http.StatusOK, promotionPage(f, v))
}

// surroundings are what else a promotion depends on.
func (p *pages) surroundings(c *shell.Call, v *promotionView) error {
	var err error
	if v.Line, err = p.Line(c.Ctx, v.Promotion); err != nil {
		return err
	}
	if v.Promotion.Bundle != 0 {
		if v.Bundle, err = p.Platform.Bundle(c.Ctx, strconv.Itoa(v.Promotion.Bundle)); err != nil {
			return err
		}
	}
	if v.over() && v.State != "succeeded" && !v.Rollback && v.Promote.May {
		policy, err := p.PolicyOf(c.Ctx, v.Edges.Service.Name, v.Edges.Environment.Name)
		if err != nil {
			return err
		}
		v.MaySkip = policy.Policy.MaySkip
		if v.State == "errored" && slipway.StepName(v.EndedAtStep) == slipway.StepMigrate {
			v.MaySkip = []slipway.StepName{slipway.StepMigrate}
		}
	}
	return nil
}

func (p *pages) cancelPromotion(c *shell.Call) error {
	id := c.R.PathValue("id")
	q, err := p.Cancel(c.Ctx, id)
	if err != nil {
		return err
	}
	said := "It was asked to stop; what is under way is undone first."
	if slipway.PromotionState(q.State).Over() {
		said = "It is cancelled."
	}
	return c.To(string(words.Path("promotions", q.ID)), said)
}

// promotionList is a page of promotions.
type promotionList struct {
	store.List[*ent.Promotion]
	Query        platform.PromotionsQuery
	Environments []*ent.Environment
}

func (p *pages) listPromotions(c *shell.Call) error {
	l := promotionList{Query: platform.PromotionsQuery{
		Service: c.Query("service"), Environment: c.Query("env"), State: slipway.PromotionState(c.Query("state")),
		Page: store.Page{Cursor: c.Query("after"), Limit: 30},
	}}
	last, err := p.Feed.Last(c.Ctx)
	if err != nil {
		return err
	}
	if l.List, err = p.Promotions(c.Ctx, l.Query); err != nil {
		return err
	}
	if c.Fragment() == "list" {
		return c.Show(http.StatusOK, promotionTable(l))
	}
	if l.Environments, err = p.Environments(c.Ctx); err != nil {
		return err
	}
	return c.Show(http.StatusOK, promotionsPage(c.Frame("Promotions", "promotions").WithStream("/live", strconv.Itoa(last)), l))
}

func slipwayStep(s *ent.Step) slipway.StepName { return slipway.StepName(s.Name) }

// logNote says how the step of a log stands.
func logNote(l stepLog) string {
	s := words.StepState(l.Step)
	switch t := words.Took(l.Step.StartedAt, l.Step.EndedAt); {
	case s.Tone == "run":
		return "running for " + t
	case t == "":
		return strings.ToLower(s.Word)
	default:
		return strings.ToLower(s.Word) + " after " + t
	}
}

// cut is what of its predecessor's work was cut when it took over.
func (v promotionView) cut() string {
	for _, s := range v.Edges.Steps {
		if slipway.StepName(s.Name) == slipway.StepDeploy && slipway.StepState(s.State) == slipway.StepSucceeded {
			return s.Reason
		}
	}
	return ""
}

// silence says why a log is empty.
func silence(l stepLog) string {
	if l.Find != "" {
		return "No line holds this text."
	}
	switch slipway.StepState(l.Step.State) {
	case slipway.StepPending:
		return "This step has not begun."
	case slipway.StepRunning:
		return "Nothing was printed so far."
	case slipway.StepReused:
		return "Cached: it was done when the release was built. The log is with that promotion."
	case slipway.StepSkipped:
		return "Skipped: " + l.Step.Reason
	}
	return "This step printed nothing."
}

// comeBefore says how long a line is.
func comeBefore(l *platform.Line) string {
	if l.Ahead == 1 {
		return "one promotion comes before it"
	}
	return strconv.Itoa(l.Ahead) + " promotions come before it"
}

// again is where the same is promoted once more.
// againWords say what a promotion that is tried again takes along.
func againWords(q *ent.Promotion) string {
	if q.Edges.Release == nil {
		return "the same commit, built with the overrides of now, with the config of now"
	}
	return "as it was built, with the config of now; into the first environment built anew where the overrides have changed"
}

func again(q *ent.Promotion) templ.SafeURL {
	pairs := []string{"to", q.Edges.Environment.Name, "release", words.ReleaseOf(q)}
	if words.ReleaseOf(q) == "" {
		pairs = append(pairs, "ref", q.Commit.ID)
	}
	return words.WithQuery(words.Path("services", q.Edges.Service.Name, "promote"), pairs...)
}

func reasonOf(q *ent.Promotion) string {
	if q.Reason == "" {
		return words.PromotionState(q).Word
	}
	return words.Capital(q.Reason)
}

func refWords(q *ent.Promotion) string {
	switch s := q.Edges.Service; {
	case q.Commit.Ref != "" && !strings.HasPrefix(q.Commit.ID, q.Commit.Ref):
		return q.Commit.Ref
	case s.Branch != "":
		return s.Branch
	}
	return "the repository"
}

func endWords(v promotionView) string {
	for _, s := range v.Edges.Steps {
		if string(s.Name) == v.EndedAtStep {
			return strings.ToLower(words.StepState(s).Word) + " after " + words.Took(s.StartedAt, s.EndedAt)
		}
	}
	return ""
}

// failures are the tests that made a promotion fail.
func failures(q *ent.Promotion) []slipway.TestFailure {
	if slipway.StepName(q.EndedAtStep) != slipway.StepTest || q.Edges.Release == nil || q.Edges.Release.Tests == nil {
		return nil
	}
	return q.Edges.Release.Tests.Failures
}
