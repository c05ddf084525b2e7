package web

import (
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
)

// policyView is the policy of an environment, as a form.
type policyView struct {
	*ent.Environment
	Policy   slipway.Policy
	Previous string // the environment before
	Services []catalog.OwnPolicy
	Change   verdict
	Err      string
}

// windowLines are windows as they are typed, one in a line.
func (v policyView) windowLines() string {
	lines := make([]string, len(v.Policy.Windows))
	for i, w := range v.Policy.Windows {
		lines[i] = strings.TrimPrefix(w.String(), "every day ")
	}
	return strings.Join(lines, "\n")
}

func hours(seconds int) string {
	if seconds == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(seconds)/3600, 'f', -1, 64)
}

func minutes(seconds int) string {
	if seconds == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(seconds)/60, 'f', -1, 64)
}

func blankZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func (p *portal) showPolicy(c *call) error { return p.policyPage(c, http.StatusOK, nil, "") }

func (p *portal) policyPage(c *call, status int, typed *slipway.Policy, problem string) error {
	all, err := p.Environments(c.ctx)
	if err != nil {
		return err
	}
	v := policyView{Err: problem, Change: c.may(slipway.PermitPlatform, 0, "")}
	for i, e := range all {
		if e.Name == c.r.PathValue("environment") {
			v.Environment, v.Policy = e, e.Policy.Defaults()
			if i > 0 {
				v.Previous = all[i-1].Name
			}
		}
	}
	if v.Environment == nil {
		_, err := p.Environment(c.ctx, c.r.PathValue("environment"))
		return err
	}
	if typed != nil {
		v.Policy = *typed
	}
	if v.Services, err = p.OwnPolicies(c.ctx, v.Name); err != nil {
		return err
	}
	return c.show(status, policyPage(c.frame("Policy of "+v.Name, "environments"), v))
}

func (p *portal) changePolicy(c *call) error {
	name := c.r.PathValue("environment")
	policy, err := c.policy()
	if err != nil {
		return formRefused(err, func(status int, problem string) error { return p.policyPage(c, status, nil, problem) })
	}
	change := catalog.EnvironmentChange{If: store.Precondition{c.form("revision")}, Policy: slipway.PolicyChange{
		Approvals: &policy.Approvals, Approvers: &policy.Approvers, OwnChanges: &policy.OwnChanges, NewApprovers: &policy.NewApprovers, SecondFactor: &policy.SecondFactor, RollbackApprovals: &policy.RollbackApprovals, RollbackRole: &policy.RollbackRole,
		ExpiresAfter: &policy.ExpiresAfter, Soak: &policy.Soak, Windows: &policy.Windows, LockRequired: &policy.LockRequired, RequireTests: &policy.RequireTests, MaxAge: &policy.MaxAge,
		SkipsAllowed: &policy.SkipsAllowed, Advance: &policy.Advance, Concurrency: &policy.Concurrency, Branch: &policy.Branch, Strategy: &policy.Strategy,
		Bake: &policy.Bake, KeepReleases: &policy.KeepReleases, MaySkip: &policy.MaySkip, Rehearse: &policy.Rehearse,
	}}
	if _, err := p.UpdateEnvironment(c.ctx, name, change); err != nil {
		return formRefused(err, func(status int, problem string) error { return p.policyPage(c, status, &policy, problem) })
	}
	return c.to(string(at("environments", name, "policy")), "The policy of "+name+" is saved. Promotions that wait there look at it now.")
}

// policy reads the form.
func (c *call) policy() (policy slipway.Policy, err error) {
	whole := func(field string, into *int) {
		if text := c.form(field); text != "" && err == nil {
			if *into, err = strconv.Atoi(text); err != nil {
				err = slipway.Errorf(slipway.Invalid, "%q is not a whole number", text).At(field)
			}
		}
	}
	span := func(field, unit string, seconds float64, into *int) {
		if text := c.form(field); text != "" && err == nil {
			n, bad := strconv.ParseFloat(text, 64)
			*into = int(math.Round(n * seconds))
			switch {
			case bad != nil || !(n >= 0 && n <= 100_000): // never NaN
				err = slipway.Errorf(slipway.Invalid, "%q is not a number of %s", text, unit).At(field)
			case n > 0 && *into == 0: // which would mean something else
				err = slipway.Errorf(slipway.Invalid, "%q %s are less than a second", text, unit).At(field)
			}
		}
	}
	whole("approvals", &policy.Approvals)
	whole("rollback_approvals", &policy.RollbackApprovals)
	span("expires_after", "hours", 3600, &policy.ExpiresAfter)
	span("soak", "hours", 3600, &policy.Soak)
	span("max_age", "hours", 3600, &policy.MaxAge)
	span("bake", "minutes", 60, &policy.Bake)
	whole("keep_releases", &policy.KeepReleases)
	policy.Rehearse = slipway.Rehearsal(c.form("rehearse"))
	policy.MaySkip = []slipway.StepName{}
	for _, name := range c.r.PostForm["may_skip"] {
		policy.MaySkip = append(policy.MaySkip, slipway.StepName(name))
	}
	policy.Approvers = strings.FieldsFunc(c.form("approvers"), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' })
	policy.OwnChanges, policy.Advance = slipway.OwnChanges(c.form("own_changes")), slipway.Advance(c.form("advance"))
	policy.RollbackRole = slipway.Role(c.form("rollback_role"))
	policy.Branch = strings.TrimSpace(c.form("branch"))
	policy.Concurrency = slipway.Concurrency(c.form("concurrency"))
	policy.LockRequired, policy.SkipsAllowed, policy.NewApprovers = c.form("lock_required") != "", c.form("skips_allowed") != "", c.form("new_approvers") != ""
	policy.SecondFactor = slipway.SecondFactor(c.form("second_factor"))
	policy.RequireTests = c.form("require_tests") != ""
	if err == nil {
		policy.Strategy, err = c.strategy()
	}
	policy.Windows = []slipway.Window{}
	for line := range strings.Lines(c.form("windows")) {
		if line = strings.TrimSpace(line); line == "" || err != nil {
			continue
		}
		var more []slipway.Window
		more, err = slipway.ParseWindows(line)
		policy.Windows = append(policy.Windows, more...)
	}
	return policy, err
}

// asksFor are the fields of which a service asks for something of its own.
func asksFor(change slipway.PolicyChange) string {
	text, _ := json.Marshal(change)
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(text, &fields)
	var words []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		words = append(words, name+" "+strings.Trim(string(fields[name]), `"`))
	}
	return strings.Join(words, ", ")
}

