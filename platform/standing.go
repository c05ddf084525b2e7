package platform

import (
	"context"
	"slices"
	"time"

	entsql "entgo.io/ent/dialect/sql"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/store"
)

// mostStays is how far back the deployments of an environment are looked at.
const mostStays = 1000

// linesOf are the deployments of a service in environments, by environment, each as
// a line. With a release, they begin where that was first deployed.
func linesOf(ctx context.Context, db *ent.Client, service int, from *ent.Release, environments ...int) (map[int]slipway.Line, error) {
	query := db.Deployment.Query().Where(deployment.ServiceID(service), deployment.EnvironmentIDIn(environments...))
	if from != nil {
		query.Where(func(s *entsql.Selector) {
			t := entsql.Dialect(s.Dialect()).Table(deployment.Table).As("first")
			s.Where(entsql.GTE(s.C(deployment.FieldPromotionID), entsql.Dialect(s.Dialect()).Select(entsql.Min(t.C(deployment.FieldPromotionID))).From(t).
				Where(entsql.And(entsql.EQ(t.C(deployment.FieldReleaseID), from.ID), entsql.InInts(t.C(deployment.FieldEnvironmentID), environments...)))))
		})
	}
	rows, err := query.WithRelease(func(q *ent.ReleaseQuery) { q.Select(release.FieldID, release.FieldNumber) }).
		Order(ent.Desc(deployment.FieldPromotionID)).Limit(mostStays).All(ctx)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	ids := make([]int, len(rows))
	for i, d := range rows {
		ids[i] = d.PromotionID
	}
	promotions, err := db.Promotion.Query().Where(promotion.IDIn(ids...)).
		Select(promotion.FieldID, promotion.FieldRollback, promotion.FieldEndedAt, promotion.FieldRequestedBy, promotion.FieldWhy).All(ctx)
	if err != nil {
		return nil, err
	}
	asked := map[int]*ent.Promotion{}
	for _, q := range promotions {
		asked[q.ID] = q
	}
	stays := map[int][]slipway.Stay{}
	for _, d := range slices.Backward(rows) {
		stays[d.EnvironmentID] = append(stays[d.EnvironmentID], stay(d, asked[d.PromotionID]))
	}
	lines := map[int]slipway.Line{}
	for environment, list := range stays {
		lines[environment] = slipway.LineOf(list)
	}
	return lines, nil
}

// stay is a deployment as the rules see it. q is its promotion; nil where that is
// no longer on record.
func stay(d *ent.Deployment, q *ent.Promotion) slipway.Stay {
	s := slipway.Stay{
		Promotion: d.PromotionID, Release: d.Edges.Release.Number, Config: slipway.Digest(d.Snapshot), Began: d.CreatedAt, Live: d.Live,
		Verified: d.Verified, Condition: slipway.Condition(d.Condition),
	}
	if d.EndedAt != nil {
		s.Ended = *d.EndedAt
	}
	if d.ConditionSince != nil {
		s.Since = *d.ConditionSince
	}
	switch {
	case q == nil:
		s.VerifiedAt = d.CreatedAt
	case q.EndedAt == nil: // verified a moment ago; its end is being written
		s.VerifiedAt = store.Now()
	default:
		s.VerifiedAt = *q.EndedAt
	}
	if q != nil {
		s.Rollback, s.By, s.Why = q.Rollback, q.RequestedBy, q.Why
	}
	return s
}

// standings are how a release stands in environments, in their order.
func standings(ctx context.Context, db *ent.Client, r *ent.Release, environments []*ent.Environment, now time.Time) ([]slipway.Standing, error) {
	out := make([]slipway.Standing, len(environments))
	var ids []int
	for i, e := range environments {
		out[i].Environment = e.Name
		ids = append(ids, e.ID)
	}
	if r == nil || len(ids) == 0 {
		return out, nil
	}
	lines, err := linesOf(ctx, db, r.ServiceID, r, ids...)
	for i, e := range environments {
		out[i] = lines[e.ID].Standing(e.Name, r.Number, now)
	}
	return out, err
}
