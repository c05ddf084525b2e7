package platform_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/migrate"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/internal/postgrestest"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
)

// first is a database as the first version left it: a service with a release
// that was promoted and runs, settings of every layer, a log, an event.
const first = `
INSERT INTO environments (id, created_at, updated_at, name, position, target) VALUES (1, {at}, {at}, 'dev', 1, 'process'), (2, {at}, {at}, 'staging', 2, 'process'), (3, {at}, {at}, 'prod', 3, 'process');
INSERT INTO services (id, created_at, updated_at, name, kind, repository, branch) VALUES (7, {at}, {at}, 'billing', 'web', 'https://git.example.com/billing.git', 'main'), (8, {at}, {at}, 'idle', 'worker', 'https://git.example.com/idle.git', '');
INSERT INTO releases (id, created_at, updated_at, number, "commit", ref, author, subject, committed_at, artifact, bytes, python, framework, lock, manifest, tested, service_id) VALUES (5, {at}, {at}, 1, 'c0ffee', 'main', 'Ada', 'Change', {at}, 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 12, '3.12.1', 'flask', 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', '{}', true, 7);
INSERT INTO promotions (id, created_at, updated_at, "commit", state, requested_by, rollback, environment_id, release_id, service_id) VALUES (41, {at}, {at}, '{"id":"c0ffee"}', 'succeeded', 'local', false, 1, 5, 7);
INSERT INTO steps (id, name, position, state, attempt, promotion_id) VALUES (90, 'build', 1, 'succeeded', 1, 41);
INSERT INTO log_chunks (id, promotion_id, step, attempt, seq, text, at) VALUES (1, 41, 'build', 1, 0, 'Collecting flask', {at});
INSERT INTO snapshots (id, created_at, updated_at, digest, content) VALUES (1, {at}, {at}, 'sha256:5e', '{}');
INSERT INTO deployments (id, created_at, updated_at, promotion_id, snapshot, live, verified, environment_id, release_id, service_id) VALUES (3, {at}, {at}, 41, 'sha256:5e', true, true, 1, 5, 7);
INSERT INTO settings (id, created_at, updated_at, scope, key, value, environment_id, service_id) VALUES (1, {at}, {at}, '7/-', 'MODE', 'service', NULL, 7), (2, {at}, {at}, '-/1', 'LEVEL', 'environment', 1, NULL), (3, {at}, {at}, '7/1', 'MODE', 'both', 1, 7);
INSERT INTO events (id, at, kind, actor, service, environment, promotion_id) VALUES (500, {at}, 'promotion.started', 'local', 'billing', 'dev', 41);`

// TestADatabaseOfEveryEarlierVersionIsUpgraded starts from each version, with
// data, and expects all of it in the newest.
func TestADatabaseOfEveryEarlierVersionIsUpgraded(t *testing.T) {
	versions, err := migrate.Versions.ReadDir("migrations/sqlite3")
	if err != nil || len(versions) < 3 {
		t.Fatalf("%d versions: %v", len(versions), err)
	}
	for version := 1; version < len(versions); version++ {
		file := filepath.Join(t.TempDir(), "slipway.db")
		for dialect, open := range map[string]struct{ driver, dsn, address string }{
			"sqlite3":  {"sqlite", "file:" + file, "sqlite://" + file},
			"postgres": {"pgx", "", ""},
		} {
			t.Run(versions[version-1].Name()+" in "+dialect, func(t *testing.T) {
				if dialect == "postgres" {
					open.address = postgrestest.URL(t)
					open.dsn = open.address
				}
				filled(t, open.driver, open.dsn, dialect, version)
				upgraded(newWorld(t, open.address))
			})
		}
	}
}

// filled makes a database of a version: of the first, with data, and then as an
// upgrade to the version leaves it.
func filled(t *testing.T, driver, dsn, dialect string, version int) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := migrate.ApplyUpTo(t.Context(), db, dialect, 1); err != nil {
		t.Fatal(err)
	}
	for statement := range strings.SplitSeq(first, ";\n") {
		if _, err := db.ExecContext(t.Context(), strings.ReplaceAll(statement, "{at}", "'2026-10-01 08:00:00+00:00'")); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := migrate.ApplyUpTo(t.Context(), db, dialect, version); err != nil {
		t.Fatal(err)
	}
	if version == 18 { // the last one that forgot former addresses
		if _, err := db.ExecContext(t.Context(), `INSERT INTO accounts (id, created_at, updated_at, name, kind, display_name, email) VALUES (70, '2026-10-01 08:00:00+00:00', '2026-10-01 08:00:00+00:00', 'bob', 'person', 'Bob B.', 'Bob@Example.com')`); err != nil {
			t.Fatal(err)
		}
	}
	var at int
	if err := db.QueryRowContext(t.Context(), `SELECT max(version) FROM schema_versions`).Scan(&at); err != nil || at != version {
		t.Fatalf("the database has version %d, want %d: %v", at, version, err)
	}
}

func upgraded(w *world) {
	w.Helper()
	ctx := w.Context()
	if bob, err := w.Storage.Client.Account.Query().Where(account.ID(70)).WithBylines().Only(ctx); err == nil {
		if b := bob.Edges.Bylines; len(b) != 2 || b[0].Text != "bob@example.com" || b[1].Text != "Bob B." {
			w.Errorf("his commits are told by %v", b)
		}
	}
	w.commit("main", "c1")
	s, err := w.Service(ctx, "billing")
	w.must(err)
	if s.ID != 7 || s.Revision != 1 || s.Edges.Team == nil || s.Edges.Team.Name != identity.DefaultTeam || s.Branch != "main" {
		w.Errorf("%+v", s)
	}
	all, err := w.Environments(ctx)
	w.must(err)
	if len(all) != 3 || all[1].Name != "staging" {
		w.Errorf("%v", all)
	}
	promotions, err := w.Promotions(ctx, platform.PromotionsQuery{Service: "billing"})
	w.must(err)
	if len(promotions.Items) != 1 || promotions.Items[0].ID != 41 || promotions.Items[0].RequestedBy != "local" {
		w.Errorf("%v", promotions.Items)
	}
	if r, err := w.Release(ctx, "billing", 1); err != nil || len(r.BuiltUnder) > 0 { // nobody wrote it down then
		w.Errorf("built under %v: %v", r.BuiltUnder, err)
	}
	deployments, err := w.Deployments(ctx, report.DeploymentsQuery{Service: "billing", Environment: "dev"})
	w.must(err)
	if len(deployments.Items) != 1 || !deployments.Items[0].Live {
		w.Errorf("%v", deployments.Items)
	}
	if got := w.settings("billing", "dev"); !strings.Contains(got, "MODE=both") || !strings.Contains(got, "LEVEL=environment") {
		w.Errorf("settings are %s", got)
	}
	// What was there can be changed, referred to and removed like what is new.
	w.set("billing", "dev", "", "MODE", "new")
	kind := slipway.KindWeb
	if changed, err := w.UpdateService(ctx, "idle", catalog.ServiceChange{Kind: &kind}); err != nil || changed.Revision != 2 {
		w.Errorf("%+v: %v", changed, err)
	}
	w.register("fresh")
	w.must(w.RemoveService(ctx, "billing", nil))
	if _, err := w.Service(ctx, "billing"); slipway.CodeOf(err) != slipway.NotFound {
		w.Errorf("%v", err)
	}
}
