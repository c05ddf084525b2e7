package promotion

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// decideView is a promotion with all that a decision rests on.
type decideView struct {
	*ent.Promotion
	Change *slipway.Change
	May    platform.Deciding
}

func (v decideView) waiting() bool {
	return slipway.PromotionState(v.State) == slipway.PromotionWaiting
}

// question is the title of the page.
func (v decideView) question() string {
	e := v.Edges.Environment.Name
	if v.Rollback {
		return "Roll " + e + " back to " + v.Edges.Service.Name + " " + words.ReleaseOf(v.Promotion) + "?"
	}
	return "Promote " + words.PromotionTitle(v.Promotion) + "?"
}

// approval is the gate that people open; nil when there is none.
func (v decideView) approval() *slipway.Wait {
	for i, w := range v.Waits {
		if w.Gate == slipway.GateApproval {
			return &v.Waits[i]
		}
	}
	return nil
}

// then are the steps that would follow.
func (v decideView) then() []slipway.StepName {
	if v.Plan == nil {
		return nil
	}
	i := slices.Index(v.Plan.Steps, slipway.StepApprove)
	return v.Plan.Steps[i+1:]
}

// waitIcon is the sign of a gate.
func waitIcon(w slipway.Wait) string {
	if w.Gate == slipway.GateApproval {
		return "person"
	}
	return "clock"
}

// waitNote is the small print of a closed gate.
func waitNote(w slipway.Wait) string {
	until := "expires " + w.Until.UTC().Format("2006-01-02 15:04 UTC")
	if w.Opens {
		until = "opens " + w.Until.UTC().Format("2006-01-02 15:04 UTC")
	}
	if len(w.On) == 0 {
		return until
	}
	if len(w.On) > 4 {
		return fmt.Sprintf("waits on %s and %d more, %s", strings.Join(w.On[:4], ", "), len(w.On)-4, until)
	}
	return "waits on " + strings.Join(w.On, ", ") + ", " + until
}

// authorWords says whose change a promotion is.
func authorWords(q *ent.Promotion) string {
	who := "Written by people who have no account here"
	if len(q.Authors.Accounts) > 0 {
		who = "Written or committed by " + strings.Join(q.Authors.Accounts, ", ")
	}
	for _, c := range q.Authors.Config {
		who += "; " + c.Name + " changed " + c.What()
	}
	who += "; requested by " + q.RequestedBy
	if len(q.Behind) > 0 {
		who += " (with what " + strings.Join(q.Behind, ", ") + " made)"
	}
	return who
}

// verdictWords is what somebody said.
func verdictWords(d *ent.Decision) string {
	return d.Name + map[slipway.Verdict]string{
		slipway.VerdictApprove: " approved", slipway.VerdictReject: " rejected", slipway.VerdictExempt: " exempted it from freezes and rollbacks below",
		slipway.VerdictBreakGlass: " broke the glass",
	}[slipway.Verdict(d.Verdict)]
}

func verdictTone(d *ent.Decision) string {
	switch {
	case d.Void != "" || d.Lapsed != "":
		return "idle"
	case slipway.Verdict(d.Verdict) == slipway.VerdictApprove:
		return "ok"
	}
	return "bad"
}

func verdictIcon(d *ent.Decision) string {
	return map[string]string{"idle": "dash", "ok": "check", "bad": "cross"}[verdictTone(d)]
}

func (p *pages) showDecide(c *shell.Call) error {
	q, err := p.Promotion(c.Ctx, c.R.PathValue("id"))
	if err != nil {
		return err
	}
	v := decideView{Promotion: q}
	if v.Change, err = p.Change(c.Ctx, c.R.PathValue("id")); err != nil {
		return err
	}
	if v.May, err = p.Deciding(c.Ctx, q); err != nil {
		return err
	}
	return c.Show(http.StatusOK, decidePage(c.Frame(v.question(), "promotions"), v))
}

// decide gives the answer to the plan that the page showed. When that has moved,
// the page is shown again as it stands now.
func (p *pages) decide(c *shell.Call) error {
	id := c.R.PathValue("id")
	in := platform.DecideInput{Verdict: slipway.Verdict(c.Form("verdict")), Comment: c.Form("comment"), Plan: slipway.Digest(c.Form("plan"))}
	q, err := p.Decide(c.Ctx, id, in)
	if err != nil {
		return err
	}
	said := map[slipway.Verdict]string{
		slipway.VerdictApprove: "You have approved it.", slipway.VerdictReject: "You have rejected it.",
		slipway.VerdictExempt: "Freezes and windows are open for it, and what was rolled back on the way keeps it no more.", slipway.VerdictBreakGlass: "Every gate is open for it. That is on record.",
	}[in.Verdict]
	return c.To(string(words.Path("promotions", q.ID)), said)
}

func (p *pages) retryPromotion(c *shell.Call) error {
	q, err := p.Retry(c.Ctx, c.R.PathValue("id"), platform.Skip{Step: slipway.StepName(c.Form("skip")), Reason: c.Form("reason")})
	if err != nil {
		return err
	}
	return c.To(string(words.Path("promotions", q.ID)), "")
}
