package report

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/hold"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
)

// Cell is what runs of one service in one environment.
type Cell struct {
	Service     string
	Environment string
	Deployment  *ent.Deployment     // the one recorded as live, with its release; nil for none
	Promotion   *ent.Promotion      // the latest, whatever became of it; nil for none
	Observed    slipway.Observed    // what the target sees; empty when nothing was ever deployed
	Problem     string              // why it can't be told what runs; "" when it can
	URL         string              // where it answers; "" when nothing is deployed
	Off         bool                // the environment is not on the service's path
	Hold        *ent.Hold           // on automatic promotion; nil for none
	Undeployed  *slipway.Undeployed // of its config; nil when what runs has the config of today
}

// Drifted tells whether what runs isn't what was deployed. It is false while a promotion may
// be giving the traffic to another release, and where nothing can be seen.
func (c Cell) Drifted() bool {
	if c.Promotion != nil && slices.Contains(Changing, c.Promotion.State) {
		return false
	}
	return c.Deployment != nil && c.Problem == "" && c.Observed.Deployment != "" &&
		c.Observed.Deployment != strconv.Itoa(c.Deployment.PromotionID)
}

// Status is services by environments.
type Status struct {
	Services     []*ent.Service     // by name
	Environments []*ent.Environment // in order
	Cells        []Cell             // one for each service and environment, in these orders
}

// Status tells what runs where: what is recorded, and what the target sees now.
// name keeps one service; "" is all of them. It takes seven queries, or eight, whatever the
// number of services, and waits at most two seconds for the target.
func (rep *Reports) Status(ctx context.Context, name string) (*Status, error) {
	var status Status
	if name != "" {
		s, err := rep.catalog.Service(ctx, name)
		if err != nil {
			return nil, err
		}
		status.Services = []*ent.Service{s}
	} else {
		if _, err := rep.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
			return nil, err
		}
		all, err := rep.db.Service.Query().Where(identity.Visible(ctx)...).Order(service.ByName()).All(ctx)
		if err != nil {
			return nil, err
		}
		status.Services = all
	}
	environments, err := rep.catalog.Environments(ctx)
	if err != nil {
		return nil, err
	}
	status.Environments = environments
	var only *ent.Service
	if name != "" {
		only = status.Services[0]
	}
	live, err := rep.LiveDeployments(ctx, only)
	if err != nil {
		return nil, err
	}
	latest, err := rep.latestPromotions(ctx, only)
	if err != nil {
		return nil, err
	}
	status.Cells = rep.cells(status.Services, environments, live, latest)
	var ids []int
	if only != nil {
		ids = []int{only.ID}
	}
	if err := errors.Join(rep.held(ctx, status.Cells, ids), rep.undeployed(ctx, status.Cells, ids)); err != nil {
		return nil, err
	}
	rep.observe(ctx, status.Cells)
	return &status, nil
}

// cells puts together what is recorded for services by environments, in their orders.
func (rep *Reports) cells(services []*ent.Service, environments []*ent.Environment, live []*ent.Deployment, latest []*ent.Promotion) []Cell {
	type at struct{ service, environment int }
	deployed, asked := map[at]*ent.Deployment{}, map[at]*ent.Promotion{}
	for _, d := range live {
		deployed[at{d.ServiceID, d.EnvironmentID}] = d
	}
	for _, q := range latest {
		asked[at{q.ServiceID, q.EnvironmentID}] = q
	}
	cells := make([]Cell, 0, len(services)*len(environments))
	for _, s := range services {
		for _, e := range environments {
			cell := Cell{Service: s.Name, Environment: e.Name, Deployment: deployed[at{s.ID, e.ID}], Promotion: asked[at{s.ID, e.ID}], Off: !catalog.OnItsPath(s, e.Name)}
			if cell.Deployment != nil {
				cell.URL = rep.catalog.AddressOf(s.Name, e.Name)
			}
			cells = append(cells, cell)
		}
	}
	return cells
}

// LiveDeployments are those that have the traffic, of one service unless that is nil.
func (rep *Reports) LiveDeployments(ctx context.Context, only *ent.Service) ([]*ent.Deployment, error) {
	query := rep.db.Deployment.Query().Where(deployment.Live(true))
	if only != nil {
		query.Where(deployment.ServiceID(only.ID))
	}
	return query.WithRelease().WithService().WithEnvironment().Order(deployment.ByID()).All(ctx)
}

// latestPromotions are the newest of each service and environment.
func (rep *Reports) latestPromotions(ctx context.Context, only *ent.Service) ([]*ent.Promotion, error) {
	return rep.db.Promotion.Query().Where(func(s *sql.Selector) {
		t := sql.Dialect(s.Dialect()).Table(promotion.Table).As("newest")
		newest := sql.Dialect(s.Dialect()).Select(sql.Max(t.C(promotion.FieldID))).From(t).
			GroupBy(t.C(promotion.FieldServiceID), t.C(promotion.FieldEnvironmentID))
		if only != nil {
			newest.Where(sql.EQ(t.C(promotion.FieldServiceID), only.ID))
		}
		s.Where(sql.In(s.C(promotion.FieldID), newest))
	}).WithRelease().All(ctx)
}

// observe asks the target about every cell that was deployed, several at once
// and not for long: a table must not wait for a node.
func (rep *Reports) observe(ctx context.Context, cells []Cell) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var all sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range cells {
		cell := &cells[i]
		if cell.Deployment == nil {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			seen, err := rep.ports.Target.Observe(ctx, cell.Service, cell.Environment)
			if err != nil {
				cell.Problem = rep.catalog.Why(err)
				return
			}
			cell.Observed = seen
			if seen.URL != "" {
				cell.URL = seen.URL
			}
		})
	}
	all.Wait()
}

// ServiceLogs writes the output of a service's instances in an environment to w: text
// and colours, nothing that does more to a terminal.
func (rep *Reports) ServiceLogs(ctx context.Context, q slipway.LogQuery, w io.Writer) error {
	if _, err := rep.catalog.Service(ctx, q.Service); err != nil {
		return err
	}
	if _, err := rep.catalog.Environment(ctx, q.Environment); err != nil {
		return err
	}
	if q.Lines < 0 || q.Lines > 10_000 {
		return slipway.Errorf(slipway.Invalid, "lines %d is not between 0 and 10000", q.Lines).At("lines")
	}
	return rep.ports.Target.Logs(ctx, q, cleanLines{w})
}

// held fills in the holds of cells: of services by their ids, nil for all.
func (rep *Reports) held(ctx context.Context, cells []Cell, services []int) error {
	query := rep.db.Hold.Query().Where(hold.Active(true)).WithService().WithEnvironment()
	if services != nil {
		query.Where(hold.ServiceIDIn(services...))
	}
	holds, err := query.All(ctx)
	if err != nil {
		return err
	}
	type at struct{ service, environment string }
	by := map[at]*ent.Hold{}
	for _, h := range holds {
		by[at{h.Edges.Service.Name, h.Edges.Environment.Name}] = h
	}
	for i, c := range cells {
		cells[i].Hold = by[at{c.Service, c.Environment}]
	}
	return nil
}

// Changing are the states of a promotion that may be changing what runs.
var Changing = []promotion.State{promotion.StateRunning, promotion.StateVerifying}
