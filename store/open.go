// Package store opens the database, and has what everybody needs who reads or
// changes it: transactions, pages of lists, revisions, calls that are made once. It
// knows nobody's rules.
package store

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/migrate"
	_ "github.com/slipway-dev/slipway/ent/runtime" // the policies of the schema
)

// Store is an open database with its schema up to date. Its entities are reached
// through Client.
type Store struct {
	Client  *ent.Client
	Dialect string  // of ent: dialect.SQLite or dialect.Postgres
	SQL     *sql.DB // the writer, for what ent has no words for
	file    string  // of SQLite
}

// Open opens sqlite:///path/to/file or postgres://... and brings its schema up to
// date under a lock. A database that a newer version has changed is refused.
func Open(ctx context.Context, address string) (*Store, error) {
	s, err := connect(address)
	if err != nil {
		return nil, err
	}
	unlock, err := s.alone()
	if err != nil {
		_ = s.SQL.Close()
		return nil, err
	}
	defer unlock()
	if err := migrate.Apply(ctx, s.SQL, s.Dialect); err != nil {
		_ = s.SQL.Close()
		return nil, err
	}
	var driver dialect.Driver = entsql.OpenDB(s.Dialect, s.SQL)
	if s.file != "" {
		reader, err := openSQLite(sqliteAddress(s.file, "query_only(1)"), 4)
		if err != nil {
			_ = s.SQL.Close()
			return nil, slipway.Wrap(slipway.Unavailable, err, "the database can't be opened for reading")
		}
		driver = split{Driver: driver, reader: keeping(reader)}
	}
	s.Client = ent.NewClient(ent.Driver(roomy{driver}))
	// What an INSERT returns is read after the driver has answered.
	s.Client.Use(func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			v, err := next.Mutate(ctx, m)
			return v, fullDisk(err)
		})
	})
	return s, nil
}

func connect(address string) (*Store, error) {
	switch scheme, rest, _ := strings.Cut(address, "://"); scheme {
	case "sqlite":
		if err := private(rest); err != nil {
			return nil, slipway.Wrap(slipway.Unavailable, err, "the database %s can't be made; check that its directory can be written and that the disk isn't full", rest)
		}
		// One writer: SQLite has no more, and waiting for a connection is
		// fairer than its busy handler.
		db, err := openSQLite(sqliteAddress(rest, "journal_mode(WAL)"), 1)
		if err != nil {
			return nil, slipway.Wrap(slipway.Unavailable, err, "the database can't be opened")
		}
		return &Store{Dialect: dialect.SQLite, SQL: db, file: rest}, nil
	case "postgres", "postgresql":
		config, err := pgx.ParseConfig(address)
		if err != nil { // which may quote the password
			return nil, slipway.Errorf(slipway.Invalid, "the database address can't be read; write it as postgres://user@host/name")
		}
		db := stdlib.OpenDB(*config)
		db.SetMaxOpenConns(20)
		db.SetConnMaxIdleTime(5 * time.Minute)
		return &Store{Dialect: dialect.Postgres, SQL: db}, nil
	default:
		return nil, slipway.Errorf(slipway.Invalid, "databases of the kind %q are not supported; use sqlite:// or postgres://", scheme)
	}
}

// alone keeps other processes from opening an SQLite file while it is brought up
// to date; Postgres has its own lock. Taking a new file to WAL does not wait for
// others as ordinary writes do.
func (s *Store) alone() (unlock func(), err error) {
	if s.file == "" {
		return func() {}, nil
	}
	f, err := os.OpenFile(s.file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the database %s can't be locked; check that its directory can be written", s.file)
	}
	return func() { _ = f.Close() }, nil
}

func sqliteAddress(file string, more ...string) string {
	query := url.Values{"_pragma": append([]string{"busy_timeout(10000)", "synchronous(NORMAL)", "foreign_keys(1)"}, more...), "_txlock": {"immediate"}}
	return "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + query.Encode()
}

// private makes a database file that only its owner may read.
func private(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Close closes the database.
func (s *Store) Close() error { return s.Client.Close() }

// NoRows is what an insert that did nothing reports.
func NoRows(err error) bool {
	return err != nil && strings.Contains(err.Error(), sql.ErrNoRows.Error())
}
