package migrate

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

// Versions holds the versioned migrations, one directory per dialect:
// migrations/sqlite3/0001_name.sql and migrations/postgres/0001_name.sql.
//
//go:embed migrations
var Versions embed.FS

// Apply brings a database to the newest version, each version in a transaction
// of its own, under a lock, so that several processes may start at once.
// Applying again does nothing. A database that is newer than this program is
// refused: going back needs the newer program.
func Apply(ctx context.Context, db *sql.DB, dialect string) error {
	return ApplyUpTo(ctx, db, dialect, math.MaxInt)
}

// ApplyUpTo stops after a version: the database is then as that version left it.
func ApplyUpTo(ctx context.Context, db *sql.DB, dialect string, version int) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the database does not answer")
	}
	defer conn.Close()
	unlock, err := lock(ctx, conn, dialect)
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the database can't be locked for its update")
	}
	defer unlock()
	if _, err := conn.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_versions (version integer PRIMARY KEY, name text NOT NULL, applied_at text NOT NULL)`); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the database can't be written")
	}
	var current int
	if err := conn.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM schema_versions`).Scan(&current); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the version of the database can't be read")
	}
	files, err := fs.Glob(Versions, "migrations/"+dialect+"/*.sql")
	if err != nil {
		return err
	}
	if current > len(files) {
		return slipway.Errorf(slipway.Conflict, "the database has version %d, this program knows %d; start the newer program again", current, len(files))
	}
	for _, file := range files[min(current, version):min(len(files), version)] {
		if err := apply(ctx, conn, file, dialect); err != nil {
			return slipway.Wrap(slipway.Internal, err, "the database could not be updated by %s", path.Base(file))
		}
	}
	return nil
}

func apply(ctx context.Context, conn *sql.Conn, file, dialect string) (err error) {
	name := path.Base(file)
	number, _, _ := strings.Cut(name, "_")
	version, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("%s does not begin with a number", name)
	}
	text, err := Versions.ReadFile(file)
	if err != nil {
		return err
	}
	if dialect != "postgres" {
		// SQLite changes a table by making it anew, and dropping the old one
		// would count as deleting all its rows. What refers to nothing
		// afterwards is looked for before the commit.
		if _, err := conn.ExecContext(ctx, `PRAGMA foreign_keys = off`); err != nil {
			return err
		}
		defer func() {
			_, on := conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA foreign_keys = on`)
			err = errors.Join(err, on)
		}()
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var done bool
	// Asked within the transaction: on SQLite, which has no lock to wait for,
	// another process may have been here since.
	if err := tx.QueryRowContext(ctx, fmt.Sprintf(`SELECT count(*) > 0 FROM schema_versions WHERE version = %d`, version)).Scan(&done); err != nil || done {
		return err
	}
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if dialect != "postgres" {
		if err := dangling(ctx, tx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	// #nosec G201 -- the name is that of an embedded file, and the databases write their placeholders differently
	insert := fmt.Sprintf(`INSERT INTO schema_versions (version, name, applied_at) VALUES (%d, '%s', '%s')`,
		version, strings.ReplaceAll(name, "'", ""), time.Now().UTC().Format(time.RFC3339))
	if _, err := tx.ExecContext(ctx, insert); err != nil {
		return err
	}
	return tx.Commit()
}

// dangling finds rows of SQLite that refer to what isn't there.
func dangling(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `PRAGMA foreign_key_check`)
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		var table, parent string
		var row sql.NullInt64
		var key int
		if err := rows.Scan(&table, &row, &parent, &key); err != nil {
			return err
		}
		return fmt.Errorf("row %d of %s refers to nothing in %s", row.Int64, table, parent)
	}
	return rows.Err()
}

// lockKey is an arbitrary number that all versions of the program share.
const lockKey = 7305401

func lock(ctx context.Context, conn *sql.Conn, dialect string) (func(), error) {
	if dialect != "postgres" {
		// SQLite's writers exclude each other, and DATA/up.lock keeps a second
		// platform away.
		return func() {}, nil
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, lockKey); err != nil {
		return nil, err
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, lockKey)
	}, nil
}
