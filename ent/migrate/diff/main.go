// Command diff writes the next versioned migration of a dialect: what the
// schema has and the earlier versions don't. With sqlite3 it works on a
// database in memory; with postgres it needs the URL of an empty database.
//
//	go run ./ent/migrate/diff NAME sqlite3
//	go run ./ent/migrate/diff NAME postgres postgres://postgres@localhost/empty
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	entsql "entgo.io/ent/dialect/sql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	tables "github.com/slipway-dev/slipway/ent/migrate"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: diff NAME sqlite3 | diff NAME postgres URL")
		os.Exit(2)
	}
	url := "file:diff?mode=memory&cache=shared&_pragma=foreign_keys(1)"
	driver := "sqlite"
	if os.Args[2] == "postgres" {
		driver, url = "pgx", os.Args[3]
	}
	if err := write(context.Background(), os.Args[1], os.Args[2], driver, url); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(ctx context.Context, name, dialect, driver, url string) error {
	db, err := sql.Open(driver, url)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := tables.Apply(ctx, db, dialect); err != nil {
		return err
	}
	changes, err := Pending(ctx, db, dialect)
	if err != nil {
		return err
	}
	if changes == "" {
		fmt.Println("the schema has nothing new")
		return nil
	}
	dir := filepath.Join("ent", "migrate", "migrations", dialect)
	versions, err := filepath.Glob(filepath.Join(dir, "*.sql"))
	if err != nil {
		return err
	}
	file := filepath.Join(dir, fmt.Sprintf("%04d_%s.sql", len(versions)+1, name))
	fmt.Println(file)
	return os.WriteFile(file, []byte(changes), 0o644) // #nosec G703 -- the name is what a developer gives to make
}

// Pending is the SQL that the schema asks for beyond what a database has.
func Pending(ctx context.Context, db *sql.DB, dialect string) (string, error) {
	var out strings.Builder
	if err := tables.NewSchema(entsql.OpenDB(dialect, db)).WriteTo(ctx, &out); err != nil {
		return "", err
	}
	var kept []string
	for line := range strings.Lines(out.String()) {
		switch strings.TrimSpace(line) {
		case "", "BEGIN;", "COMMIT;", "PRAGMA foreign_keys = off;", "PRAGMA foreign_keys = on;":
		default:
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, ""), nil
}
