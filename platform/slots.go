package platform

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/step"
)

// Slot tells whether a promotion waits for one of the slots in which builds and
// tests run, and how many get one before it. Services take turns, so that those
// that come later can be fewer than those that asked before.
func (p *Platform) Slot(ctx context.Context, row *ent.Promotion) (waits bool, ahead int, err error) {
	if row.State != promotion.StateRunning || !wantsSlot(row.Edges.Steps) {
		return false, 0, nil
	}
	rows, err := p.db.Promotion.Query().Where(promotion.StateEQ(promotion.StateRunning), promotion.HasStepsWith(step.NameIn(step.NameBuild, step.NameTest), step.StateEQ(step.StatePending))).
		WithSteps(func(q *ent.StepQuery) { q.Order(step.ByPosition()) }).Order(promotion.ByID()).All(asSystem(ctx))
	if err != nil {
		return false, 0, err
	}
	var services []int
	for _, other := range rows {
		if other.ID == row.ID {
			return true, turns(services, row.ServiceID), nil
		}
		if wantsSlot(other.Edges.Steps) {
			services = append(services, other.ServiceID)
		}
	}
	return false, 0, nil // it has begun meanwhile
}

// wantsSlot tells whether the step to come is one that needs a slot.
func wantsSlot(steps []*ent.Step) bool {
	for _, s := range steps {
		switch s.State {
		case step.StateSucceeded, step.StateReused, step.StateSkipped:
			continue
		}
		return s.State == step.StatePending && (slipway.StepName(s.Name) == slipway.StepBuild || slipway.StepName(s.Name) == slipway.StepTest)
	}
	return false
}

// turns counts those that come before the next one of a service, when each
// service gets a slot in turn. earlier are the services of those that asked before.
func turns(earlier []int, service int) int {
	of := map[int]int{}
	for _, s := range earlier {
		of[s]++
	}
	own := of[service]
	n := own
	for s, asked := range of {
		if s != service {
			n += min(asked, own+1)
		}
	}
	return n
}
