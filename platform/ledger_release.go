package platform

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/store"
)

// Release records a built release. Numbers count up within a service; two
// builds that end at once are told apart by trying again.
func (l *Ledger) Release(ctx context.Context, r slipway.BuiltRelease) (number int, err error) {
	ctx = store.AsSystem(ctx)
	id, at, err := l.place(ctx, r.Promotion)
	if err != nil {
		return 0, err
	}
	for range 20 {
		if number, err = l.release(ctx, r, id, at); !ent.IsConstraintError(err) {
			break
		}
	}
	if err == nil {
		l.storage.bell.Ring(id)
	}
	return number, err
}

func (l *Ledger) release(ctx context.Context, r slipway.BuiltRelease, id int, at place) (number int, err error) {
	err = store.InTx(ctx, l.db, func(tx *ent.Tx) error {
		s, err := tx.Service.Query().Where(service.Name(r.Service)).Only(ctx)
		if err != nil {
			return store.Missing(err, "there is no service %s", store.Printable(r.Service))
		}
		row, err := tx.Release.Query().Where(release.ServiceID(s.ID), release.Commit(r.Commit.ID), release.Artifact(string(r.Artifact.Digest))).Only(ctx)
		switch {
		case ent.IsNotFound(err):
			if row, err = newRelease(ctx, tx, s.ID, r, numbering{beyond: l.storage.releaseBeyond(s.Name)}); err != nil {
				return err
			}
			if err := at.event(ctx, l.storage, tx, "release.built", id, map[string]string{
				"release": strconv.Itoa(row.Number), "commit": row.Commit, "artifact": row.Artifact,
			}); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			// This version makes the same of the commit, so that there is nothing to make anew.
			same := tx.Release.UpdateOne(row).SetBuiltBy(r.Artifact.BuiltBy)
			if row.DiscardedAt != nil { // its artifact is there again, as it was built now
				same = same.ClearDiscardedAt().SetBuiltUnder(r.Artifact.BuiltUnder)
			}
			if err := same.Exec(ctx); err != nil {
				return err
			}
		}
		number = row.Number
		return tx.Promotion.Update().Where(promotion.ID(id)).SetReleaseID(row.ID).Exec(ctx)
	})
	return number, err
}

// numbering says which number a release gets: wanted where that is free, or else the
// next one, which lies beyond what the target runs without it being on record.
type numbering struct{ wanted, beyond int }

func newRelease(ctx context.Context, tx *ent.Tx, service int, r slipway.BuiltRelease, n numbering) (*ent.Release, error) {
	number := n.beyond + 1
	newest, err := tx.Release.Query().Where(release.ServiceID(service)).Order(ent.Desc(release.FieldNumber)).First(ctx)
	switch {
	case err == nil:
		number = max(number, newest.Number+1)
	case !ent.IsNotFound(err):
		return nil, err
	}
	if n.wanted > 0 {
		taken, err := tx.Release.Query().Where(release.ServiceID(service), release.Number(n.wanted)).Exist(ctx)
		if err != nil {
			return nil, err
		}
		if !taken {
			number = n.wanted
		}
	}
	m := r.Artifact.Manifest
	return tx.Release.Create().SetServiceID(service).SetNumber(number).SetCommit(r.Commit.ID).SetRef(store.Clean(r.Commit.Ref)).
		SetAuthor(store.Clean(r.Commit.Author)).SetSubject(store.Clean(r.Commit.Subject)).SetCommittedAt(r.Commit.Time.UTC()).
		SetArtifact(string(r.Artifact.Digest)).SetBytes(r.Artifact.Bytes).SetPython(m.Python).SetFramework(m.Framework).
		SetLock(string(m.Lock)).SetManifest(m).SetDependencies(r.Dependencies).SetMigrations(&r.Migrations).SetBuiltUnder(r.Artifact.BuiltUnder).SetBuiltBy(r.Artifact.BuiltBy).Save(ctx)
}

// Tests records the report of a release's tests, which has been judged.
func (l *Ledger) Tests(ctx context.Context, serviceName string, number int, report slipway.TestReport) error {
	ctx = store.AsSystem(ctx)
	s, err := l.db.Service.Query().Where(service.Name(serviceName)).Only(ctx)
	if err != nil {
		return store.Missing(err, "there is no service %s", store.Printable(serviceName))
	}
	for i, f := range report.Failures {
		f.Name, f.Message, f.Excerpt = store.Clean(f.Name), store.Clean(f.Message), store.Clean(f.Excerpt)
		report.Failures[i] = f
	}
	n, err := l.db.Release.Update().Where(release.ServiceID(s.ID), release.Number(number)).
		SetTests(&report).SetTested(report.Standing() != "").Save(ctx)
	if err == nil && n == 0 {
		return slipway.Errorf(slipway.NotFound, "%s has no release %d", serviceName, number)
	}
	return err
}

