package report

import (
	"context"
	"slices"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
)

// PromotionCount is how many promotions into an environment are in a state.
type PromotionCount struct {
	Environment string
	State       slipway.PromotionState
	Count       int
}

// edgePatience is how long the edge is waited for when its figures are asked for.
const edgePatience = 3 * time.Second

// Unserved is what the edge answered by itself, of the services that the viewer may see,
// and, for admins, under names that nobody has. An edge that doesn't answer tells nothing.
func (rep *Reports) Unserved(ctx context.Context) ([]slipway.EdgeCount, error) {
	v, err := rep.people.SignedIn(ctx, slipway.PermitSignedIn)
	if err != nil || rep.ports.Edge == nil {
		return nil, err
	}
	names, err := rep.db.Service.Query().Where(identity.Visible(ctx)...).Select(service.FieldName).Strings(ctx)
	if err != nil {
		return nil, err
	}
	asked, cancel := context.WithTimeout(ctx, edgePatience)
	defer cancel()
	all, err := rep.ports.Edge.Unserved(asked)
	if err != nil {
		rep.log.Warn("the edge's figures are left out: it does not answer", "error", err)
		return nil, ctx.Err()
	}
	return slices.DeleteFunc(all, func(c slipway.EdgeCount) bool {
		return !(c.Service == "" && v.Admin || slices.Contains(names, c.Service))
	}), nil
}

// PromotionCounts counts all promotions, for whoever is signed in: figures of
// the platform that name no service.
func (rep *Reports) PromotionCounts(ctx context.Context) ([]PromotionCount, error) {
	if _, err := rep.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	var rows []struct {
		EnvironmentID int    `json:"environment_id"`
		State         string `json:"state"`
		Count         int    `json:"count"`
	}
	if err := rep.db.Promotion.Query().GroupBy(promotion.FieldEnvironmentID, promotion.FieldState).Aggregate(ent.Count()).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	all, err := rep.db.Environment.Query().Order(environment.ByPosition()).All(ctx)
	if err != nil {
		return nil, err
	}
	names := map[int]string{}
	for _, e := range all {
		names[e.ID] = e.Name
	}
	counts := make([]PromotionCount, 0, len(rows))
	for _, r := range rows {
		counts = append(counts, PromotionCount{names[r.EnvironmentID], slipway.PromotionState(r.State), r.Count})
	}
	return counts, nil
}
