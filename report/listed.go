package report

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"entgo.io/ent/dialect/sql"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/decision"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/step"
	"github.com/slipway-dev/slipway/store"
)

// shown are the fields of promotions in lists: all but those that are long and that no list shows.
var shown = slices.DeleteFunc(slices.Clone(promotion.Columns), func(field string) bool {
	return field == promotion.FieldInput || field == promotion.FieldChange || field == promotion.FieldUpdatedAt
})

// Listed reads promotions with their steps and decisions, and of what they are about no more than its names: the
// service with its team, the environment, and the number of the release. withAll reads whole rows, for one promotion.
func Listed(ctx context.Context, q *ent.PromotionQuery) ([]*ent.Promotion, error) {
	q = q.Where(withNames).WithDecisions(func(q *ent.DecisionQuery) { q.Order(decision.ByID()) }).
		WithSteps(func(q *ent.StepQuery) { q.Order(step.ByPosition()) })
	rows, err := q.Select(shown...).All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if err := name(row); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// What withNames reads besides.
const (
	nameOfService     = "name_of_service"
	teamOfService     = "team_of_service"
	nameOfEnvironment = "name_of_environment"
	numberOfRelease   = "number_of_release"
)

// withNames reads names in the same query. The joins are of the left kind, so that no statistics lead past the order of
// the promotions, and a page ends after its rows.
func withNames(s *sql.Selector) {
	table := sql.Dialect(s.Dialect()).Table
	services, environments, releases := table(service.Table).As("s"), table(environment.Table).As("e"), table(release.Table).As("r")
	s.LeftJoin(services).On(s.C(promotion.FieldServiceID), services.C(service.FieldID)).
		LeftJoin(environments).On(s.C(promotion.FieldEnvironmentID), environments.C(environment.FieldID)).
		LeftJoin(releases).On(s.C(promotion.FieldReleaseID), releases.C(release.FieldID)).
		AppendSelectAs(services.C(service.FieldName), nameOfService).AppendSelectAs(services.C(service.FieldTeamID), teamOfService).
		AppendSelectAs(environments.C(environment.FieldName), nameOfEnvironment).AppendSelectAs(releases.C(release.FieldNumber), numberOfRelease)
}

// name puts what withNames has read where withAll would.
func name(row *ent.Promotion) error {
	var bad error
	text := func(column string) string {
		v, err := row.Value(column)
		s, ok := v.(string)
		if err != nil || !ok {
			bad = fmt.Errorf("a promotion's %s is %T: %w", column, v, err)
		}
		return s
	}
	integer := func(column string) (int, bool) { // 0, false where there is none
		v, err := row.Value(column)
		n, ok := v.(int64)
		if err != nil || !ok && v != nil {
			bad = fmt.Errorf("a promotion's %s is %T: %w", column, v, err)
		}
		return int(n), ok
	}
	team, _ := integer(teamOfService)
	row.Edges.Service = &ent.Service{ID: row.ServiceID, Name: text(nameOfService), TeamID: team}
	row.Edges.Environment = &ent.Environment{ID: row.EnvironmentID, Name: text(nameOfEnvironment)}
	if n, ok := integer(numberOfRelease); ok {
		row.Edges.Release = &ent.Release{ID: *row.ReleaseID, ServiceID: row.ServiceID, Number: n}
	}
	return bad
}

// Number reads the id of a promotion, which people and histories have as text.
func Number(id string) (int, error) {
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || strconv.Itoa(n) != id {
		return 0, slipway.Errorf(slipway.NotFound, "there is no promotion %s; `slipway promotion ls` lists them", store.Printable(id))
	}
	return n, nil
}
