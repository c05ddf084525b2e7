package environment

import (
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
)

// freezesView is freezes and holds.
type freezesView struct {
	Freezes      []*catalog.Freeze
	Holds        []*ent.Hold
	Environments []*ent.Environment
	Teams        []*ent.Team   // whose services the viewer may freeze
	All          parts.Verdict // freeze everything
}

func (p *pages) showFreezes(c *shell.Call) error {
	v := freezesView{All: c.May(slipway.PermitPlatform, 0, "")}
	var err error
	if v.Freezes, err = p.Freezes(c.Ctx); err != nil {
		return err
	}
	if v.Holds, err = p.Holds(c.Ctx, ""); err != nil {
		return err
	}
	if v.Environments, err = p.Environments(c.Ctx); err != nil {
		return err
	}
	teams, err := p.Teams(c.Ctx)
	if err != nil {
		return err
	}
	for _, t := range teams {
		if c.May(slipway.PermitFreeze, t.ID, "").May {
			v.Teams = append(v.Teams, t)
		}
	}
	return c.Show(http.StatusOK, freezesPage(c.Frame("Freezes and holds", "freezes"), v))
}

func (p *pages) addFreeze(c *shell.Call) error {
	in := catalog.FreezeInput{Reason: c.Form("reason"), Team: c.Form("team"), Environment: c.Form("environment")}
	zone, err := time.LoadLocation(c.Form("zone"))
	if err != nil {
		return slipway.Errorf(slipway.Invalid, "there is no time zone of that name; give one such as Europe/Berlin").At("zone")
	}
	for _, f := range []struct {
		field string
		into  *time.Time
	}{{"starts_at", &in.Starts}, {"ends_at", &in.Ends}} {
		if text := c.Form(f.field); text != "" {
			if *f.into, err = time.ParseInLocation("2006-01-02T15:04", text, zone); err != nil {
				return slipway.Errorf(slipway.Invalid, "%q is not a time", text).At(f.field)
			}
		}
	}
	if text := c.Form("window"); text != "" {
		w, err := slipway.ParseWindow(text)
		if err != nil {
			return err
		}
		in.Window = &w
	}
	if _, err := p.AddFreeze(c.Ctx, in); err != nil {
		return err
	}
	return c.To("/freezes", "The freeze is placed.")
}

func (p *pages) liftFreeze(c *shell.Call) error {
	id, err := strconv.Atoi(c.R.PathValue("id"))
	if err != nil {
		return slipway.Errorf(slipway.NotFound, "there is no such freeze")
	}
	if err := p.LiftFreeze(c.Ctx, id); err != nil {
		return err
	}
	return c.To("/freezes", "The freeze is lifted.")
}

// changeHold places or releases a hold.
func (p *pages) changeHold(c *shell.Call) error {
	service, environment := c.R.PathValue("service"), c.Form("environment")
	if c.Form("release") != "" {
		if err := p.ReleaseHold(c.Ctx, service, environment); err != nil {
			return err
		}
		return c.To("/freezes", service+" gets into "+environment+" by itself again.")
	}
	if _, err := p.Hold(c.Ctx, service, environment, c.Form("reason")); err != nil {
		return err
	}
	return c.To("/freezes", "Nothing of "+service+" gets into "+environment+" by itself now.")
}
