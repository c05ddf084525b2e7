package platform

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
func (p *Platform) Releases(ctx context.Context, name string, page store.Page) (store.List[*ent.Release], error) {
	limit, err := page.Size()
	if err != nil {
		return store.List[*ent.Release]{}, err
	}
	after, err := page.AfterNumber()
	if err != nil {
		return store.List[*ent.Release]{}, err
	}
	s, err := p.Service(ctx, name)
	if err != nil {
		return store.List[*ent.Release]{}, err
	}
	where := []predicate.Release{release.ServiceID(s.ID)}
	if after > 0 {
		where = append(where, release.NumberLT(after))
	}
	rows, err := withLive(p.db.Release.Query()).Where(where...).Order(ent.Desc(release.FieldNumber)).Limit(limit + 1).All(ctx)
	if err != nil {
		return store.List[*ent.Release]{}, err
	}
	return store.Cut(rows, limit, func(r *ent.Release) string { return strconv.Itoa(r.Number) }), nil
}

func withLive(q *ent.ReleaseQuery) *ent.ReleaseQuery {
	return q.WithService().WithDeployments(func(q *ent.DeploymentQuery) { q.Where(deployment.Live(true)).WithEnvironment() })
}

// Release finds a release of a service by its number; its edges are those of Releases.
func (p *Platform) Release(ctx context.Context, name string, number int) (*ent.Release, error) {
	s, err := p.Service(ctx, name)
	if err != nil {
		return nil, err
	}
	r, err := withLive(p.db.Release.Query()).Where(release.ServiceID(s.ID), release.Number(number)).Only(ctx)
	return r, store.Missing(err, "%s has no release %d; `slipway releases %s` lists them", s.Name, number, s.Name)
}

// Dependencies lists what a release contains, by name.
func (p *Platform) Dependencies(ctx context.Context, name string, number int) ([]slipway.Dependency, error) {
	r, err := p.Release(ctx, name, number)
	if err != nil {
		return nil, err
	}
	list, err := p.Builder.Dependencies(ctx, slipway.Digest(r.Artifact))
	return list, gone(err, r)
}

// SBOM returns the CycloneDX document of a release.
func (p *Platform) SBOM(ctx context.Context, name string, number int) ([]byte, error) {
	r, err := p.Release(ctx, name, number)
	if err != nil {
		return nil, err
	}
	a, err := p.Builder.Open(ctx, slipway.Digest(r.Artifact))
	if err != nil {
		return nil, gone(err, r)
	}
	text, err := os.ReadFile(filepath.Join(a.Path, "sbom.json"))
	if os.IsNotExist(err) {
		return nil, slipway.Errorf(slipway.NotFound, "release %d of %s has no bill of materials", number, name)
	}
	return text, err
}

// gone says that a release's artifact is not there any more.
func gone(err error, r *ent.Release) error {
	if slipway.CodeOf(err) == slipway.NotFound {
		return slipway.Errorf(slipway.NotFound, "the artifact of release %d was removed; promote commit %s again to build it", r.Number, short(r.Commit))
	}
	return err
}

func short(commit string) string { return commit[:min(len(commit), 10)] }

// DeploymentsQuery selects deployments; they are listed newest first.
type DeploymentsQuery struct {
	Service     string
	Environment string // "" for all
	store.Page
}

// Deployments lists what ran, newest first, with release and environment in
// the edges. The promotion's id is the deployment's id on the target.
func (p *Platform) Deployments(ctx context.Context, q DeploymentsQuery) (store.List[*ent.Deployment], error) {
	limit, err := q.Size()
	if err != nil {
		return store.List[*ent.Deployment]{}, err
	}
	after, err := q.AfterNumber()
	if err != nil {
		return store.List[*ent.Deployment]{}, err
	}
	s, err := p.Service(ctx, q.Service)
	if err != nil {
		return store.List[*ent.Deployment]{}, err
	}
	where := []predicate.Deployment{deployment.ServiceID(s.ID)}
	if q.Environment != "" {
		e, err := p.Environment(ctx, q.Environment)
		if err != nil {
			return store.List[*ent.Deployment]{}, err
		}
		where = append(where, deployment.EnvironmentID(e.ID))
	}
	if after > 0 {
		where = append(where, deployment.IDLT(after))
	}
	rows, err := p.db.Deployment.Query().Where(where...).WithService().WithEnvironment().WithRelease().
		Order(ent.Desc(deployment.FieldID)).Limit(limit + 1).All(ctx)
	if err != nil {
		return store.List[*ent.Deployment]{}, err
	}
	return store.Cut(rows, limit, func(d *ent.Deployment) string { return strconv.Itoa(d.ID) }), nil
}
