package platform

import (
	"context"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/report"
)

// difference is what a change is worked out from.
type difference struct {
	subject
	running *ent.Deployment   // with its release; nil when nothing runs
	config  *slipway.Snapshot // that would run; nil when it isn't known yet
	waits   []slipway.Wait
}

// backwards tells whether a rollback leads to an older release. One to the same
// release changes the config alone, and one to a newer one goes forward.
func (d difference) backwards(running *ent.Release) bool {
	return d.rollback && d.release != nil && running != nil && d.release.Number < running.Number
}

// ChangeOfPlan tells what would differ.
func (p *Platform) ChangeOfPlan(ctx context.Context, plan *Plan) (*slipway.Change, error) {
	running, err := report.LiveIn(ctx, p.db, plan.Service.ID, plan.Environment.ID)
	if err != nil {
		return nil, err
	}
	d := difference{subject: subject{service: plan.Service, environment: plan.Environment, release: plan.Release, commit: plan.Commit, rollback: plan.Rollback}, running: running, config: plan.Config}
	if plan.Snapshot != "" {
		if d.config, err = catalog.SnapshotOf(ctx, p.db, string(plan.Snapshot)); err != nil {
			return nil, err
		}
	}
	return p.change(ctx, d)
}

// Change tells what a promotion changes, or changed: against what ran when its
// plan was last looked at. All that it is worked out from never changes, so it
// reads the same afterwards.
func (p *Platform) Change(ctx context.Context, id string) (*slipway.Change, error) {
	row, err := p.Promotion(ctx, id)
	if err != nil {
		return nil, err
	}
	d := difference{subject: subject{service: row.Edges.Service, environment: row.Edges.Environment, release: row.Edges.Release, commit: row.Commit, rollback: row.Rollback, id: row.ID}}
	if row.Plan != nil {
		if row.Plan.Replaces != "" {
			if before, err := report.Number(row.Plan.Replaces); err == nil {
				d.running, err = p.db.Deployment.Query().Where(deployment.PromotionID(before)).WithRelease().Only(ctx)
				if err != nil && !ent.IsNotFound(err) {
					return nil, err
				}
			}
		}
		if d.config, err = catalog.SnapshotOf(ctx, p.db, string(row.Plan.Config)); err != nil {
			return nil, err
		}
	}
	return p.change(ctx, d)
}

func (p *Platform) change(ctx context.Context, d difference) (*slipway.Change, error) {
	c := &slipway.Change{Commits: slipway.CommitLog{Commits: []slipway.Commit{}}, Dependencies: []slipway.DependencyChange{}, Config: []slipway.ConfigChange{}, Migrations: []slipway.Migration{}, Notes: []slipway.RiskNote{}}
	var old *ent.Release
	if d.running != nil {
		old = d.running.Edges.Release
		c.From, c.Python[0], c.Tests[0] = old.Number, old.Python, old.Tests
		before, err := catalog.SnapshotOf(ctx, p.db, d.running.Snapshot)
		if err != nil {
			return nil, err
		}
		if before != nil && d.config != nil {
			c.Config = CompareConfig(*before, *d.config)
		}
	} else if d.config != nil {
		c.Config = CompareConfig(slipway.Snapshot{}, *d.config)
	}
	if d.release != nil {
		c.To, c.Python[1], c.Tests[1] = d.release.Number, d.release.Python, d.release.Tests
		if !d.rollback {
			c.Migrations = append(c.Migrations, pending(d.release, d.running)...)
		}
	}
	if old != nil && d.release != nil {
		changes, same, err := p.dependencies(ctx, old, d.release)
		if err != nil {
			return nil, err
		}
		c.Dependencies, c.Unchanged = append(c.Dependencies, changes...), same
	}
	p.commits(ctx, d, old, c)
	var err error
	if c.Back, err = p.wayBackAfter(ctx, d, old); err != nil {
		return nil, err
	}
	return c, p.notes(ctx, d, old, c)
}

