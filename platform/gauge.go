package platform

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/promotion"
)

// PromotionCount is how many promotions into an environment are in a state.
type PromotionCount struct {
	Environment string
	State       slipway.PromotionState
	Count       int
}

// PromotionCounts counts all promotions, for whoever is signed in: figures of
// the platform that name no service.
func (p *Platform) PromotionCounts(ctx context.Context) ([]PromotionCount, error) {
	if _, err := p.signedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	var rows []struct {
		EnvironmentID int    `json:"environment_id"`
		State         string `json:"state"`
		Count         int    `json:"count"`
	}
	if err := p.db.Promotion.Query().GroupBy(promotion.FieldEnvironmentID, promotion.FieldState).Aggregate(ent.Count()).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	all, err := p.db.Environment.Query().Order(environment.ByPosition()).All(ctx)
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
