package workflows_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

func (w *world) Rehearse(_ context.Context, d slipway.Deployment, _ io.Writer) ([]slipway.TrialResult, error) {
	w.call("rehearse")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rehearsed = append(w.rehearsed, d)
	return w.trials, w.rehearseErr
}

// TestSecretsAfterTheGates: code that nobody has said yes to gets placeholders, and
// what it makes of those fails nothing; the secrets come after the gates, before
// anything is changed. A policy may say otherwise.
func TestSecretsAfterTheGates(t *testing.T) {
	broken := []slipway.TrialResult{{Name: "import", Exit: 1, Answer: `{"ok":false,"error_type":"ValueError","error":"no such host","line":"app.py:3"}`}}
	for name, c := range map[string]struct {
		world        *world
		secrets      bool // the policy
		placeholders []bool
		state        slipway.PromotionState
		step         slipway.StepName
	}{
		"placeholders-first": {&world{secret: true}, false, []bool{true, false}, slipway.PromotionSucceeded, ""},
		"refused-after":      {&world{secret: true, trials: broken}, false, []bool{true, false}, slipway.PromotionFailed, slipway.StepPreflight},
		"policy-secrets":     {&world{secret: true}, true, []bool{false}, slipway.PromotionSucceeded, ""},
		"no-secrets":         {&world{}, false, []bool{true}, slipway.PromotionSucceeded, ""},
		"data-withheld":      {&world{trials: []slipway.TrialResult{{Name: "import", Exit: 1, Answer: `{"ok":false,"error_type":"OperationalError","error":"no such table","line":"app.py:3"}`, Withheld: true}}}, false, []bool{true, false}, slipway.PromotionFailed, slipway.StepPreflight},
	} {
		t.Run(name, func(t *testing.T) {
			w := work(t, c.world, t.TempDir())
			defer w.Stop()
			in := input(name, slipway.PlanRequest{Secrets: c.secrets})
			in.Secrets = c.secrets
			if err := workflows.Start(context.Background(), shared.Client(), in); err != nil {
				t.Fatal(err)
			}
			out := result(t, name)
			if out.State != c.state || out.Step != c.step {
				t.Errorf("%+v after %s", out, c.world.called())
			}
			var got []bool
			for _, d := range c.world.rehearsed {
				got = append(got, d.Placeholders)
			}
			if len(got) != len(c.placeholders) {
				t.Fatalf("placeholders in %v, want %v", got, c.placeholders)
			}
			for i := range got {
				if got[i] != c.placeholders[i] {
					t.Errorf("placeholders in %v, want %v", got, c.placeholders)
				}
			}
			if c.step == slipway.StepPreflight && strings.Contains(c.world.called(), "migrate") {
				t.Errorf("something was changed: %s", c.world.called())
			}
		})
	}
}
