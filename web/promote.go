package web

import (
	"net/http"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/store"
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
	Change       *slipway.Change
	May          verdict
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
		return "release " + number(v.Plan.Release.Number)
	}
	return "a new release of " + short(v.Plan.Commit.ID)
}

func (p *portal) readPlan(c *call, back bool) (serviceView, planView, error) {
	v, err := p.serviceOf(c, "")
	if err != nil {
		return v, planView{}, err
	}
	get := c.query
	if c.r.Method == http.MethodPost {
		get = c.form
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
	if w.Environments, err = p.Path(c.ctx, v.Name); err != nil {
		return v, w, err
	}
	list, err := p.Releases(c.ctx, v.Name, store.Page{Limit: 50})
	w.Releases = list.Items
	permission := slipway.PermitPromote
	if back {
		permission = slipway.PermitRollback
	}
	w.May = c.may(permission, v.TeamID, w.target())
	return v, w, err
}

// fill works out the plan and what would change. What stands in its way is part
// of the page, not a page of its own.
func (p *portal) fill(c *call, w *planView) error {
	var err error
	if w.Back {
		w.Plan, err = p.PlanRollback(c.ctx, platform.RollbackInput{Service: w.In.Service, Environment: w.In.Environment, Release: w.In.Release, Deployment: w.Deployment, Today: w.Today})
	} else {
		w.Plan, err = p.Plan(c.ctx, w.In)
	}
	if err != nil {
		if slipway.CodeOf(err) == slipway.Internal {
			return err
		}
		w.Err, w.Plan = sentence(err), nil
		return nil
	}
	w.Change, err = p.ChangeOfPlan(c.ctx, w.Plan)
	return err
}

func (p *portal) planPromotion(c *call) error { return p.showPlan(c, false) }
func (p *portal) planRollback(c *call) error  { return p.showPlan(c, true) }

func (p *portal) showPlan(c *call, back bool) error {
	v, w, err := p.readPlan(c, back)
	if err != nil {
		return err
	}
	if err := p.fill(c, &w); err != nil {
		return err
	}
	title := "Promote " + v.Name
	if back {
		title = "Roll back " + v.Name
	}
	return c.show(http.StatusOK, planPage(c.frame(title, "promotions"), v, w))
}

func (p *portal) promote(c *call) error  { return p.start(c, false) }
func (p *portal) rollback(c *call) error { return p.start(c, true) }

func (p *portal) start(c *call, back bool) error {
	v, w, err := p.readPlan(c, back)
	if err != nil {
		return err
	}
	// A branch may have moved since the plan was shown: then it is shown again.
	if commit := c.form("commit"); commit != "" {
		if err := p.fill(c, &w); err != nil {
			return err
		}
		if w.Plan != nil && w.Plan.Commit.ID != commit {
			w.Err = "There is a newer commit than the one you were shown. This is what it would do now; nothing was started."
			return c.show(http.StatusConflict, planPage(c.frame("Promote "+v.Name, "promotions"), v, w))
		}
	}
	var q *ent.Promotion
	if back {
		q, err = p.Rollback(c.ctx, platform.RollbackInput{Service: v.Name, Environment: w.In.Environment, Release: w.In.Release, Deployment: w.Deployment, Today: w.Today, Why: c.form("why")})
	} else {
		q, err = p.Promote(c.ctx, w.In)
	}
	if err != nil {
		if slipway.CodeOf(err) == slipway.Internal || slipway.CodeOf(err) == slipway.Denied {
			return err
		}
		w.Err = sentence(err)
		return c.show(statusOf(err), planPage(c.frame("Promote "+v.Name, "promotions"), v, w))
	}
	return c.to(string(at("promotions", q.ID)), "")
}
