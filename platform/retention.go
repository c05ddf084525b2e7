package platform

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/store"
)

// newestKept is how many of the newest releases of a service stay however old.
const newestKept = 3

// retained is by what it is known that it was logged that all stays.
const retained = "what isn't needed stays"

// Retain removes the artifacts of releases that nothing needs any more: not an
// environment, for what runs there or could be gone back to, and no promotion
// under way. A release younger than young stays: somebody may be about to try it
// again. The record of a release stays, and its commit can be built again. Values of
// secrets that only those releases ran with go too.
func (p *Platform) Retain(ctx context.Context, young time.Duration) error {
	ctx = store.AsSystem(ctx)
	services, err := p.db.Service.Query().Order(service.ByID()).All(ctx)
	if err != nil {
		return err
	}
	environments, err := catalog.InOrder(ctx, p.db)
	if err != nil {
		return err
	}
	// What runs without being on record needs artifacts and secrets that no row names:
	// as long as it can't be told what that is, all of them stay.
	strangers, err := p.allUnrecorded(ctx)
	switch code := slipway.CodeOf(err); {
	case ctx.Err() != nil:
		return ctx.Err()
	case code == slipway.Unavailable || errors.Is(err, context.DeadlineExceeded):
		if _, told := p.warned.LoadOrStore(retained, true); !told {
			p.Log.Warn("old artifacts and secrets stay as long as the node doesn't tell what runs", "error", err)
		}
		services = nil
	case err != nil:
		return err
	default:
		p.warned.Delete(retained)
	}
	for _, s := range services {
		if slices.ContainsFunc(strangers, func(u slipway.Unrecorded) bool { return u.Service == s.Name }) {
			continue
		}
		if err := p.retain(ctx, s, environments, young); err != nil {
			return err
		}
		if err := p.dropSecrets(ctx, s, young/24); err != nil {
			return err
		}
	}
	return p.dropCredentials(ctx, young/24)
}

func (p *Platform) retain(ctx context.Context, s *ent.Service, environments []*ent.Environment, young time.Duration) error {
	releases, err := p.db.Release.Query().Where(release.ServiceID(s.ID), release.DiscardedAtIsNil()).Order(ent.Desc(release.FieldNumber)).All(ctx)
	if err != nil || len(releases) <= newestKept {
		return err
	}
	needed, err := p.needed(ctx, s, environments, releases)
	if err != nil {
		return err
	}
	kept, old := map[string]bool{}, []*ent.Release(nil)
	for i, r := range releases {
		if i < newestKept || needed[r.ID] || store.Now().Sub(r.CreatedAt) < young {
			kept[r.Artifact] = true // two releases can have the same one
		} else {
			old = append(old, r)
		}
	}
	for _, r := range old {
		if kept[r.Artifact] {
			continue
		}
		// Written down first: what is marked and still there is found by its digest
		// when its commit is promoted again; the other way round would promise what is gone.
		if err := p.db.Release.Update().Where(release.ID(r.ID)).SetDiscardedAt(store.Now()).Exec(ctx); err != nil {
			return err
		}
		if err := p.Builder.Discard(ctx, slipway.Digest(r.Artifact)); err != nil {
			return err
		}
		p.Log.Info("an artifact that nothing needs any more was removed", "service", s.Name, "release", r.Number)
	}
	return nil
}

// needed are the releases that environments and promotions of a service rely on.
func (p *Platform) needed(ctx context.Context, s *ent.Service, environments []*ent.Environment, releases []*ent.Release) (map[int]bool, error) {
	needed := map[int]bool{}
	for _, e := range environments {
		policy, err := catalog.PolicyOf(ctx, p.db, s.ID, e)
		if err != nil {
			return nil, err
		}
		rows, err := p.db.Deployment.Query().Where(deployment.ServiceID(s.ID), deployment.EnvironmentID(e.ID), deployment.Or(deployment.Verified(true), deployment.Live(true))).
			Order(ent.Desc(deployment.FieldID)).Select(deployment.FieldReleaseID).Limit(5000).All(ctx)
		if err != nil {
			return nil, err
		}
		lines, err := linesOf(ctx, p.db, s.ID, nil, e.ID)
		if err != nil {
			return nil, err
		}
		line, inLine := lines[e.ID], map[int]bool{} // what going back leads to, again and again
		for _, i := range slices.Backward(line.Stand) {
			if len(inLine) == keptReleases(policy.Policy) {
				break
			}
			inLine[line.Stays[i].Release] = true
		}
		for _, r := range releases {
			if inLine[r.Number] {
				needed[r.ID] = true
			}
		}
		pinned := map[int]bool{}
		for _, d := range rows {
			if len(pinned) == keptReleases(policy.Policy) {
				break
			}
			pinned[d.ReleaseID], needed[d.ReleaseID] = true, true
		}
	}
	rows, err := p.db.Promotion.Query().Where(promotion.ServiceID(s.ID), promotion.StateIn(catalog.UnderWay...), promotion.ReleaseIDNotNil()).Select(promotion.FieldReleaseID).All(ctx)
	for _, row := range rows {
		needed[*row.ReleaseID] = true
	}
	return needed, err
}

// keptReleases counts what runs and what is kept warm, so it is never below two.
func keptReleases(policy slipway.Policy) int {
	if policy.KeepReleases == 0 {
		return slipway.DefaultKeptReleases
	}
	return max(2, policy.KeepReleases)
}

// WayBack tells whether a service could be rolled back in an environment now, to
// which release, how fast, and if not why.
func (p *Platform) WayBack(ctx context.Context, serviceName, environmentName string) (slipway.WayBack, error) {
	plan, err := p.planRollback(ctx, RollbackInput{Service: serviceName, Environment: environmentName}, slipway.PermitServiceRead)
	ahead, failed := p.ahead(ctx, serviceName, environmentName)
	if failed != nil {
		return slipway.WayBack{}, failed
	}
	if slipway.CodeOf(err) == slipway.Conflict {
		return slipway.WayBack{Reason: p.Why(err), Ahead: ahead}, nil
	}
	if err != nil {
		return slipway.WayBack{}, err
	}
	back := slipway.WayBack{Ready: true, Ahead: ahead, Release: plan.Release.Number, Deployment: strconv.Itoa(plan.Back), Schema: slipway.MigrationAdditive}
	if plan.Running != nil && plan.Running.Migrations != nil && plan.Release.Migrations != nil {
		back.Schema, _ = classOf(plan.Running.Migrations.Beyond(*plan.Release.Migrations))
	}
	asked, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	seen, err := p.Target.Observe(asked, serviceName, environmentName)
	if err != nil {
		back.Reason = "whether it is kept running can't be told: " + p.Why(err)
		return back, nil
	}
	for _, w := range seen.Warm {
		back.Warm = back.Warm || w.Deployment == back.Deployment || w.Release == back.Release && w.Release != seen.Release
	}
	back.Reason = "its artifact is kept, and has to be started first"
	if back.Warm {
		back.Reason = "it is kept running and takes about a second"
	}
	if plan.Running != nil && plan.Running.ID == plan.Release.ID {
		back.Reason = "the same release with the config of promotion " + back.Deployment + "; " + back.Reason
	}
	if back.Schema == slipway.MigrationUnknown {
		back.Reason += "; whether it runs on the schema of today can't be told"
	}
	return back, nil
}
