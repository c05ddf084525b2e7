package environment

import (
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// policyView is the policy of an environment, as a form.
type policyView struct {
	*ent.Environment
	Policy   slipway.Policy
	Previous string // the environment before
	Services []catalog.OwnPolicy
	Change   parts.Verdict
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

func (p *pages) showPolicy(c *shell.Call) error {
	all, err := p.Environments(c.Ctx)
	if err != nil {
		return err
	}
	v := policyView{Change: c.May(slipway.PermitPlatform, 0, "")}
	for i, e := range all {
		if e.Name == c.R.PathValue("environment") {
			v.Environment, v.Policy = e, e.Policy.Defaults()
			if i > 0 {
				v.Previous = all[i-1].Name
			}
		}
	}
	if v.Environment == nil {
		_, err := p.Environment(c.Ctx, c.R.PathValue("environment"))
		return err
	}
	if v.Services, err = p.OwnPolicies(c.Ctx, v.Name); err != nil {
		return err
	}
	return c.Show(http.StatusOK, policyPage(c.Frame("Policy of "+v.Name, "environments"), v))
}

func (p *pages) changePolicy(c *shell.Call) error {
	name := c.R.PathValue("environment")
	policy, err := policyOf(c)
	if err != nil {
		return err
	}
	change := catalog.EnvironmentChange{If: store.Precondition{c.Form("revision")}, Policy: slipway.PolicyChange{
		Approvals: &policy.Approvals, Approvers: &policy.Approvers, OwnChanges: &policy.OwnChanges, NewApprovers: &policy.NewApprovers, SecondFactor: &policy.SecondFactor, RollbackApprovals: &policy.RollbackApprovals, RollbackRole: &policy.RollbackRole,
		ExpiresAfter: &policy.ExpiresAfter, Soak: &policy.Soak, Windows: &policy.Windows, LockRequired: &policy.LockRequired, RequireTests: &policy.RequireTests, MaxAge: &policy.MaxAge,
		SkipsAllowed: &policy.SkipsAllowed, Advance: &policy.Advance, Concurrency: &policy.Concurrency, Branch: &policy.Branch, Strategy: &policy.Strategy,
		Bake: &policy.Bake, KeepReleases: &policy.KeepReleases, MaySkip: &policy.MaySkip, Rehearse: &policy.Rehearse,
	}}
	if _, err := p.UpdateEnvironment(c.Ctx, name, change); err != nil {
		return err
	}
	return c.To(string(words.Path("environments", name, "policy")), "The policy of "+name+" is saved. Promotions that wait there look at it now.")
}

// policyOf reads the form.
func policyOf(c *shell.Call) (policy slipway.Policy, err error) {
	whole := func(field string, into *int) {
		if text := c.Form(field); text != "" && err == nil {
			if *into, err = strconv.Atoi(text); err != nil {
				err = slipway.Errorf(slipway.Invalid, "%q is not a whole number", text).At(field)
			}
		}
	}
	span := func(field, unit string, seconds float64, into *int) {
		if text := c.Form(field); text != "" && err == nil {
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
	policy.Rehearse = slipway.Rehearsal(c.Form("rehearse"))
	policy.MaySkip = []slipway.StepName{}
	for _, name := range c.R.PostForm["may_skip"] {
		policy.MaySkip = append(policy.MaySkip, slipway.StepName(name))
	}
	policy.Approvers = strings.FieldsFunc(c.Form("approvers"), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' })
	policy.OwnChanges, policy.Advance = slipway.OwnChanges(c.Form("own_changes")), slipway.Advance(c.Form("advance"))
	policy.RollbackRole = slipway.Role(c.Form("rollback_role"))
	policy.Branch = strings.TrimSpace(c.Form("branch"))
	policy.Concurrency = slipway.Concurrency(c.Form("concurrency"))
	policy.LockRequired, policy.SkipsAllowed, policy.NewApprovers = c.Form("lock_required") != "", c.Form("skips_allowed") != "", c.Form("new_approvers") != ""
	policy.SecondFactor = slipway.SecondFactor(c.Form("second_factor"))
	policy.RequireTests = c.Form("require_tests") != ""
	if err == nil {
		policy.Strategy, err = strategyOf(c)
	}
	policy.Windows = []slipway.Window{}
	for line := range strings.Lines(c.Form("windows")) {
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
