package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
)

// TestPolicyForm saves what a canary is judged by, in the words of people, and
// refuses what is no number at its field.
func TestPolicyForm(t *testing.T) {
	s := newSite(t)
	b := s.person("alice", true, nil)
	strategy := slipway.Strategy{Kind: slipway.Canary, Stages: []slipway.Stage{{Weight: 10, Pause: 60}}, Judge: slipway.Judge{MinRequests: 200, MaxFailureRate: 0.005, MaxLatency: 2.5}}
	if _, err := s.UpdateEnvironment(as(), "prod", platform.EnvironmentChange{Policy: slipway.PolicyChange{Strategy: &strategy}}); err != nil {
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
