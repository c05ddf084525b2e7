package report

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/identity"
)

const (
	// DeliveryWeeks is how far back delivery is measured unless more is asked for.
	DeliveryWeeks = 12
	maxWeeks      = 52
	// lookBack is how much further promotions are read: what a rollback of the
	// first days took back.
	lookBack = 4 * 7 * 24 * time.Hour
)

// DeliveryQuery says of what delivery is measured.
type DeliveryQuery struct {
	Service     string // "" for all that the viewer may see
	Team        string
	Environment string // "" for the last of the path
	Weeks       int    // 0 for DeliveryWeeks
}

// Delivered is how delivery goes into an environment: of everything that was
// asked for together, and of each service that was deployed at all.
type Delivered struct {
	Environment string
	Weeks       int
	slipway.Delivery
	Services []ServiceDelivery // the most deployed first
}

// ServiceDelivery is how delivery of one service goes.
type ServiceDelivery struct {
	Service string
	Team    string
	slipway.Delivery
}

// Delivery measures how delivery went until now. It takes two queries for the
// promotions, whatever the number of services.
func (rep *Reports) Delivery(ctx context.Context, q DeliveryQuery, now time.Time) (*Delivered, error) {
	if _, err := rep.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	if q.Weeks == 0 {
		q.Weeks = DeliveryWeeks
	}
	if q.Weeks < 1 || q.Weeks > maxWeeks {
		return nil, slipway.Errorf(slipway.Invalid, "weeks %d is not between 1 and %d", q.Weeks, maxWeeks).At("weeks")
	}
	out := &Delivered{Environment: q.Environment, Weeks: q.Weeks}
	where := identity.Visible(ctx)
	if q.Service != "" {
		s, err := rep.catalog.Service(ctx, q.Service)
		if err != nil {
			return nil, err
		}
		where = append(where, service.ID(s.ID))
	}
	if q.Team != "" {
		if _, err := rep.people.Team(ctx, q.Team); err != nil {
			return nil, err
		}
		where = append(where, service.HasTeamWith(team.Name(q.Team)))
	}
	environment := 0
	if q.Environment != "" {
		e, err := rep.catalog.Environment(ctx, q.Environment)
		if err != nil {
			return nil, err
		}
		environment = e.ID
	} else {
		path, err := rep.catalog.Environments(ctx)
		if err != nil {
			return nil, err
		}
		if len(path) == 0 {
			out.Delivery = slipway.MeasureDelivery(nil, now, q.Weeks)
			return out, nil
		}
		environment, out.Environment = path[len(path)-1].ID, path[len(path)-1].Name
	}
	now = now.UTC()
	list, names, err := rep.delivered(ctx, environment, where, now.Add(-time.Duration(q.Weeks)*7*24*time.Hour-lookBack), now)
	if err != nil {
		return nil, err
	}
	out.Delivery = slipway.MeasureDelivery(list, now, q.Weeks)
	if q.Service != "" {
		return out, nil
	}
	by := map[string][]slipway.Delivered{}
	for _, d := range list {
		by[d.Service] = append(by[d.Service], d)
	}
	for name, list := range by {
		if d := slipway.MeasureDelivery(list, now, q.Weeks); d.Deployments > 0 {
			out.Services = append(out.Services, ServiceDelivery{Service: name, Team: names[name], Delivery: d})
		}
	}
	slices.SortFunc(out.Services, func(a, b ServiceDelivery) int {
		return cmp.Or(b.Deployments-a.Deployments, cmp.Compare(a.Service, b.Service))
	})
	return out, nil
}

// delivered lists what took the traffic in an environment, in the order of
// time, and the team of each service.
func (rep *Reports) delivered(ctx context.Context, environment int, where []predicate.Service, since, until time.Time) ([]slipway.Delivered, map[string]string, error) {
	services, err := rep.db.Service.Query().Where(where...).WithTeam().Select(service.FieldID, service.FieldName, service.FieldTeamID).All(ctx)
	if err != nil {
		return nil, nil, err
	}
	names, teams := map[int]string{}, map[string]string{}
	for _, s := range services {
		names[s.ID] = s.Name
		if s.Edges.Team != nil {
			teams[s.Name] = s.Edges.Team.Name
		}
	}
	query := rep.db.Promotion.Query().Where(promotion.EnvironmentID(environment), promotion.StateIn(promotion.StateSucceeded, promotion.StateFailed), promotion.EndedAtGTE(since), promotion.EndedAtLTE(until))
	bad := rep.db.Deployment.Query().Where(deployment.EnvironmentID(environment), deployment.Verified(false), deployment.EndedAtNotNil(), deployment.CreatedAtGTE(since))
	if len(services) == 1 {
		query.Where(promotion.ServiceID(services[0].ID))
		bad.Where(deployment.ServiceID(services[0].ID))
	}
	rows, err := query.Select(promotion.FieldID, promotion.FieldServiceID, promotion.FieldRollback, promotion.FieldState, promotion.FieldEndedAt, promotion.FieldCommit).All(ctx)
	if err != nil {
		return nil, nil, err
	}
	undone, err := bad.Select(deployment.FieldPromotionID, deployment.FieldCreatedAt, deployment.FieldEndedAt).All(ctx)
	if err != nil {
		return nil, nil, err
	}
	served := map[int][2]time.Time{}
	for _, d := range undone {
		served[d.PromotionID] = [2]time.Time{d.CreatedAt, *d.EndedAt}
	}
	var list []slipway.Delivered
	for _, q := range rows {
		name, seen := names[q.ServiceID]
		if !seen || q.EndedAt == nil {
			continue
		}
		d := slipway.Delivered{Service: name, At: *q.EndedAt, Written: q.Commit.Time, Rollback: q.Rollback}
		if q.State == promotion.StateFailed {
			times, had := served[q.ID]
			if !had || q.Rollback {
				continue // it never had the traffic: nobody noticed
			}
			d.At, d.Failed, d.Undone = times[0], true, times[1]
		}
		list = append(list, d)
	}
	slices.SortStableFunc(list, func(a, b slipway.Delivered) int { return a.At.Compare(b.At) })
	return list, teams, nil
}
