package promotion

import (
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// planView is a promotion before it is asked for.
type planView struct {
	In           platform.PromoteInput
	Back         bool // a rollback
	Today        bool // with the config of today
	Deployment   int  // the promotion whose deployment to go back to; 0 for the last good one
	Plan         *platform.Plan
	Err          string
	Environments []*ent.Environment
	Releases     []*ent.Release
	Targets      []slipway.Stay // what a rollback can lead to, the last one first
	Running      int            // the release that runs; 0 for none
	Change       *slipway.Change
	May          parts.Verdict
}

// first tells whether the promotion goes to the first environment, where a
// commit is built.
func (v planView) first() bool {
	return len(v.Environments) > 0 && (v.In.Environment == "" || v.In.Environment == v.Environments[0].Name)
}

func (v planView) target() string {
	if v.In.Environment == "" && len(v.Environments) > 0 {
		return v.Environments[0].Name
	}
	return v.In.Environment
}

// same tells whether what would run runs already.
func (v planView) same() bool {
	return v.Plan.Running != nil && v.Plan.Release != nil && v.Plan.Running.ID == v.Plan.Release.ID
}

// subject is what would be promoted.
func (v planView) subject() string {
	if v.Plan.Release != nil {
		return "release " + words.Number(v.Plan.Release.Number)
	}
	return "a new release of " + words.ShortCommit(v.Plan.Commit.ID)
}

// forward tells whether the plan goes on to a newer release, which was gone back from.
func (v planView) forward() bool { return v.Back && v.Plan != nil && v.Plan.Forward() }

// targets are those that lead back, or those that lead on to a newer release.
func (v planView) targets(forward bool) (list []slipway.Stay) {
	for _, s := range v.Targets {
		if forward == (v.Running != 0 && s.Release > v.Running) {
			list = append(list, s)
		}
	}
	return list
}

// chosen tells whether the plan leads to a deployment.
func (v planView) chosen(s slipway.Stay) bool {
	if v.Deployment != 0 {
		return s.Promotion == v.Deployment
	}
	return v.In.Release != 0 && v.Plan != nil && v.Plan.Back == s.Promotion
}

// targetWords say which release ran, and since when with which promotion's config.
func (v planView) targetWords(s slipway.Stay) string {
	text := words.Number(s.Release) + ", promotion " + words.Number(s.Promotion) + " of " + s.Began.UTC().Format("2006-01-02 15:04")
	for _, r := range v.Releases {
		if r.Number == s.Release && r.Subject != "" {
			text += ": " + words.Clip(r.Subject, 40)
		}
	}
	return text
}

func (p *pages) readPlan(c *shell.Call, back bool) (*ent.Service, planView, error) {
	v, err := p.Service(c.Ctx, c.R.PathValue("service"))
	if err != nil {
		return v, planView{}, err
	}
	get := c.Query
	if c.R.Method == http.MethodPost {
		get = c.Form
	}
	release, err := strconv.Atoi(get("release"))
	if err != nil {
		release = 0
	}
	w := planView{Back: back, Today: back && get("config") == "today", In: platform.PromoteInput{Service: v.Name, Environment: get("to"), Ref: get("ref"), Release: release}}
	if back {
		w.In.Environment = get("env")
		if w.Deployment, err = strconv.Atoi(get("deployment")); err == nil && w.Deployment != 0 {
			w.In.Release = 0
		}
	}
	if w.Environments, err = p.Path(c.Ctx, v.Name); err != nil {
		return v, w, err
	}
	list, err := p.Releases(c.Ctx, v.Name, store.Page{Limit: 50})
	w.Releases = list.Items
	permission := slipway.PermitPromote
	if back && err == nil {
		permission = slipway.PermitRollback
		w.Targets, w.Running, err = p.RollbackTargets(c.Ctx, v.Name, w.target())
	}
	w.May = c.May(permission, v.TeamID, w.target())
	return v, w, err
}

// fill works out the plan and what would change. What stands in its way is part
// of the page, not a page of its own.
func (p *pages) fill(c *shell.Call, w *planView) error {
	var err error
	if w.Back {
		w.Plan, err = p.PlanRollback(c.Ctx, platform.RollbackInput{Service: w.In.Service, Environment: w.In.Environment, Release: w.In.Release, Deployment: w.Deployment, Today: w.Today})
	} else {
		w.Plan, err = p.Plan(c.Ctx, w.In)
	}
	if err != nil {
		if slipway.CodeOf(err) == slipway.Internal {
			return err
		}
		w.Err, w.Plan = shell.Sentence(err), nil
		return nil
	}
	w.Change, err = p.ChangeOfPlan(c.Ctx, w.Plan)
	return err
}

func (p *pages) planPromotion(c *shell.Call) error { return p.showPlan(c, false) }
func (p *pages) planRollback(c *shell.Call) error  { return p.showPlan(c, true) }

func (p *pages) showPlan(c *shell.Call, back bool) error {
	v, w, err := p.readPlan(c, back)
	if err != nil {
		return err
	}
	if err := p.fill(c, &w); err != nil {
		return err
	}
	title := "Promote " + v.Name
	if back && !w.forward() {
		title = "Roll back " + v.Name
	}
	return c.Show(http.StatusOK, planPage(c.Frame(title, "promotions"), v, w))
}

func (p *pages) promote(c *shell.Call) error  { return p.start(c, false) }
func (p *pages) rollback(c *shell.Call) error { return p.start(c, true) }

func (p *pages) start(c *shell.Call, back bool) error {
	v, w, err := p.readPlan(c, back)
	if err != nil {
		return err
	}
	// A branch may have moved since the plan was shown: then it is shown again.
	if commit := c.Form("commit"); commit != "" {
		if err := p.fill(c, &w); err != nil {
			return err
		}
		if w.Plan != nil && w.Plan.Commit.ID != commit {
			w.Err = "There is a newer commit than the one you were shown. This is what it would do now; nothing was started."
			return c.Show(http.StatusConflict, planPage(c.Frame("Promote "+v.Name, "promotions"), v, w))
		}
	}
	var q *ent.Promotion
	if back {
		q, err = p.Rollback(c.Ctx, platform.RollbackInput{Service: v.Name, Environment: w.In.Environment, Release: w.In.Release, Deployment: w.Deployment, Today: w.Today, Why: c.Form("why")})
	} else {
		q, err = p.Promote(c.Ctx, w.In)
	}
	if err != nil {
		if slipway.CodeOf(err) == slipway.Internal || slipway.CodeOf(err) == slipway.Denied {
			return err
		}
		w.Err = shell.Sentence(err)
		return c.Show(shell.StatusOf(err), planPage(c.Frame("Promote "+v.Name, "promotions"), v, w))
	}
	return c.To(string(words.Path("promotions", q.ID)), "")
}

func plannedTone(s slipway.PlannedStep) string {
	if s.State == slipway.StepReused {
		return "ok"
	}
	if s.State == slipway.StepPending {
		return ""
	}
	return "idle"
}

// plannedNotes say what each step is for, to who sees it for the first time.
var plannedNotes = map[slipway.StepName]string{
	slipway.StepFetch: "the exact commit", slipway.StepBuild: "an artifact that every environment runs", slipway.StepTest: "the project's own tests",
	slipway.StepRender: "config for this environment", slipway.StepMigrate: "the release command, once", slipway.StepDeploy: "new beside old, then the traffic moves",
	slipway.StepVerify: "seen serving, from outside", slipway.StepApprove: "a person's yes", slipway.StepRehearse: "with placeholders for secrets, without traffic",
	slipway.StepPreflight: "with the secrets, before anything is changed",
}

func plannedNote(s slipway.PlannedStep) string {
	if s.Reason != "" {
		return s.Reason
	}
	return plannedNotes[s.Name]
}

func planAction(v *ent.Service, w planView) templ.SafeURL {
	if w.Back {
		return words.Path("services", v.Name, "rollback")
	}
	return words.Path("services", v.Name, "promote")
}

func branchWords(v *ent.Service) string {
	if v.Branch != "" {
		return v.Branch
	}
	return "the default branch"
}
