package report

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/store"
)

// Releases lists the releases of a service, newest first. Their edges hold the
// live deployments with their environments.
func (rep *Reports) Releases(ctx context.Context, name string, page store.Page) (store.List[*ent.Release], error) {
	limit, after, err := page.Numbered()
	if err != nil {
		return store.List[*ent.Release]{}, err
	}
	s, err := rep.catalog.Service(ctx, name)
	if err != nil {
		return store.List[*ent.Release]{}, err
	}
	where := []predicate.Release{release.ServiceID(s.ID)}
	if after > 0 {
		where = append(where, release.NumberLT(after))
	}
	rows, err := withLive(rep.db.Release.Query()).Where(where...).Order(ent.Desc(release.FieldNumber)).Limit(limit + 1).All(ctx)
	if err != nil {
		return store.List[*ent.Release]{}, err
	}
	return store.Cut(rows, limit, func(r *ent.Release) string { return strconv.Itoa(r.Number) }), nil
}

func withLive(q *ent.ReleaseQuery) *ent.ReleaseQuery {
	return q.WithService().WithDeployments(func(q *ent.DeploymentQuery) { q.Where(deployment.Live(true)).WithEnvironment() })
}

// Release finds a release of a service by its number; its edges are those of Releases.
func (rep *Reports) Release(ctx context.Context, name string, number int) (*ent.Release, error) {
	s, err := rep.catalog.Service(ctx, name)
	if err != nil {
		return nil, err
	}
	r, err := withLive(rep.db.Release.Query()).Where(release.ServiceID(s.ID), release.Number(number)).Only(ctx)
	return r, store.Missing(err, "%s has no release %d; `slipway releases %s` lists them", s.Name, number, s.Name)
}

// Dependencies lists what a release contains, by name.
func (rep *Reports) Dependencies(ctx context.Context, name string, number int) ([]slipway.Dependency, error) {
	r, err := rep.Release(ctx, name, number)
	if err != nil {
		return nil, err
	}
	list, err := rep.ports.Builder.Dependencies(ctx, slipway.Digest(r.Artifact))
	return list, Gone(err, r)
}

// SBOM returns the CycloneDX document of a release.
func (rep *Reports) SBOM(ctx context.Context, name string, number int) ([]byte, error) {
	r, err := rep.Release(ctx, name, number)
	if err != nil {
		return nil, err
	}
	a, err := rep.ports.Builder.Open(ctx, slipway.Digest(r.Artifact))
	if err != nil {
		return nil, Gone(err, r)
	}
	text, err := os.ReadFile(filepath.Join(a.Path, "sbom.json"))
	if os.IsNotExist(err) {
		return nil, slipway.Errorf(slipway.NotFound, "release %d of %s has no bill of materials", number, name)
	}
	return text, err
}

// Gone says that a release's artifact is not there any more.
func Gone(err error, r *ent.Release) error {
	if slipway.CodeOf(err) == slipway.NotFound {
		return slipway.Errorf(slipway.NotFound, "the artifact of release %d was removed; promote commit %s again to build it", r.Number, Short(r.Commit))
	}
	return err
}

// Short is as much of a commit as people read.
func Short(commit string) string { return commit[:min(len(commit), 10)] }

// DeploymentsQuery selects deployments; they are listed newest first.
type DeploymentsQuery struct {
	Service     string
	Environment string // "" for all
	store.Page
}

// Deployments lists what ran, newest first, with release and environment in
// the edges. The promotion's id is the deployment's id on the target.
func (rep *Reports) Deployments(ctx context.Context, q DeploymentsQuery) (store.List[*ent.Deployment], error) {
	limit, after, err := q.Numbered()
	if err != nil {
		return store.List[*ent.Deployment]{}, err
	}
	s, err := rep.catalog.Service(ctx, q.Service)
	if err != nil {
		return store.List[*ent.Deployment]{}, err
	}
	where := []predicate.Deployment{deployment.ServiceID(s.ID)}
	if q.Environment != "" {
		e, err := rep.catalog.Environment(ctx, q.Environment)
		if err != nil {
			return store.List[*ent.Deployment]{}, err
		}
		where = append(where, deployment.EnvironmentID(e.ID))
	}
	if after > 0 {
		where = append(where, deployment.IDLT(after))
	}
	rows, err := rep.db.Deployment.Query().Where(where...).WithService().WithEnvironment().WithRelease().
		Order(ent.Desc(deployment.FieldID)).Limit(limit + 1).All(ctx)
	if err != nil {
		return store.List[*ent.Deployment]{}, err
	}
	return store.Cut(rows, limit, func(d *ent.Deployment) string { return strconv.Itoa(d.ID) }), nil
}

// LiveIn is the deployment that has the traffic, with its release; nil for none.
func LiveIn(ctx context.Context, db *ent.Client, service, environment int) (*ent.Deployment, error) {
	d, err := db.Deployment.Query().Where(deployment.ServiceID(service), deployment.EnvironmentID(environment), deployment.Live(true)).
		WithRelease().Order(ent.Desc(deployment.FieldID)).First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return d, err
}