// freezesView is freezes and holds.
type freezesView struct {
	Freezes      []*catalog.Freeze
	Holds        []*ent.Hold
	Environments []*ent.Environment
	Teams        []*ent.Team // whose services the viewer may freeze
	All          verdict     // freeze everything
	Err          string
}

func (p *portal) showFreezes(c *call) error { return p.freezesPage(c, http.StatusOK, "") }

func (p *portal) freezesPage(c *call, status int, problem string) error {
	v := freezesView{Err: problem, All: c.may(slipway.PermitPlatform, 0, "")}
	var err error
	if v.Freezes, err = p.Freezes(c.ctx); err != nil {
		return err
	}
	if v.Holds, err = p.Holds(c.ctx, ""); err != nil {
		return err
	}
	if v.Environments, err = p.Environments(c.ctx); err != nil {
		return err
	}
	teams, err := p.Teams(c.ctx)
	if err != nil {
		return err
	}
	for _, t := range teams {
		if c.may(slipway.PermitFreeze, t.ID, "").May {
			v.Teams = append(v.Teams, t)
		}
	}
	return c.show(status, freezesPage(c.frame("Freezes and holds", "freezes"), v))
}

func (p *portal) addFreeze(c *call) error {
	refused := func(err error) error {
		return formRefused(err, func(status int, problem string) error { return p.freezesPage(c, status, problem) })
	}
	in := catalog.FreezeInput{Reason: c.form("reason"), Team: c.form("team"), Environment: c.form("environment")}
	zone, err := time.LoadLocation(c.form("zone"))
	if err != nil {
		return refused(slipway.Errorf(slipway.Invalid, "there is no time zone of that name; give one such as Europe/Berlin").At("zone"))
	}
	for _, f := range []struct {
		field string
		into  *time.Time
	}{{"starts_at", &in.Starts}, {"ends_at", &in.Ends}} {
		if text := c.form(f.field); text != "" {
			if *f.into, err = time.ParseInLocation("2006-01-02T15:04", text, zone); err != nil {
				return refused(slipway.Errorf(slipway.Invalid, "%q is not a time", text).At(f.field))
			}
		}
	}
	if text := c.form("window"); text != "" {
		w, err := slipway.ParseWindow(text)
		if err != nil {
			return refused(err)
		}
		in.Window = &w
	}
	if _, err := p.AddFreeze(c.ctx, in); err != nil {
		return refused(err)
	}
	return c.to("/freezes", "The freeze is placed.")
}

func (p *portal) liftFreeze(c *call) error {
	id, err := strconv.Atoi(c.r.PathValue("id"))
	if err != nil {
		return slipway.Errorf(slipway.NotFound, "there is no such freeze")
	}
	if err := p.LiftFreeze(c.ctx, id); err != nil {
		return formRefused(err, func(status int, problem string) error { return p.freezesPage(c, status, problem) })
	}
	return c.to("/freezes", "The freeze is lifted.")
}

// changeHold places or releases a hold.
func (p *portal) changeHold(c *call) error {
	service, environment := c.r.PathValue("service"), c.form("environment")
	if c.form("release") != "" {
		if err := p.ReleaseHold(c.ctx, service, environment); err != nil {
			return formRefused(err, func(status int, problem string) error { return p.freezesPage(c, status, problem) })
		}
		return c.to("/freezes", service+" gets into "+environment+" by itself again.")
	}
	if _, err := p.Hold(c.ctx, service, environment, c.form("reason")); err != nil {
		return formRefused(err, func(status int, problem string) error { return p.freezesPage(c, status, problem) })
	}
	return c.to("/freezes", "Nothing of "+service+" gets into "+environment+" by itself now.")
}
