package platform

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

// Recover is called when the platform starts: it brings together what is
// recorded as under way and what the workflow engine knows. A promotion that was
// recorded but not started is started, from its frozen input; one whose workflow
// ended without a word is closed as errored, with the reason. It may be called
// again, and by several processes at once.
func (p *Platform) Recover(ctx context.Context) error {
	ctx = store.AsSystem(ctx)
	if err := p.TakeStock(ctx); err != nil { // it is done again and again
		p.Log.Warn("what runs could not be compared with what is on record", "error", err)
	}
	rows, err := p.db.Promotion.Query().Where(promotion.StateIn(catalog.UnderWay...)).WithService().WithEnvironment().Order(promotion.ByID()).All(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, row := range rows {
		if err := p.recover(ctx, row); err != nil {
			p.Log.Error("a promotion could not be taken up again", "promotion", row.ID, "error", err)
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (p *Platform) recover(ctx context.Context, row *ent.Promotion) error {
	ctx, cancel := context.WithTimeout(ctx, engineWait)
	defer cancel()
	id := strconv.Itoa(row.ID)
	of, state, err := p.workflow(ctx, row.Edges.Service.Name, row.Edges.Environment.Name)
	if err != nil {
		return err
	}
	running := state == enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	switch {
	case of == id && running:
		return nil
	case of == id:
		// It may have recorded its end since the rows were read; the ledger
		// leaves what is over alone.
		return p.close(ctx, id, slipway.PromotionErrored, "its workflow ended ("+strings.ToLower(state.String())+") without saying how; look at what runs, then promote again")
	case running && row.State == promotion.StateQueued && queued(row):
		return nil // its turn comes: the engine keeps the word that it stands there
	case running:
		return p.close(ctx, id, slipway.PromotionErrored, "it was asked for when promotion "+of+" was under way, and never began; promote again")
	}
	var input workflows.Input
	if err := json.Unmarshal(row.Input, &input); err != nil || input.Promotion != id {
		return p.close(ctx, id, slipway.PromotionErrored, "it was recorded incompletely and never began; promote again")
	}
	p.Log.Info("a promotion that was recorded but not started is started", "promotion", id)
	if input.Queued {
		return workflows.Enqueue(ctx, p.Temporal, input)
	}
	err = p.launch(ctx, input)
	if slipway.CodeOf(err) == slipway.Conflict {
		return p.close(ctx, id, slipway.PromotionErrored, "another promotion began before it; promote again")
	}
	return err
}

// close ends a promotion that has no workflow to do it.
func (p *Platform) close(ctx context.Context, id string, state slipway.PromotionState, reason string) error {
	return NewLedger(p.Storage).Promotion(ctx, slipway.PromotionEvent{Promotion: id, State: state, Reason: reason})
}

// underWay tells whether a promotion's own workflow runs, or has recorded its end.
func (p *Platform) underWay(ctx context.Context, row *ent.Promotion) (bool, error) {
	id := strconv.Itoa(row.ID)
	of, state, err := p.workflow(ctx, row.Edges.Service.Name, row.Edges.Environment.Name)
	if err != nil {
		return false, err
	}
	if of == id && state == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return true, nil
	}
	return p.over(ctx, id)
}

// workflow tells whose the latest workflow of a service in an environment is,
// and where it stands; "" when there was none.
func (p *Platform) workflow(ctx context.Context, service, environment string) (of string, state enums.WorkflowExecutionStatus, err error) {
	d, err := p.Temporal.DescribeWorkflowExecution(ctx, workflows.WorkflowID(service, environment), "")
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, slipway.Wrap(slipway.Unavailable, err, "the workflow engine does not answer; try again in a moment")
	}
	info := d.GetWorkflowExecutionInfo()
	if memo := info.GetMemo().GetFields()["promotion"]; memo != nil {
		if err := converter.GetDefaultDataConverter().FromPayload(memo, &of); err != nil {
			return "", 0, err
		}
	}
	return of, info.GetStatus(), nil
}

// queued tells whether a promotion may wait for its turn.
func queued(row *ent.Promotion) bool {
	var input workflows.Input
	return json.Unmarshal(row.Input, &input) == nil && input.Queued
}

// Abandon is called before the platform's worker starts, by the process that has the
// data directory to itself: what steps a process before it had begun, nobody carries
// out, which the engine is told. What it isn't told of it finds out by itself, later.
func (p *Platform) Abandon(ctx context.Context, namespace string) {
	ctx, cancel := context.WithTimeout(store.AsSystem(ctx), engineWait)
	defer cancel()
	rows, err := p.db.Promotion.Query().Where(promotion.StateIn(catalog.UnderWay...), promotion.StateNEQ(promotion.StateQueued)).WithService().WithEnvironment().All(ctx)
	if err != nil {
		p.Log.Warn("steps that a former process had begun go on some seconds later", "error", err)
		return
	}
	var all errgroup.Group
	all.SetLimit(16)
	for _, row := range rows {
		all.Go(func() error {
			if err := workflows.Abandon(ctx, p.Temporal, namespace, row.Edges.Service.Name, row.Edges.Environment.Name); err != nil {
				p.Log.Warn("steps that a former process had begun go on some seconds later", "promotion", row.ID, "error", err)
			}
			return nil
		})
	}
	_ = all.Wait()
}
