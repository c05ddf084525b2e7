package main

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	tables "github.com/slipway-dev/slipway/ent/migrate"
	"github.com/slipway-dev/slipway/internal/postgrestest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgrestest.Stop()
	os.Exit(code)
}

// TestMigrationsAreTheSchema applies the versions twice and wants nothing left
// to do, in both databases; then makes the database newer and wants a refusal.
func TestMigrationsAreTheSchema(t *testing.T) {
	for dialect, open := range map[string]func() (string, string){
		"sqlite3": func() (string, string) {
			return "sqlite", "file:" + filepath.Join(t.TempDir(), "db") + "?_pragma=foreign_keys(1)"
		},
		"postgres": func() (string, string) { return "pgx", postgrestest.URL(t) },
	} {
		t.Run(dialect, func(t *testing.T) {
			ctx := context.Background()
			driver, url := open()
			db, err := sql.Open(driver, url)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for range 2 {
				if err := tables.Apply(ctx, db, dialect); err != nil {
					t.Fatal(err)
				}
			}
			left, err := Pending(ctx, db, dialect)
			if err != nil || left != "" {
				t.Errorf("the schema has more than the migrations (go run ./ent/migrate/diff NAME %s): %v\n%s", dialect, err, left)
			}
			if _, err := db.ExecContext(ctx, `INSERT INTO schema_versions VALUES (9999, 'future', '')`); err != nil {
				t.Fatal(err)
			}
			if err := tables.Apply(ctx, db, dialect); err == nil {
				t.Error("a newer database is not refused")
			}
		})
	}
}
