package platform

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// crashLoop is after how many restarts within the last while an instance counts
// as looping: the node waits a minute between them by then.
const crashLoop = 3

// Inspect compares what is recorded as live with what the target sees, and puts
// differences on record. It repairs nothing: what runs is people's decision.
func (p *Platform) Inspect(ctx context.Context) error {
	ctx = store.AsSystem(ctx)
	if err := p.TakeStock(ctx); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err := p.ringAnswered(ctx); err != nil {
		return err
	}
	live, err := p.LiveDeployments(ctx, nil)
	if err != nil {
		return err
	}
	busy, err := p.busy(ctx)
	if err != nil {
		return err
	}
	for _, d := range live {
		if busy[[2]int{d.ServiceID, d.EnvironmentID}] {
			continue // what a promotion does is no drift
		}
		asked, cancel := context.WithTimeout(ctx, 5*time.Second)
		seen, err := p.Target.Observe(asked, d.Edges.Service.Name, d.Edges.Environment.Name)
		cancel()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue // not being able to look says nothing about the service; the page shows it
		}
		condition, why := judge(d, seen)
		if seen.Deployment != "" && seen.Deployment != strconv.Itoa(d.PromotionID) {
			found, err := unrecorded(ctx, p.db, []slipway.Running{{Service: d.Edges.Service.Name, Environment: d.Edges.Environment.Name, Observed: seen}})
			if err != nil {
				return err
			}
			if len(found) > 0 {
				condition, why = slipway.ConditionDrifted, found[0].String()+"; "+found[0].Remedy()
			}
		}
		if err := p.conditionOf(ctx, d, condition, why); err != nil {
			return err
		}
	}
	return nil
}

// busy are the places with a promotion that may be changing what runs.
func (p *Platform) busy(ctx context.Context) (map[[2]int]bool, error) {
	rows, err := p.db.Promotion.Query().Where(promotion.StateIn(report.Changing...)).
		Select(promotion.FieldServiceID, promotion.FieldEnvironmentID).All(ctx)
	busy := map[[2]int]bool{}
	for _, q := range rows {
		busy[[2]int{q.ServiceID, q.EnvironmentID}] = true
	}
	return busy, err
}

// judge compares a deployment with what is seen.
func judge(d *ent.Deployment, seen slipway.Observed) (slipway.Condition, string) {
	what := fmt.Sprintf("release %d", d.Edges.Release.Number)
	switch {
	case seen.Deployment == "":
		return slipway.ConditionDown, what + " should run, and nothing does; promote it again"
	case seen.Artifact != slipway.Digest(d.Edges.Release.Artifact):
		return slipway.ConditionDrifted, fmt.Sprintf("%s should run, and release %d does; promote or roll back to what you want", what, seen.Release)
	case seen.Config != slipway.Digest(d.Snapshot):
		return slipway.ConditionDrifted, what + " runs with another config than it was deployed with; promote it again"
	}
	var down, loops []string
	for _, i := range seen.Instances {
		switch {
		case i.State == slipway.InstanceBackoff && i.Restarts >= crashLoop:
			loops = append(loops, fmt.Sprintf("%s (%d restarts): %s", i.ID, i.Restarts, i.Reason))
		case i.State == slipway.InstanceFailing || i.State == slipway.InstanceBackoff:
			down = append(down, i.ID+": "+i.Reason)
		}
	}
	switch {
	case len(loops) > 0:
		return slipway.ConditionCrashes, "crashes again and again: " + strings.Join(loops, "; ") + "; read its log, then roll back or promote a mended release"
	case len(down) > 0 && len(down) == len(seen.Instances):
		return slipway.ConditionDown, "no instance answers: " + strings.Join(down, "; ")
	case len(down) > 0:
		return slipway.ConditionDrifted, "not every instance answers: " + strings.Join(down, "; ")
	}
	if len(seen.Problems) > 0 {
		return slipway.ConditionDrifted, strings.Join(seen.Problems, "; ")
	}
	return slipway.ConditionGood, ""
}

// conditionOf records a condition that is new, as a state and as an event.
func (p *Platform) conditionOf(ctx context.Context, d *ent.Deployment, now slipway.Condition, why string) error {
	why = store.Clean(why)
	if d.Condition == string(now) && (d.ConditionReason == why || now == slipway.ConditionGood) {
		return nil
	}
	told := false
	err := store.InTx(ctx, p.db, func(tx *ent.Tx) error {
		update := tx.Deployment.Update().Where(deployment.ID(d.ID), deployment.Live(true), deployment.Condition(d.Condition)).
			SetCondition(string(now)).SetConditionReason(why)
		if d.Condition != string(now) {
			update.SetConditionSince(store.Now())
		}
		changed, err := update.Save(ctx)
		if err != nil || changed == 0 || d.Condition == string(now) {
			return err // another server was faster, or only the words have changed
		}
		told = true
		kind := "deployment.recovered"
		if now != slipway.ConditionGood {
			kind = "deployment." + string(now)
		}
		return p.Storage.outbox.Record(ctx, tx, tx.Event.Create().SetKind(kind).SetActor(worker).SetService(d.Edges.Service.Name).SetEnvironment(d.Edges.Environment.Name).
			SetPromotionID(d.PromotionID).SetData(map[string]string{"reason": why, "before": d.Condition}))
	})
	if err == nil && told {
		p.look(ctx, d.ServiceID, 0) // what is proven has changed
	}
	return err
}
