package report

import (
	"context"
	"strconv"

	"entgo.io/ent/dialect/sql"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/event"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// EventsQuery selects events; they are listed newest first.
type EventsQuery struct {
	Service, Environment string // "" for all; also of services that were removed
	store.Page
}

// Events lists what happened, newest first. Events are only ever added, and
// hold no secrets.
func (rep *Reports) Events(ctx context.Context, q EventsQuery) (store.List[*ent.Event], error) {
	limit, after, err := q.Numbered()
	if err != nil {
		return store.List[*ent.Event]{}, err
	}
	v, err := rep.people.SignedIn(ctx, slipway.PermitSignedIn)
	if err != nil {
		return store.List[*ent.Event]{}, err
	}
	var where []predicate.Event
	if !v.Admin {
		where = append(where, ofVisible(ctx))
	}
	if q.Service != "" {
		where = append(where, event.Service(q.Service))
	}
	if q.Environment != "" {
		where = append(where, event.Environment(q.Environment))
	}
	if after > 0 {
		where = append(where, event.IDLT(after))
	}
	rows, err := rep.db.Event.Query().Where(where...).Order(ent.Desc(event.FieldID)).Limit(limit + 1).All(ctx)
	if err != nil {
		return store.List[*ent.Event]{}, err
	}
	return store.Cut(rows, limit, func(e *ent.Event) string { return strconv.Itoa(e.ID) }), nil
}

// ofVisible keeps events of services that the viewer may see, and of none.
func ofVisible(ctx context.Context) predicate.Event {
	return func(s *sql.Selector) {
		t := sql.Dialect(s.Dialect()).Table(service.Table)
		names := sql.Dialect(s.Dialect()).Select(t.C(service.FieldName)).From(t)
		for _, p := range identity.Visible(ctx) {
			p(names)
		}
		s.Where(sql.Or(sql.EQ(s.C(event.FieldService), ""), sql.In(s.C(event.FieldService), names)))
	}
}
