package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"entgo.io/ent/dialect"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// Unrecorded lists what runs without being on record, as far as the viewer may see
// it: of services that aren't registered, or in environments that there aren't, only
// an admin of the platform hears.
func (p *Platform) Unrecorded(ctx context.Context) ([]slipway.Unrecorded, error) {
	v, err := p.SignedIn(ctx, slipway.PermitSignedIn)
	if err != nil {
		return nil, err
	}
	all, err := p.allUnrecorded(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	seen, err := p.db.Service.Query().Where(identity.Visible(ctx)...).Select(service.FieldName).Strings(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(u slipway.Unrecorded) bool {
		return !(v.Admin && v.Service == "") && !(u.Registered && slices.Contains(seen, u.Service))
	}), nil
}

func (p *Platform) allUnrecorded(ctx context.Context) ([]slipway.Unrecorded, error) {
	if p.Inventory == nil {
		return nil, nil
	}
	asked, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	running, err := p.Inventory.Running(asked)
	if err != nil {
		return nil, err
	}
	return unrecorded(store.AsSystem(ctx), p.db, running)
}

// unrecorded finds what the database knows nothing of. It knows what it has ordered:
// by a promotion of that number, to that place, of that artifact.
func unrecorded(ctx context.Context, db *ent.Client, running []slipway.Running) ([]slipway.Unrecorded, error) {
	var ids []int
	for _, r := range running {
		if n, err := report.Number(r.Deployment); err == nil {
			ids = append(ids, n)
		}
		if r.Next != nil {
			if n, err := report.Number(r.Next.Deployment); err == nil {
				ids = append(ids, n)
			}
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := db.Promotion.Query().Where(promotion.IDIn(ids...)).WithService().WithEnvironment().
		WithRelease(func(q *ent.ReleaseQuery) { q.Select(release.FieldArtifact) }).
		Select(promotion.FieldServiceID, promotion.FieldEnvironmentID, promotion.FieldReleaseID, promotion.FieldState).All(ctx)
	if err != nil {
		return nil, err
	}
	ordered := map[string]*ent.Promotion{}
	for _, row := range rows {
		ordered[strconv.Itoa(row.ID)] = row
	}
	var all []slipway.Unrecorded
	for _, r := range running {
		u := slipway.Unrecorded{Service: r.Service, Environment: r.Environment, URL: r.URL}
		switch next := r.Next; {
		case r.Deployment != "" && !orders(ordered[r.Deployment], r, r.Artifact):
			u.Deployment, u.Release, u.Artifact, u.Config, u.Weight, u.Instances = r.Deployment, r.Release, r.Artifact, r.Config, 100, r.Instances
		case next != nil && !orders(ordered[next.Deployment], r, ""):
			u.Deployment, u.Release, u.Weight, u.Instances = next.Deployment, next.Release, next.Weight, next.Instances
		default:
			continue
		}
		if err := describeUnrecorded(ctx, db, &u, ordered[u.Deployment]); err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

// orders tells whether a promotion is the one that put an artifact, "" for whichever,
// where it runs.
func orders(row *ent.Promotion, r slipway.Running, artifact slipway.Digest) bool {
	return row != nil && row.Edges.Service.Name == r.Service && row.Edges.Environment.Name == r.Environment &&
		(artifact == "" || row.Edges.Release != nil && row.Edges.Release.Artifact == string(artifact))
}

// describeUnrecorded adds what the database says of the place, and whether the
// deployment can be adopted. row has its number, if there is one.
func describeUnrecorded(ctx context.Context, db *ent.Client, u *slipway.Unrecorded, row *ent.Promotion) error {
	s, err := db.Service.Query().Where(service.Name(u.Service)).Only(ctx)
	if ent.IsNotFound(err) {
		u.Unfit = "no service " + u.Service + " is registered; register it first"
		return nil
	}
	if err != nil {
		return err
	}
	e, err := db.Environment.Query().Where(environment.Name(u.Environment)).Only(ctx)
	if ent.IsNotFound(err) {
		u.Unfit = "there is no environment " + u.Environment + "; add it first"
		return nil
	}
	if err != nil {
		return err
	}
	u.Registered = true
	live, err := report.LiveIn(ctx, db, s.ID, e.ID)
	if err != nil {
		return err
	}
	if live != nil {
		u.Recorded = live.Edges.Release.Number
	}
	here := row != nil && row.ServiceID == s.ID && row.EnvironmentID == e.ID
	i := slices.IndexFunc(u.Instances, func(i slipway.Instance) bool { return i.State != slipway.InstanceHealthy })
	switch {
	case u.Weight < 100:
		u.Unfit = fmt.Sprintf("it was only taking over, and has %d %% of the requests", u.Weight)
	case row != nil && !here:
		u.Unfit = "its number is that of another promotion by now"
	case here && slices.Contains(catalog.UnderWay, row.State):
		u.Unfit = fmt.Sprintf("promotion %d, which has its number, is under way; cancel that first", row.ID)
	case i >= 0:
		u.Unfit = fmt.Sprintf("%s is not healthy now", u.Instances[i].ID)
	}
	return nil
}

// observeAgain is how long it takes at the least until the gates are looked at again
// that couldn't tell what runs.
const observeAgain = 5 * time.Second

// observedAgain is when these gates are looked at again: after as long as the gate has
// been closed already. Each look makes the history of the workflow longer, which the
// engine bounds; and that there is an answer again is said by ringAnswered.
func observedAgain(now time.Time, waits []slipway.Wait) time.Time {
	pause := observeAgain
	for _, w := range waits {
		if w.Gate == slipway.GateUnrecorded {
			pause = max(pause, now.Sub(w.Since))
		}
	}
	return now.Add(min(pause, lookAgain))
}

// ringPause is how long one isn't told again that goes on waiting after it was told.
const ringPause = 15 * time.Minute

// ringAnswered has promotions look at their gates that wait since it couldn't be told
// what runs, once that can be. Should a worker not hear what the platform does, each
// is told seldom enough for its history.
func (p *Platform) ringAnswered(ctx context.Context) error {
	rows, err := p.db.Promotion.Query().Where(promotion.StateEQ(promotion.StateWaiting)).WithService().WithEnvironment().
		Select(promotion.FieldServiceID, promotion.FieldEnvironmentID, promotion.FieldWaits).All(ctx)
	if err != nil {
		return err
	}
	asked, cancel := context.WithTimeout(ctx, 5*time.Second) // for all of them: most often one node runs all that they wait for
	defer cancel()
	waiting := map[int]bool{}
	for _, row := range rows {
		if !slices.ContainsFunc(row.Waits, func(w slipway.Wait) bool {
			return w.Gate == slipway.GateUnrecorded && strings.HasPrefix(w.Reason, unobserved)
		}) {
			continue
		}
		waiting[row.ID] = true
		if _, err := p.Target.Observe(asked, row.Edges.Service.Name, row.Edges.Environment.Name); err != nil {
			p.rung.Delete(row.ID)
			continue
		}
		now := store.Now()
		if last, told := p.rung.Load(row.ID); !told || now.Sub(last.(time.Time)) > ringPause {
			p.rung.Store(row.ID, now)
			p.look(ctx, row.ServiceID, row.EnvironmentID)
		}
	}
	p.rung.Range(func(id, _ any) bool {
		if !waiting[id.(int)] {
			p.rung.Delete(id)
		}
		return true
	})
	return ctx.Err()
}

// unrecordedIn says what runs in a place without being on record, and what to do;
// "" for nothing. What can't be told is as good as that: nothing may be started
// beside what nobody knows.
func unrecordedIn(ctx context.Context, db *ent.Client, target slipway.Target, service, environment string) (string, error) {
	if target == nil {
		return "", nil
	}
	asked, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	seen, err := target.Observe(asked, service, environment)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		var known *slipway.Error
		why := "it doesn't answer"
		if errors.As(err, &known) {
			why = known.Message
		}
		return unobserved + environment + " can't be told: " + why, nil
	}
	found, err := unrecorded(ctx, db, []slipway.Running{{Service: service, Environment: environment, Observed: seen}})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].String() + "; " + found[0].Remedy(), nil
}

// unobserved begins the reason of a gate that doesn't know.
const unobserved = "what runs in "

// TakeStock compares what runs with what is on record. It has promotions numbered
// from beyond what the target has seen: a database that was restored would give out
// numbers again by which the target knows other deployments.
func (p *Platform) TakeStock(ctx context.Context) error {
	if p.Inventory == nil {
		return nil
	}
	ctx = store.AsSystem(ctx)
	asked, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	running, err := p.Inventory.Running(asked)
	if err != nil {
		return err
	}
	newest := int64(0)
	for _, r := range running {
		newest = max(newest, r.Newest)
	}
	raised, err := p.Storage.numberBeyond(ctx, newest)
	if err != nil {
		return err
	}
	if raised {
		p.Log.Warn("what runs was asked for by promotions that the database doesn't know; new ones are numbered from beyond them", "from", newest+1)
	}
	all, err := unrecorded(ctx, p.db, running)
	if err != nil {
		return err
	}
	p.Storage.numberReleases(all)
	for _, u := range all {
		if _, told := p.warned.LoadOrStore(u.Service+"/"+u.Environment+"/"+u.Deployment, true); !told {
			p.Log.Warn(u.String()+"; "+u.Remedy(), "service", u.Service, "environment", u.Environment)
		}
	}
	return nil
}

// numberReleases has releases numbered from beyond those that run without being on record:
// one of these keeps its number when it is adopted, and stays the older one.
func (s *Storage) numberReleases(all []slipway.Unrecorded) {
	newest := map[string]int{}
	for _, u := range all {
		newest[u.Service] = max(newest[u.Service], u.Release)
	}
	s.beyond.Range(func(service, _ any) bool {
		if newest[service.(string)] == 0 {
			s.beyond.Delete(service)
		}
		return true
	})
	for service, release := range newest {
		s.beyond.Store(service, release)
	}
}

// releaseBeyond is the number that the next release of a service lies beyond.
func (s *Storage) releaseBeyond(service string) int {
	number, _ := s.beyond.Load(service)
	release, _ := number.(int)
	return release
}

// numberBeyond has the next promotion numbered higher than newest, and tells whether
// that took anything.
func (s *Storage) numberBeyond(ctx context.Context, newest int64) (raised bool, err error) {
	last := `SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'promotions'`
	raise := []string{ // the row isn't there before the first promotion is
		`INSERT INTO sqlite_sequence (name, seq) SELECT 'promotions', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'promotions')`,
		`UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'promotions'`,
	}
	if s.Dialect == dialect.Postgres {
		last = `SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('promotions', 'id')::regclass), 0)`
		raise = []string{
			`LOCK TABLE promotions IN SHARE ROW EXCLUSIVE MODE`, // which excludes that under which numbers are given out
			`SELECT setval(pg_get_serial_sequence('promotions', 'id'), greatest($1, (` + last + `)))`,
		}
	}
	var given int64
	if err := s.SQL.QueryRowContext(ctx, last).Scan(&given); err != nil || given >= newest {
		return false, err
	}
	tx, err := s.SQL.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, raise[0]); err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, raise[1], newest); err != nil {
		return false, err
	}
	return true, tx.Commit()
}
