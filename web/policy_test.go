package web_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/platform"
)

// TestPolicyForm saves what a canary is judged by, in the words of people, and
// refuses what is no number at its field.
func TestPolicyForm(t *testing.T) {
	s := newSite(t)
	b := s.person("alice", true, nil)
	strategy := slipway.Strategy{Kind: slipway.Canary, Stages: []slipway.Stage{{Weight: 10, Pause: 60}}, Judge: slipway.Judge{MinRequests: 200, MaxFailureRate: 0.005, MaxLatency: 2.5}}
	if _, err := s.UpdateEnvironment(as(), "prod", catalog.EnvironmentChange{Policy: slipway.PolicyChange{Strategy: &strategy}}); err != nil {
		t.Fatal(err)
	}
	const page = "/environments/prod/policy"
	body := b.get(page).body
	form := url.Values{"revision": {"2"}, "strategy": {"canary"}, "stages": {"10:1m"}, "own_changes": {"never"}, "advance": {"by_hand"}, "concurrency": {"refuse"}, "rollback_role": {"maintainer"}}
	for field, value := range map[string]string{"min_requests": "200", "max_failures": "0.5", "max_latency": "2.5"} {
		if !strings.Contains(body, `name="`+field+`" value="`+value+`"`) {
			t.Errorf("the form doesn't show %s %s", field, value)
		}
		form.Set(field, value)
	}
	if a := b.post(page, page, form); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	prod, err := s.Environment(as(), "prod")
	if err != nil || prod.Policy.Strategy.Judge != strategy.Judge || prod.Policy.Strategy.Stages[0] != strategy.Stages[0] {
		t.Errorf("saved %+v, %v", prod.Policy.Strategy, err)
	}
	for field, says := range map[string]string{"min_requests": "is not a whole number", "max_failures": "is not a number", "max_latency": "is not a number"} {
		wrong := url.Values{}
		for k, list := range form {
			wrong[k] = list
		}
		wrong.Set("revision", "3")
		wrong.Set(field, "many")
		if a := b.post(page, page, wrong); a.status != http.StatusBadRequest || !strings.Contains(a.body, says) {
			t.Errorf("%s: %d", field, a.status)
		}
	}
}

// TestPolicyFormHeedsAllThatIsWritten keeps each span of a line, and refuses what
// would be without effect.
func TestPolicyFormHeedsAllThatIsWritten(t *testing.T) {
	s := newSite(t)
	b := s.person("alice", true, nil)
	const page = "/environments/prod/policy"
	form := url.Values{"revision": {"1"}, "strategy": {"blue_green"}, "own_changes": {"never"}, "advance": {"by_hand"}, "concurrency": {"refuse"}, "rollback_role": {"maintainer"}, "windows": {"mon 09:00-12:00 13:00-17:00"}}
	for field, c := range map[string][2]string{
		"soak": {"0.0001", "are less than a second"}, "bake": {"NaN", "is not a number of minutes"}, "branch": {"main", "set advance to push as well"},
		"windows": {"mon 09:00-12:00 tue 13:00-17:00", "tue comes after the times"}, "stages": {"10", "is not a stage"},
	} {
		wrong := maps.Clone(form)
		wrong.Set(field, c[0])
		if a := b.post(page, page, wrong); a.status != http.StatusBadRequest || !strings.Contains(a.body, c[1]) {
			t.Errorf("%s %s: %d", field, c[0], a.status)
		}
	}
	if a := b.post(page, page, form); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	prod, err := s.Environment(as(), "prod")
	if w := prod.Policy.Windows; err != nil || len(w) != 2 || w[0].From != "09:00" || w[1].From != "13:00" {
		t.Errorf("saved %+v, %v", prod.Policy.Windows, err)
	}
}

// TestDecidingAsksForASecondFactor shows in the place of a button what an approver
// without a second factor does, and the button once there is one.
func TestDecidingAsksForASecondFactor(t *testing.T) {
	s := newSite(t)
	admin := s.person("alice", true, nil)
	const policy = "/environments/dev/policy"
	form := url.Values{"revision": {"1"}, "own_changes": {"always"}, "advance": {"by_hand"}, "concurrency": {"refuse"}, "rollback_role": {"developer"}, "strategy": {"blue_green"}, "approvals": {"1"}, "second_factor": {"required"}}
	if a := admin.post(policy, policy, form); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	dev, err := s.Environment(as(), "dev")
	if err != nil || dev.Policy.SecondFactor != slipway.SecondFactorRequired {
		t.Fatalf("saved %q, %v", dev.Policy.SecondFactor, err)
	}
	if !strings.Contains(admin.get(policy).body, `name="second_factor" value="required" checked`) {
		t.Error("the form doesn't show it")
	}
	s.service("payments", "billing", "main")
	id := s.promote(platform.PromoteInput{Service: "payments", Environment: "dev"})
	db := s.Storage.Client
	if err := db.Promotion.Update().SetState(promotion.StateWaiting).SetPlanHash("sha256:9f").Exec(as()); err != nil {
		t.Fatal(err)
	}
	page := "/promotions/" + id + "/decide"
	const approve, reject, says = `name="verdict" value="approve"`, `name="verdict" value="reject"`, "Approving in dev takes a second factor, and you have none; add one in My account, Second factor."
	body := admin.get(page).body
	if strings.Contains(body, approve) || !strings.Contains(body, reject) || !strings.Contains(body, says) || !strings.Contains(body, `href="/account/factors"`) {
		t.Errorf("the page: %s", body)
	}
	for _, verdict := range []string{"approve", "break_glass"} {
		if a := admin.post(page, page, url.Values{"verdict": {verdict}, "comment": {"why"}, "plan": {"sha256:9f"}}); a.status != http.StatusForbidden || !strings.Contains(a.body, "takes a second factor") {
			t.Errorf("%s: %d %s", verdict, a.status, a.body)
		}
	}
	if err := db.Session.Update().SetFactor(string(slipway.FactorPasskey)).Exec(as()); err != nil {
		t.Fatal(err)
	}
	if body := admin.get(page).body; !strings.Contains(body, approve) || strings.Contains(body, says) {
		t.Errorf("with one: %s", body)
	}
}