// Deployed records what became of a deployment. News of one that has been
// replaced changes nothing.
func (l *Ledger) Deployed(ctx context.Context, d slipway.Deployment, fate slipway.DeploymentFate) error {
	ctx = store.AsSystem(ctx)
	id, at, err := l.place(ctx, d.ID)
	if err != nil {
		return err
	}
	err = store.InTx(ctx, l.db, func(tx *ent.Tx) error {
		changed, err := l.deployed(ctx, tx, id, d, fate)
		if err != nil || !changed {
			return err
		}
		return at.event(ctx, l.storage, tx, "deployment."+string(fate), id, map[string]string{
			"release": strconv.Itoa(d.Release), "artifact": string(d.Artifact), "config": string(d.Config.Digest),
		})
	})
	if err == nil {
		l.storage.bell.Ring(id)
	}
	return err
}

func (l *Ledger) deployed(ctx context.Context, tx *ent.Tx, id int, d slipway.Deployment, fate slipway.DeploymentFate) (changed bool, err error) {
	switch fate {
	case slipway.DeploymentServing:
		return l.serving(ctx, tx, id, d)
	case slipway.DeploymentVerified:
		n, err := tx.Deployment.Update().Where(deployment.PromotionID(id), deployment.Live(true), deployment.Verified(false)).SetVerified(true).Save(ctx)
		return n > 0, err
	case slipway.DeploymentReverted:
		row, err := tx.Deployment.Query().Where(deployment.PromotionID(id), deployment.Live(true)).Only(ctx)
		if err != nil {
			if ent.IsNotFound(err) {
				return false, nil
			}
			return false, err
		}
		if err := tx.Deployment.Update().Where(deployment.ID(row.ID)).SetLive(false).SetVerified(false).SetEndedAt(store.Now()).Exec(ctx); err != nil {
			return false, err
		}
		// The one before has the traffic again.
		before, err := tx.Deployment.Query().Where(deployment.ServiceID(row.ServiceID), deployment.EnvironmentID(row.EnvironmentID),
			deployment.Verified(true), deployment.PromotionIDLT(id)).Order(ent.Desc(deployment.FieldPromotionID)).First(ctx)
		if ent.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		return true, tx.Deployment.Update().Where(deployment.ID(before.ID)).SetLive(true).ClearEndedAt().Exec(ctx)
	}
	return false, slipway.Errorf(slipway.Internal, "a deployment can't become %q", fate)
}

func (l *Ledger) serving(ctx context.Context, tx *ent.Tx, id int, d slipway.Deployment) (bool, error) {
	s, err := tx.Service.Query().Where(service.Name(d.Service)).Only(ctx)
	if err != nil {
		return false, store.Missing(err, "there is no service %s", store.Printable(d.Service))
	}
	e, err := tx.Environment.Query().Where(environment.Name(d.Environment)).Only(ctx)
	if err != nil {
		return false, store.Missing(err, "there is no environment %s", store.Printable(d.Environment))
	}
	here := deployment.And(deployment.ServiceID(s.ID), deployment.EnvironmentID(e.ID))
	// Recorded before, or overtaken by a later one: then this is old news.
	known, err := tx.Deployment.Query().Where(here, deployment.PromotionIDGTE(id)).Exist(ctx)
	if err != nil || known {
		return false, err
	}
	r, err := tx.Release.Query().Where(release.ServiceID(s.ID), release.Number(d.Release)).Only(ctx)
	if err != nil {
		return false, store.Missing(err, "%s has no release %d", d.Service, d.Release)
	}
	if err := tx.Deployment.Update().Where(here, deployment.Live(true)).SetLive(false).SetEndedAt(store.Now()).Exec(ctx); err != nil {
		return false, err
	}
	return true, tx.Deployment.Create().SetServiceID(s.ID).SetEnvironmentID(e.ID).SetReleaseID(r.ID).SetPromotionID(id).
		SetSnapshot(string(d.Config.Digest)).SetLive(true).Exec(ctx)
}
