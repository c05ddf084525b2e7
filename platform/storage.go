package platform

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// Storage is an open database with its schema up to date.
type Storage struct {
	Client  *ent.Client
	dialect string
	db      *sql.DB
	file    string // of SQLite
	bell    *bell
	address string        // of the platform, for links in messages; New says it
	beyond  sync.Map      // the newest release, by service, that runs without being on record
	posted  chan struct{} // holds a token when there may be deliveries to start
}

// OpenStorage opens sqlite:///path/to/file or postgres://..., brings its schema
// up to date under a lock, and makes sure that dev, test and prod exist. A
// database that a newer version has changed is refused.
func OpenStorage(ctx context.Context, address string) (*Storage, error) {
	s, err := connect(address)
	if err != nil {
		return nil, err
	}
	unlock, err := s.alone()
	if err != nil {
		_ = s.db.Close()
		return nil, err
	}
	defer unlock()
	if err := migrate.Apply(ctx, s.db, s.dialect); err != nil {
		_ = s.db.Close()
		return nil, err
	}
	var driver dialect.Driver = entsql.OpenDB(s.dialect, s.db)
	if s.file != "" {
		reader, err := openSQLite(sqliteAddress(s.file, "query_only(1)"), 4)
		if err != nil {
			_ = s.db.Close()
			return nil, slipway.Wrap(slipway.Unavailable, err, "the database can't be opened for reading")
		}
		driver = split{Driver: driver, reader: keeping(reader)}
	}
	s.bell, s.posted = newBell(), make(chan struct{}, 1)
	s.Client = ent.NewClient(ent.Driver(roomy{driver}))
	// What an INSERT returns is read after the driver has answered.
	s.Client.Use(func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			v, err := next.Mutate(ctx, m)
			return v, fullDisk(err)
		})
	})
	if err := ensureEnvironments(asSystem(ctx), s.Client); err != nil {
		_ = s.Client.Close()
		return nil, err
	}
	return s, nil
}

func connect(address string) (*Storage, error) {
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
		return &Storage{dialect: dialect.SQLite, db: db, file: rest}, nil
	case "postgres", "postgresql":
		config, err := pgx.ParseConfig(address)
		if err != nil { // which may quote the password
			return nil, slipway.Errorf(slipway.Invalid, "the database address can't be read; write it as postgres://user@host/name")
		}
		db := stdlib.OpenDB(*config)
		db.SetMaxOpenConns(20)
		db.SetConnMaxIdleTime(5 * time.Minute)
		return &Storage{dialect: dialect.Postgres, db: db}, nil
	default:
		return nil, slipway.Errorf(slipway.Invalid, "databases of the kind %q are not supported; use sqlite:// or postgres://", scheme)
	}
}

// alone keeps other processes from opening an SQLite file while it is brought up
// to date; Postgres has its own lock. Taking a new file to WAL does not wait for
// others as ordinary writes do.
func (s *Storage) alone() (unlock func(), err error) {
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
func (s *Storage) Close() error { return s.Client.Close() }

// ensureEnvironments makes dev, test and prod, in that order, where there are
// no environments at all: all or none, whoever else starts or whatever is killed.
func ensureEnvironments(ctx context.Context, db *ent.Client) error {
	return inTx(ctx, db, func(tx *ent.Tx) error {
		exist, err := tx.Environment.Query().Exist(ctx)
		if err != nil || exist {
			return err
		}
		for i, first := range []struct {
			name   string
			policy slipway.Policy
		}{
			{"dev", slipway.Policy{RollbackRole: slipway.RoleDeveloper}}, // it is theirs
			{"test", slipway.Policy{}},
			{"prod", slipway.Policy{Approvals: 1}}, // a light peer review: see OwnAlone for who works alone
		} {
			err := tx.Environment.Create().SetName(first.name).SetPosition(i + 1).SetPolicy(first.policy).OnConflictColumns("name").DoNothing().Exec(ctx)
			if err != nil && !noRows(err) {
				return err
			}
		}
		return nil
	})
}

// noRows is what an insert that did nothing reports.
func noRows(err error) bool {
	return err != nil && strings.Contains(err.Error(), sql.ErrNoRows.Error())
}
