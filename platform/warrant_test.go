package platform_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/workflows"
)

// TestTheEngineDecidesNothing is somebody who can speak to the engine as the
// platform does: who approves as another, cancels, and starts workflows. Nothing
// of it counts, and nothing is on record as if it had.
func TestTheEngineDecidesNothing(t *testing.T) {
	live(t, func(w *world, name string) {
		grace := w.colleague(name, "grace-"+name, slipway.RoleMaintainer, false)
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1)})
		row, err := w.Promote(w.Context(), platform.PromoteInput{Service: name})
		w.must(err)
		row = w.waiting(row.ID, "0 of 1")
		id, c := fmt.Sprint(row.ID), temporal(t)

		for _, seal := range []string{"", "forged", strings.Repeat("0", 64)} {
			said := slipway.Decision{Promotion: id, Account: slipway.ViewerFrom(grace).Account, Name: "grace-" + name, Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash), At: time.Now().UTC(), Seal: seal}
			w.want(workflows.Decide(w.Context(), c, name, "dev", said), slipway.Denied, "through the platform")
			word := workflows.Word{Promotion: id, What: workflows.WordCancel, By: "grace", At: time.Now().UTC(), Seal: seal}
			w.want(workflows.Cancel(w.Context(), c, name, "dev", word), slipway.Denied, "")
			word.What, word.Seal = workflows.WordSupersede, seal+"x"
			w.want(workflows.Supersede(w.Context(), c, name, "dev", id, word), slipway.Denied, "")
		}

		var good workflows.Input
		w.must(json.Unmarshal(row.Input, &good))
		good.Release, good.Artifact = row.Edges.Release.Number, slipway.Digest(row.Edges.Release.Artifact)
		good.Steps = []slipway.PlannedStep{{Name: slipway.StepDeploy, State: slipway.StepPending}}
		carried := func(at string, change func(in *workflows.Input)) string {
			in := good
			change(&in)
			if at == "" {
				at = workflows.WorkflowID(in.Service, in.Environment)
			}
			run, err := c.ExecuteWorkflow(w.Context(), client.StartWorkflowOptions{ID: at, TaskQueue: workflows.Queue}, workflows.Promotion, in)
			w.must(err)
			var out workflows.Output
			err = run.Get(w.Context(), &out)
			if out.State == slipway.PromotionSucceeded {
				t.Errorf("%s was carried out: %+v", at, out)
			}
			return fmt.Sprint(err)
		}
		for what, c := range map[string]struct {
			at     string
			change func(in *workflows.Input)
		}{
			"beside the one that waits": {"beside/" + name, func(*workflows.Input) {}},
			"into another environment":  {"", func(in *workflows.Input) { in.Environment = "test" }},
			"of another service":        {"", func(in *workflows.Input) { in.Service = "other-" + name }},
			"of nobody's":               {"", func(in *workflows.Input) { in.Promotion, in.Environment = "99999999", "prod" }},
			"of another repository":     {"", func(in *workflows.Input) { in.Repository.URL, in.Environment = "https://example.com/x.git", "prod" }},
		} {
			if err := carried(c.at, c.change); !strings.Contains(err, "promotion") {
				t.Errorf("%s: %s", what, err)
			}
		}
		now, err := w.Promotion(w.Context(), id)
		w.must(err)
		if now.State != promotion.StateWaiting || len(now.Edges.Decisions) != 0 {
			t.Errorf("it is %s: %s, with %v", now.State, now.Reason, now.Edges.Decisions)
		}

		// Its gates are what a step asks after, even of the very promotion.
		gates := &platform.Gates{Ledger: w.ledger, Secrets: w.Secrets}
		w.must(gates.Warrant(w.Context(), good, slipway.StepRehearse))
		found := good // what a promotion learns on its way is no other order
		found.Withheld, found.Snapshot, found.Bake, found.Strategy.Kind = true, "sha256:c0ffee", 60, slipway.Rolling
		w.must(gates.Warrant(w.Context(), found, slipway.StepRehearse))
		w.must(gates.Warrant(w.Context(), found, workflows.StepEnd))
		w.want(gates.Warrant(w.Context(), good, slipway.StepDeploy), slipway.Denied, "not found open")
		_, err = w.Decide(grace, id, platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)})
		w.must(err)
		if state, reason := w.ended(id); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}
		w.want(gates.Warrant(w.Context(), good, slipway.StepDeploy), slipway.Denied, "is over")
	})
}
