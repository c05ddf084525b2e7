package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/store"
)

// promotionView is a promotion and what its reader may do.
type promotionView struct {
	*ent.Promotion
	Log     *stepLog
	Running *ent.Deployment // what has the traffic in the environment; nil for nothing
	Problem string          // why that can't be told
	Health  state
	Cancel  verdict
	Promote verdict
	Roll    verdict
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
	return environment + " still runs " + number(v.Running.Edges.Release.Number) + "."
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
		return text + " " + capital(v.still())
	}
	if slipway.StepName(v.EndedAtStep) == slipway.StepMigrate {
		return text + " The release command ran; the traffic did not move. " + capital(v.still())
	}
	return text + " Nothing was deployed. " + capital(v.still())
}

func (p *portal) showPromotion(c *call) error {
	q, err := p.Promotion(c.ctx, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	switch c.fragment() {
	case "log", "earlier":
		return p.logPart(c, q)
	}
	v := promotionView{Promotion: q}
	s, e := q.Edges.Service, q.Edges.Environment
	v.Cancel, v.Promote, v.Roll = c.may(slipway.PermitCancel, s.TeamID, e.Name), c.may(slipway.PermitPromote, s.TeamID, e.Name), c.may(slipway.PermitRollback, s.TeamID, e.Name)
	status, err := p.Status(c.ctx, s.Name)
	if err != nil {
		return err
	}
	for _, cell := range status.Cells {
		if cell.Environment == e.Name {
			v.Running, v.Problem, v.URL = cell.Deployment, cell.Problem, cell.URL
			if cell.Deployment != nil {
				v.Health = health(cell)
			}
		}
	}
	if err := p.surroundings(c, &v); err != nil {
		return err
	}
	if c.fragment() == "promotion" {
		v.Log = &stepLog{}
		v.Log.Step, v.Log.Chosen = stepOf(c, q)
		return c.show(http.StatusOK, promotionParts(v, c.frame("", "")))
	}
	if v.Log, err = p.readLog(c, q); err != nil {
		return err
	}
	f := c.frame(promotionTitle(q), "promotions")
	if !v.over() && v.Log != nil {
		f = f.live(string(at("promotions", q.ID, "live")), v.Log.After)
	}
	return c.show(http.StatusOK, promotionPage(f, v))
}

// surroundings are what else a promotion depends on.
func (p *portal) surroundings(c *call, v *promotionView) error {
	var err error
	if v.Line, err = p.Line(c.ctx, v.Promotion); err != nil {
		return err
	}
	if v.Promotion.Bundle != 0 {
		if v.Bundle, err = p.Platform.Bundle(c.ctx, strconv.Itoa(v.Promotion.Bundle)); err != nil {
			return err
		}
	}
	if v.over() && v.State != "succeeded" && !v.Rollback && v.Promote.May {
		policy, err := p.PolicyOf(c.ctx, v.Edges.Service.Name, v.Edges.Environment.Name)
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

func (p *portal) cancelPromotion(c *call) error {
	id := c.r.PathValue("id")
	q, err := p.Cancel(c.ctx, id)
	if err != nil {
		return err
	}
	said := "It was asked to stop; what is under way is undone first."
	if slipway.PromotionState(q.State).Over() {
		said = "It is cancelled."
	}
	return c.to(string(at("promotions", q.ID)), said)
}

// promotionList is a page of promotions.
type promotionList struct {
	store.List[*ent.Promotion]
	Query        platform.PromotionsQuery
	Environments []*ent.Environment
}

func (p *portal) listPromotions(c *call) error {
	l := promotionList{Query: platform.PromotionsQuery{
		Service: c.query("service"), Environment: c.query("env"), State: slipway.PromotionState(c.query("state")),
		Page: store.Page{Cursor: c.query("after"), Limit: 30},
	}}
	last, err := p.feed.Last(c.ctx)
	if err != nil {
		return err
	}
	if l.List, err = p.Promotions(c.ctx, l.Query); err != nil {
		return err
	}
	if c.fragment() == "list" {
		return c.show(http.StatusOK, promotionTable(l))
	}
	if l.Environments, err = p.Environments(c.ctx); err != nil {
		return err
	}
	return c.show(http.StatusOK, promotionsPage(c.frame("Promotions", "promotions").live("/live", strconv.Itoa(last)), l))
}

func slipwayStep(s *ent.Step) slipway.StepName { return slipway.StepName(s.Name) }

// logNote says how the step of a log stands.
func logNote(l stepLog) string {
	s := stepState(l.Step)
	switch t := took(l.Step.StartedAt, l.Step.EndedAt); {
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
		return "Done when the release was made; the log is with the promotion that built it."
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
