package report

import (
	"context"
	"slices"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/event"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/setting"
	"github.com/slipway-dev/slipway/ent/snapshot"
	"github.com/slipway-dev/slipway/ent/step"
	"github.com/slipway-dev/slipway/store"
)

// undeployed says of each cell in which something runs which settings were changed
// and don't run, for some services, or all of them when only is nil. It takes two
// queries however many there are, and three more where something was changed.
func (rep *Reports) undeployed(ctx context.Context, cells []Cell, only []int) error {
	live := sql.EQ(deployment.FieldLive, true)
	if only != nil {
		live = sql.And(live, sql.InInts(deployment.FieldServiceID, only...))
	}
	rows, err := rep.db.Snapshot.Query().Where(func(s *sql.Selector) {
		t := sql.Dialect(s.Dialect()).Table(deployment.Table)
		s.Where(sql.In(s.C(snapshot.FieldDigest), sql.Dialect(s.Dialect()).Select(deployment.FieldSnapshot).From(t).Where(live)))
	}).All(ctx)
	if err != nil {
		return err
	}
	runs := map[string]slipway.Snapshot{}
	for _, row := range rows {
		runs[row.Digest] = row.Content
	}
	query := rep.db.Setting.Query()
	if only != nil {
		query.Where(setting.Or(setting.ServiceIDIn(only...), setting.ServiceIDIsNil()))
	}
	settings, err := query.All(ctx)
	if err != nil {
		return err
	}
	set := map[string][]*ent.Setting{}
	for _, row := range settings {
		set[row.Scope] = append(set[row.Scope], row)
	}
	var of []string
	for i, c := range cells {
		d := c.Deployment
		if d == nil || c.Off { // where its releases don't go any more, no config does
			continue
		}
		snapshot, ok := runs[d.Snapshot]
		if !ok {
			continue
		}
		scopes := catalog.ScopesOf(d.ServiceID, d.EnvironmentID)
		var rows []*ent.Setting
		for scope := range scopes {
			rows = append(rows, set[scope]...)
		}
		today, _ := slipway.MergeConfig(catalog.Layered(rows, scopes, d.Edges.Release.Manifest.Env))
		if keys := slipway.NotDeployed(snapshot.Env, today); len(keys) > 0 {
			cells[i].Undeployed = &slipway.Undeployed{Keys: keys}
			if !slices.Contains(of, c.Service) {
				of = append(of, c.Service)
			}
		}
	}
	if len(of) == 0 {
		return nil
	}
	return rep.whenChanged(ctx, cells, of)
}

// whenChanged adds who changed settings that don't run, and when. What runs has the
// config that its promotion rendered: what was changed while it took over isn't in
// it. What runs with an older config that it went back to was changed before that,
// and the record of it isn't looked for.
func (rep *Reports) whenChanged(ctx context.Context, cells []Cell, services []string) error {
	rendered, since, err := rep.whenRendered(ctx, cells)
	if err != nil {
		return err
	}
	changes, err := ChangesSince(ctx, rep.db, services, since)
	if err != nil {
		return err
	}
	for _, c := range cells {
		if c.Undeployed == nil {
			continue
		}
		for _, e := range changes {
			if (e.Service == "" || e.Service == c.Service) && (e.Environment == "" || e.Environment == c.Environment) &&
				!e.At.Before(rendered[c.Deployment.PromotionID]) && changesAny(e.Data, c.Undeployed.Keys) {
				c.Undeployed.At, c.Undeployed.By = e.At, e.Actor
				break
			}
		}
	}
	return nil
}

// whenRendered tells of what runs without settings of today when its promotion began
// to render its config, or else when that was asked for, and the first of these times.
func (rep *Reports) whenRendered(ctx context.Context, cells []Cell) (rendered map[int]time.Time, first time.Time, err error) {
	rendered = map[int]time.Time{}
	var ids []int
	for _, c := range cells {
		if c.Undeployed != nil {
			rendered[c.Deployment.PromotionID] = c.Deployment.CreatedAt
			ids = append(ids, c.Deployment.PromotionID)
		}
	}
	rows, err := rep.db.Promotion.Query().Where(promotion.IDIn(ids...)).Select(promotion.FieldID, promotion.FieldCreatedAt).
		WithSteps(func(q *ent.StepQuery) { q.Where(step.NameEQ(step.NameRender)) }).All(ctx)
	if err != nil {
		return nil, first, err
	}
	for _, row := range rows {
		rendered[row.ID] = row.CreatedAt
		for _, s := range row.Edges.Steps {
			if s.StartedAt != nil {
				rendered[row.ID] = *s.StartedAt
			}
		}
	}
	for _, at := range rendered {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return rendered, first, nil
}

// ChangesSince are the changes of config since a time, the newest first.
func ChangesSince(ctx context.Context, db *ent.Client, services []string, since time.Time) ([]*ent.Event, error) {
	query := db.Event.Query().Where(event.KindIn("config.changed", "secret.set", "secret.removed"), event.AtGTE(since))
	if len(services) <= store.MaxPage {
		query.Where(event.ServiceIn(append(services, "")...)) // and what all services of an environment have
	}
	return query.Order(ent.Desc(event.FieldID)).Limit(mostChanges).All(ctx)
}

// mostChanges is how many changes of config are looked at for when and by whom.
const mostChanges = 1000

// changesAny tells whether what is recorded of a change is about one of some settings.
func changesAny(data map[string]string, keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		_, set := data["set "+key]
		_, unset := data["unset "+key]
		return set || unset || data["name"] == key
	})
}
