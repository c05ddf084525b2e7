package platform

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
)

// Compared is what differs between two releases of a service, from the first to
// the second.
type Compared struct {
	From, To     *ent.Release
	Commits      slipway.CommitLog // that To has and From lacks, the newest first
	Behind       bool              // it is the other way round: From has them and To lacks them
	CommitsWhy   string            // why they can't be told; "" when they can
	Dependencies []slipway.DependencyChange
	Unchanged    int    // dependencies with the same version
	PackagesWhy  string // why they can't be told
	Added, Gone  []slipway.Migration
	SchemaWhy    string // why the migrations can't be told
	Config       []slipway.ConfigChange
	ConfigWhy    string // why the configs can't be told
}

// CompareReleases compares two releases by their numbers. Config is left out:
// CompareRendered tells it, which takes longer.
func (p *Platform) CompareReleases(ctx context.Context, service string, from, to int) (*Compared, error) {
	s, err := p.Service(ctx, service)
	if err != nil {
		return nil, err
	}
	x := &Compared{}
	if x.From, err = p.Release(ctx, service, from); err != nil {
		return nil, err
	}
	if x.To, err = p.Release(ctx, service, to); err != nil {
		return nil, err
	}
	return x, p.compare(ctx, s, x)
}

// CompareRendered renders, as of now, the config that two releases would get in
// an environment, and compares that.
func (p *Platform) CompareRendered(ctx context.Context, service string, from, to int, environment string) ([]slipway.ConfigChange, error) {
	was, err := p.RenderConfig(ctx, RenderInput{Service: service, Environment: environment, Release: from})
	if err != nil {
		return nil, err
	}
	is, err := p.RenderConfig(ctx, RenderInput{Service: service, Environment: environment, Release: to})
	return CompareConfig(was, is), err
}

// CompareEnvironments compares what a service runs in two environments, each
// with the config that it runs with. It is a Conflict when nothing runs in one.
func (p *Platform) CompareEnvironments(ctx context.Context, service, from, to string) (*Compared, error) {
	s, err := p.Service(ctx, service)
	if err != nil {
		return nil, err
	}
	x := &Compared{}
	var configs [2]*slipway.Snapshot
	for i, name := range []string{from, to} {
		e, err := p.Environment(ctx, name)
		if err != nil {
			return nil, err
		}
		d, err := report.LiveIn(ctx, p.db, s.ID, e.ID)
		if err != nil {
			return nil, err
		}
		if d == nil {
			return nil, slipway.Errorf(slipway.Conflict, "nothing runs in %s to compare", e.Name)
		}
		if configs[i], err = catalog.SnapshotOf(ctx, p.db, d.Snapshot); err != nil {
			return nil, err
		}
		if configs[i] == nil {
			x.ConfigWhy = "the config of " + e.Name + " is not kept any more"
		}
		if i == 0 {
			x.From = d.Edges.Release
		} else {
			x.To = d.Edges.Release
		}
	}
	if x.ConfigWhy == "" {
		x.Config = CompareConfig(*configs[0], *configs[1])
	}
	return x, p.compare(ctx, s, x)
}

func (p *Platform) compare(ctx context.Context, s *ent.Service, x *Compared) (err error) {
	repo := catalog.RepositoryOf(s)
	x.Commits, x.CommitsWhy = p.CommitsBetween(ctx, repo, x.From.Commit, x.To.Commit)
	if x.CommitsWhy == "" && x.Commits.Rewound && len(x.Commits.Commits) == 0 {
		x.Behind = true
		x.Commits, x.CommitsWhy = p.CommitsBetween(ctx, repo, x.To.Commit, x.From.Commit)
	}
	if x.Dependencies, x.Unchanged, err = p.dependencies(ctx, x.From, x.To); err != nil {
		return err
	}
	if x.Unchanged == 0 && len(x.Dependencies) == 0 {
		for _, r := range []*ent.Release{x.From, x.To} {
			if r.Dependencies == nil {
				x.PackagesWhy = fmt.Sprintf("those of release %d were not recorded, and its artifact was removed", r.Number)
			}
		}
	}
	if x.From.Migrations == nil || x.To.Migrations == nil {
		x.SchemaWhy = "they were not read when the release was built"
		return nil
	}
	x.Added, x.Gone = x.To.Migrations.Beyond(*x.From.Migrations), x.From.Migrations.Beyond(*x.To.Migrations)
	return nil
}
