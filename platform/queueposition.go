package platform

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/step"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

// Line is where a promotion stands that no gate keeps, and that can't go on yet.
type Line struct {
	Slot  bool      // for one of the slots in which builds and tests run; else for the end of those before it in the environment
	Ahead int       // how many come before it
	Since time.Time //
	Until time.Time // it is given up at the latest
	On    []int     // the promotions that hold what it waits for
}

// Line tells where a promotion stands in line, nil when it doesn't.
func (p *Platform) Line(ctx context.Context, row *ent.Promotion) (*Line, error) {
	switch {
	case row.State == promotion.StateQueued:
		return p.turn(store.AsSystem(ctx), row)
	case row.State == promotion.StateRunning && wantsSlot(row.Edges.Steps):
		return p.slot(store.AsSystem(ctx), row)
	}
	return nil, nil
}

// turn is the place behind the promotions of the same service and environment.
func (p *Platform) turn(ctx context.Context, row *ent.Promotion) (*Line, error) {
	before, err := p.db.Promotion.Query().Where(promotion.ServiceID(row.ServiceID), promotion.EnvironmentID(row.EnvironmentID),
		promotion.StateIn(catalog.UnderWay...), promotion.IDLT(row.ID)).Order(promotion.ByID()).IDs(ctx)
	if err != nil || len(before) == 0 {
		return nil, err
	}
	until, err := p.patience(ctx, row)
	return &Line{Ahead: len(before), Since: row.CreatedAt, Until: until, On: before[:1]}, err
}

// patience is when a promotion that still waits is given up.
func (p *Platform) patience(ctx context.Context, row *ent.Promotion) (time.Time, error) {
	policy, err := catalog.PolicyOf(ctx, p.db, row.ServiceID, row.Edges.Environment)
	return slipway.GateFacts{Asked: row.CreatedAt, Plan: slipway.PromotionPlan{Policy: policy.Policy}}.Expires(), err
}

// slot is the place in the line for a slot. Services take turns, so that those
// that come later can be fewer than those that asked before.
func (p *Platform) slot(ctx context.Context, row *ent.Promotion) (*Line, error) {
	rows, err := p.db.Promotion.Query().Where(promotion.StateEQ(promotion.StateRunning), promotion.HasStepsWith(step.NameIn(step.NameBuild, step.NameTest), step.StateIn(step.StatePending, step.StateRunning))).
		WithService().WithSteps(func(q *ent.StepQuery) { q.Order(step.ByPosition()) }).Order(promotion.ByID()).All(ctx)
	if err != nil {
		return nil, err
	}
	line, waits := &Line{Slot: true, Since: slotSince(row)}, false
	line.Until = line.Since.Add(workflows.BuildPatience)
	var earlier []asked // those that asked before
	for _, other := range rows {
		switch {
		case other.ID == row.ID:
			waits, line.Ahead = true, turns(earlier, askedBy(row))
		case !wantsSlot(other.Edges.Steps):
			line.On = append(line.On, other.ID)
		case !waits:
			earlier = append(earlier, askedBy(other))
		}
	}
	if !waits {
		return nil, nil // it has begun meanwhile
	}
	return line, nil
}

// slotSince is when the step before the one that needs a slot ended.
func slotSince(row *ent.Promotion) time.Time {
	since := row.CreatedAt
	for _, s := range row.Edges.Steps {
		if s.EndedAt != nil && s.EndedAt.After(since) {
			since = *s.EndedAt
		}
	}
	return since
}

// ExpireQueued ends promotions that have stood in line for longer than their
// environment's policy lets them wait. One that begins at this very moment finds
// out at its gates, before its first effect.
func (p *Platform) ExpireQueued(ctx context.Context) error {
	ctx = store.AsSystem(ctx)
	rows, err := p.db.Promotion.Query().Where(promotion.StateEQ(promotion.StateQueued)).WithEnvironment().Order(promotion.ByID()).All(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		line, err := p.turn(ctx, row)
		if err != nil {
			return err
		}
		if line == nil || store.Now().Before(line.Until) {
			continue
		}
		why := fmt.Sprintf("given up after standing in line since %s: promotion %d was not over", row.CreatedAt.UTC().Format("2006-01-02 15:04 UTC"), line.On[0])
		if err := p.close(ctx, strconv.Itoa(row.ID), slipway.PromotionExpired, why); err != nil {
			return err
		}
	}
	return nil
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

// asked is whose turn a build is.
type asked struct{ team, service int }

func askedBy(row *ent.Promotion) asked {
	by := asked{service: row.ServiceID}
	if row.Edges.Service != nil {
		by.team = row.Edges.Service.TeamID
	}
	return by
}

// turns counts those that come before the next one of a service, when each team
// gets a slot in turn, and within a team each service.
func turns(earlier []asked, next asked) int {
	teams, own := map[int]int{}, map[int]int{}
	for _, a := range earlier {
		if a.team == next.team {
			own[a.service]++
		} else {
			teams[a.team]++
		}
	}
	teams[next.team] = ahead(own, next.service)
	return ahead(teams, next.team)
}

// ahead counts those that come before the next one of its own, when all take turns.
func ahead(of map[int]int, own int) int {
	n := of[own]
	for other, asked := range of {
		if other != own {
			n += min(asked, of[own]+1)
		}
	}
	return n
}

// SeveralTeams tells whether the slots for builds are shared by teams.
func (p *Platform) SeveralTeams(ctx context.Context) bool {
	n, err := p.db.Team.Query().Where(team.HasServices()).Limit(2).Count(store.AsSystem(ctx))
	return err == nil && n > 1
}
