package platform

import (
	"context"
	"slices"

	"entgo.io/ent/dialect/sql"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/event"
	"github.com/slipway-dev/slipway/ent/setting"
	"github.com/slipway-dev/slipway/ent/snapshot"
)

// undeployed says of each cell in which something runs which settings were changed
// and don't run, for some services, or all of them when only is nil. It takes two
// queries however many there are, and a third one where something was changed.
func (p *Platform) undeployed(ctx context.Context, cells []Cell, only []int) error {
	live := sql.EQ(deployment.FieldLive, true)
	if only != nil {
		live = sql.And(live, sql.In(deployment.FieldServiceID, anyOf(only)...))
	}
	rows, err := p.db.Snapshot.Query().Where(func(s *sql.Selector) {
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
	query := p.db.Setting.Query()
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
		scopes := scopesOf(d.ServiceID, d.EnvironmentID)
		var rows []*ent.Setting
		for scope := range scopes {
			rows = append(rows, set[scope]...)
		}
		today, _ := slipway.MergeConfig(layered(rows, scopes, d.Edges.Release.Manifest.Env))
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
	return p.whenChanged(ctx, cells, of)
}

// whenChanged adds who changed settings that don't run, and when. What runs with
// an older config that it went back to was changed before it was deployed, and the
// record of that isn't looked for.
func (p *Platform) whenChanged(ctx context.Context, cells []Cell, services []string) error {
	var since *ent.Deployment
	for _, c := range cells {
		if c.Undeployed != nil && (since == nil || c.Deployment.CreatedAt.Before(since.CreatedAt)) {
			since = c.Deployment
		}
	}
	query := p.db.Event.Query().Where(event.KindIn("config.changed", "secret.set", "secret.removed"), event.AtGTE(since.CreatedAt))
	if len(services) <= MaxPage {
		query.Where(event.ServiceIn(append(services, "")...)) // and what all services of an environment have
	}
	changes, err := query.Order(ent.Desc(event.FieldID)).Limit(mostChanges).All(ctx)
	if err != nil {
		return err
	}
	for _, c := range cells {
		if c.Undeployed == nil {
			continue
		}
		for _, e := range changes {
			if (e.Service == "" || e.Service == c.Service) && (e.Environment == "" || e.Environment == c.Environment) &&
				!e.At.Before(c.Deployment.CreatedAt) && changesAny(e.Data, c.Undeployed.Keys) {
				c.Undeployed.At, c.Undeployed.By = e.At, e.Actor
				break
			}
		}
	}
	return nil
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
