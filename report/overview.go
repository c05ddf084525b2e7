package report

import (
	"context"
	"errors"

	"entgo.io/ent/dialect/sql"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// OverviewQuery selects services by a part of their name or repository, and by
// the team that owns them.
type OverviewQuery struct {
	Search string
	Team   string
	store.Page
}

// Overview is a page of Status: the services with their teams.
type Overview struct {
	Status
	Next  string // the cursor of the next page; "" at the end
	Total int    // services that the query selects, on all pages
}

// Overview tells what runs where, for a page of the services that the viewer
// may see. It takes as many queries for a thousand services as for ten, and asks
// the target about the page's alone.
func (rep *Reports) Overview(ctx context.Context, q OverviewQuery) (*Overview, error) {
	limit, after, err := q.Named()
	if err != nil {
		return nil, err
	}
	if _, err := rep.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	where := identity.Visible(ctx)
	if q.Search != "" {
		where = append(where, service.Or(service.NameContainsFold(q.Search), service.RepositoryContainsFold(q.Search)))
	}
	if q.Team != "" {
		where = append(where, service.HasTeamWith(team.Name(q.Team)))
	}
	var o Overview
	if o.Total, err = rep.db.Service.Query().Where(where...).Count(ctx); err != nil {
		return nil, err
	}
	if after != "" {
		where = append(where, service.NameGT(after))
	}
	rows, err := rep.db.Service.Query().Where(where...).WithTeam().Order(service.ByName()).Limit(limit + 1).All(ctx)
	if err != nil {
		return nil, err
	}
	list := store.Cut(rows, limit, func(s *ent.Service) string { return s.Name })
	o.Services, o.Next = list.Items, list.Next
	if o.Environments, err = rep.catalog.Environments(ctx); err != nil {
		return nil, err
	}
	ids := make([]int, len(o.Services))
	for i, s := range o.Services {
		ids[i] = s.ID
	}
	live, err := rep.db.Deployment.Query().Where(deployment.Live(true), deployment.ServiceIDIn(ids...)).WithRelease().All(ctx)
	if err != nil {
		return nil, err
	}
	latest, err := rep.db.Promotion.Query().Where(newestOf(ids)).WithRelease().All(ctx)
	if err != nil {
		return nil, err
	}
	o.Cells = rep.cells(o.Services, o.Environments, live, latest)
	if err := errors.Join(rep.held(ctx, o.Cells, ids), rep.undeployed(ctx, o.Cells, ids)); err != nil {
		return nil, err
	}
	rep.observe(ctx, o.Cells)
	return &o, nil
}

// newestOf keeps the newest promotion of each environment for some services.
func newestOf(services []int) predicate.Promotion {
	return func(s *sql.Selector) {
		list := make([]any, len(services))
		for i, id := range services {
			list[i] = id
		}
		t := sql.Dialect(s.Dialect()).Table(promotion.Table).As("newest")
		s.Where(sql.In(s.C(promotion.FieldID), sql.Dialect(s.Dialect()).Select(sql.Max(t.C(promotion.FieldID))).From(t).
			Where(sql.In(t.C(promotion.FieldServiceID), list...)).
			GroupBy(t.C(promotion.FieldServiceID), t.C(promotion.FieldEnvironmentID))))
	}
}

// UnderWay lists the promotions that are not over, newest first, as Promotions does.
func (rep *Reports) UnderWay(ctx context.Context) ([]*ent.Promotion, error) {
	if _, err := rep.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	where := []predicate.Promotion{promotion.StateIn(catalog.UnderWay...)}
	if seen := identity.Visible(ctx); seen != nil {
		where = append(where, promotion.HasServiceWith(seen...))
	}
	return Listed(ctx, rep.db.Promotion.Query().Where(where...).Order(ent.Desc(promotion.FieldID)).Limit(store.MaxPage))
}