// dependencies compares what two releases contain; what was not recorded is
// read from the artifacts, where these are still there.
func (p *Platform) dependencies(ctx context.Context, old, fresh *ent.Release) ([]slipway.DependencyChange, int, error) {
	of := func(r *ent.Release) ([]slipway.Dependency, error) {
		if r.Dependencies != nil {
			return r.Dependencies, nil
		}
		list, err := p.Builder.Dependencies(ctx, slipway.Digest(r.Artifact))
		if slipway.CodeOf(err) == slipway.NotFound {
			return nil, nil
		}
		return list, err
	}
	was, err := of(old)
	if err != nil {
		return nil, 0, err
	}
	is, err := of(fresh)
	if err != nil || was == nil || is == nil {
		return nil, 0, err
	}
	changes, same := manifest.CompareDependencies(was, is)
	return changes, same, nil
}

// commits asks the repository. A repository that can't be reached is no reason
// to show nothing.
func (p *Platform) commits(ctx context.Context, d difference, old *ent.Release, c *slipway.Change) {
	if old == nil || d.commit.ID == "" {
		return
	}
	from, to := old.Commit, d.commit.ID
	if from == to {
		return
	}
	if d.backwards(old) { // what would be gone
		from, to = to, from
	}
	ctx, cancel := context.WithTimeout(ctx, report.CommitWait)
	defer cancel()
	log, err := p.Source.Log(ctx, catalog.RepositoryOf(d.service), from, to, report.ShownCommits)
	if err != nil {
		c.CommitsWhy = p.Why(err)
		return
	}
	if log.Commits == nil {
		log.Commits = []slipway.Commit{}
	}
	c.Commits = log
}

// pending are the migrations of a release that what runs does not have.
func pending(r *ent.Release, running *ent.Deployment) []slipway.Migration {
	if r == nil || r.Migrations == nil {
		return nil
	}
	if running == nil || running.Edges.Release == nil || running.Edges.Release.Migrations == nil {
		return r.Migrations.Beyond(slipway.Migrations{})
	}
	return r.Migrations.Beyond(*running.Edges.Release.Migrations)
}

// CompareConfig compares two rendered configs. Secrets are told by fingerprint.
func CompareConfig(was, is slipway.Snapshot) []slipway.ConfigChange {
	shown := func(v slipway.ConfigValue) string {
		switch {
		case v.Secret != "" && v.Fingerprint != "":
			return "secret, fingerprint " + v.Fingerprint
		case v.Secret != "":
			return "secret"
		}
		return v.Value
	}
	out := []slipway.ConfigChange{}
	keys := maps.Clone(was.Env)
	if keys == nil {
		keys = map[string]slipway.ConfigValue{}
	}
	maps.Copy(keys, is.Env)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		a, had := was.Env[key]
		b, has := is.Env[key]
		if had == has && a == b {
			continue
		}
		change := slipway.ConfigChange{Key: key, From: shown(a), To: shown(b), Secret: a.Secret != "" || b.Secret != "", Added: !had, Gone: !has}
		for _, v := range []slipway.ConfigValue{a, b} {
			if (v != slipway.ConfigValue{}) && change.Loads == "" {
				change.Loads = slipway.LoadsCode(key, v.Value, v.Secret == "")
			}
		}
		if slipway.LooksSecret(key) && !change.Secret && change.Loads == "" {
			change.From, change.To = "hidden: it looks like a secret", "hidden: it looks like a secret"
		}
		out = append(out, change)
	}
	before, after := files(was), files(is)
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, had := before[name]
		b, has := after[name]
		if a != b {
			out = append(out, slipway.ConfigChange{Key: name, From: a, To: b, File: true, Added: !had, Gone: !has})
		}
	}
	return out
}

func files(s slipway.Snapshot) map[string]string {
	out := map[string]string{}
	for _, f := range s.Files {
		out[f.Path] = f.Content
	}
	return out
}

// classOf is the most alarming class of some migrations, and one that has it.
func classOf(list []slipway.Migration) (slipway.MigrationClass, slipway.Migration) {
	class, which := slipway.MigrationAdditive, slipway.Migration{}
	for _, m := range list {
		if m.Class == slipway.MigrationDestructive || m.Class == slipway.MigrationUnknown && class == slipway.MigrationAdditive {
			if class != slipway.MigrationDestructive {
				class, which = m.Class, m
			}
		}
	}
	return class, which
}
