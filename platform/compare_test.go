package platform_test

import (
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/platform/platformtest"
)

// TestCompare tells what differs between releases, in both directions, and
// between what environments run, with the configs they run with.
func TestCompare(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	ctx := w.Context()
	w.register("billing")
	one, two := commitID("c1"), commitID("c2")
	w.Source = &counted{Source: w.Source, log: func(from, to string) (slipway.CommitLog, error) {
		if from == one && to == two {
			return slipway.CommitLog{Commits: []slipway.Commit{{ID: two, Subject: "Second"}}}, nil
		}
		return slipway.CommitLog{Rewound: true}, nil
	}}
	_, err := w.CompareEnvironments(ctx, "billing", "test", "dev")
	w.want(err, slipway.Conflict, "nothing runs in test to compare")
	w.deployed("billing", "test", "c1", false)
	w.deployed("billing", "dev", "c2", false)
	change := func(number int, packages []slipway.Dependency, m *slipway.Migrations) {
		t.Helper()
		w.must(w.Storage.Client.Release.Update().Where(release.Number(number)).SetDependencies(packages).SetMigrations(m).Exec(ctx))
	}
	first, second := slipway.Migration{ID: "0001", Class: slipway.MigrationAdditive}, slipway.Migration{ID: "0002", Class: slipway.MigrationDestructive}
	change(1, []slipway.Dependency{{Name: "flask", Version: "2.3"}, {Name: "same", Version: "1"}}, &slipway.Migrations{Tool: "alembic", List: []slipway.Migration{first}})
	change(2, []slipway.Dependency{{Name: "flask", Version: "3.1"}, {Name: "same", Version: "1"}}, &slipway.Migrations{Tool: "alembic", List: []slipway.Migration{first, second}})

	x, err := w.CompareReleases(ctx, "billing", 1, 2)
	w.must(err)
	if x.Behind || len(x.Commits.Commits) != 1 || len(x.Dependencies) != 1 || x.Dependencies[0].To != "3.1" || !x.Dependencies[0].Major || x.Unchanged != 1 || len(x.Added) != 1 || x.Added[0].ID != "0002" || len(x.Gone) != 0 {
		t.Errorf("forward: %+v", x)
	}
	if x, err = w.CompareReleases(ctx, "billing", 2, 1); err != nil || !x.Behind || len(x.Commits.Commits) != 1 || len(x.Added) != 0 || len(x.Gone) != 1 {
		t.Errorf("backward: %+v %v", x, err)
	}
	_, err = w.CompareReleases(ctx, "billing", 1, 9)
	w.want(err, slipway.NotFound, "no release 9")

	// What runs doesn't change by setting something; what would be rendered does.
	_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Environment: "dev", Set: map[string]string{"LEVEL": "debug"}})
	w.must(err)
	if x, err = w.CompareEnvironments(ctx, "billing", "test", "dev"); err != nil || x.From.Number != 1 || x.To.Number != 2 || len(x.Config) != 0 || x.ConfigWhy != "" || len(x.Added) != 1 {
		t.Errorf("environments: %+v %v", x, err)
	}
	w.deployedWith("billing", "dev", "c2", slipway.Snapshot{Env: map[string]slipway.ConfigValue{"LEVEL": {Value: "debug"}, "KEY": {Secret: "sealed://billing/KEY", Fingerprint: "f00"}}})
	if x, err = w.CompareEnvironments(ctx, "billing", "test", "dev"); err != nil || len(x.Config) != 2 || x.Config[0].To != "secret, fingerprint f00" || x.Config[1].To != "debug" {
		t.Errorf("their configs: %+v %v", x, err)
	}
	if list, err := w.CompareRendered(ctx, "billing", 1, 2, "dev"); err != nil || len(list) != 0 {
		t.Errorf("the same values for both: %v %v", list, err)
	}
}

// TestConfigThatLoadsCode: a setting that decides which code runs is told as one, also
// when a secret holds it, and its value isn't hidden for its name.
func TestConfigThatLoadsCode(t *testing.T) {
	was := slipway.Snapshot{Env: map[string]slipway.ConfigValue{"PYTHONPATH": {Value: "src"}, "LEVEL": {Value: "info"}}}
	is := slipway.Snapshot{Env: map[string]slipway.ConfigValue{
		"LD_PRELOAD": {Value: "/data/x.so"}, "PYTHONWARNINGS": {Secret: "sealed://a/b/PYTHONWARNINGS"}, "LEVEL": {Value: "debug"}, "GIT_ASKPASS": {Value: "./run"},
	}}
	loads := map[string]bool{}
	for _, c := range platform.CompareConfig(was, is) {
		loads[c.Key] = c.Loads != ""
		if c.Key == "GIT_ASKPASS" && c.To != "./run" {
			t.Errorf("what is run is hidden: %+v", c)
		}
	}
	for key, want := range map[string]bool{"LD_PRELOAD": true, "PYTHONWARNINGS": true, "PYTHONPATH": true, "GIT_ASKPASS": true, "LEVEL": false} {
		if got, there := loads[key]; !there || got != want {
			t.Errorf("%s: %t, there %t", key, got, there)
		}
	}
}
