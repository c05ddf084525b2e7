package platform

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

// Steer tells the canary of a promotion to pause, to go on, to take everything
// or to give everything back, and on record why, which may be "". Conflict says that
// it is at no stage now.
func (p *Platform) Steer(ctx context.Context, id string, what slipway.Steering, why string) (*ent.Promotion, error) {
	row, err := p.Promotion(ctx, id)
	if err != nil {
		return nil, err
	}
	s, e := row.Edges.Service, row.Edges.Environment
	if err := p.May(ctx, slipway.PermitCancel, s.TeamID, s.Name, e.Name); err != nil {
		return nil, err
	}
	if !slices.Contains(slipway.Steerings, what) {
		return nil, slipway.Errorf(slipway.Invalid, "%q is not one of pause, resume, promote and abort", store.Printable(string(what))).At("what")
	}
	if why = store.Clean(why); len(why) > 500 {
		return nil, slipway.Errorf(slipway.Invalid, "say why in at most 500 characters").At("reason")
	}
	if slipway.PromotionState(row.State).Over() {
		return nil, slipway.Errorf(slipway.Conflict, "promotion %s is over: it has %s", id, row.State)
	}
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineWait)
	defer cancel()
	if err := p.begun(ctx, "promotion."+string(what), row, nil); err != nil {
		return nil, err
	}
	said := workflows.Steered{Promotion: id, What: what, By: slipway.ViewerFrom(ctx).Name, Why: why}
	if said.Word, err = p.word(ctx, id, string(what), said.By); err != nil {
		return nil, err
	}
	if err := workflows.Steer(asked, p.Temporal, s.Name, e.Name, said); err != nil {
		return nil, err
	}
	p.audit.Record(ctx, audit.Done, "promotion."+string(what), s.Name, e.Name, "promotion "+id, why, nil, nil)
	return p.Promotion(ctx, id)
}

// Traffic is what the edge counted for a service in an environment, with the
// releases of its deployments.
type Traffic struct {
	slipway.Traffic
	Releases map[string]int // by deployment
}

// TrafficOf reports what a service answered since a time, at most an hour ago.
func (p *Platform) TrafficOf(ctx context.Context, service, environment string, since time.Time) (*Traffic, error) {
	s, err := p.Service(ctx, service)
	if err != nil {
		return nil, err
	}
	if _, err := p.Environment(ctx, environment); err != nil {
		return nil, err
	}
	counted, err := p.Target.Traffic(ctx, service, environment, since)
	if err != nil {
		return nil, err
	}
	t := &Traffic{Traffic: counted, Releases: map[string]int{}}
	var ids []int
	for id := range counted.Deployments {
		if n, err := report.Number(id); err == nil {
			ids = append(ids, n)
		}
	}
	rows, err := p.db.Promotion.Query().Where(promotion.IDIn(ids...), promotion.ServiceID(s.ID)).WithRelease().All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if r := row.Edges.Release; r != nil {
			t.Releases[strconv.Itoa(row.ID)] = r.Number
		}
	}
	return t, nil
}
