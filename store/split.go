package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/slipway-dev/slipway"
)

// split sends SQLite's reads to connections of their own: in WAL mode they
// neither wait for the one writer nor keep it waiting. What was committed before
// a read began is seen by it. Transactions are the writer's.
type split struct {
	dialect.Driver // the writer
	reader         *statements
}

// Query answers a SELECT from the reader; an INSERT that returns something is the writer's.
func (s split) Query(ctx context.Context, query string, args, v any) error {
	if strings.HasPrefix(query, "SELECT") {
		return entsql.Conn{ExecQuerier: s.reader}.Query(ctx, query, args, v)
	}
	return s.Driver.Query(ctx, query, args, v)
}

// Close closes both.
func (s split) Close() error { return errors.Join(s.reader.Close(), s.Driver.Close()) }

// openSQLite opens a file with some connections. The time to wait for others
// comes first: the other settings may have to wait.
func openSQLite(address string, connections int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", address)
	if err == nil {
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections) // opening one again takes longer than most queries
		db.SetConnMaxIdleTime(5 * time.Minute)
	}
	return db, err
}

// roomy tells people about a full disk, which the databases call by numbers of
// their own.
type roomy struct{ dialect.Driver }

func (r roomy) Exec(ctx context.Context, query string, args, v any) error {
	return fullDisk(r.Driver.Exec(ctx, query, args, v))
}

func (r roomy) Query(ctx context.Context, query string, args, v any) error {
	err := r.Driver.Query(ctx, query, args, v)
	if rows, ok := v.(*entsql.Rows); ok && err == nil {
		rows.ColumnScanner = untyped{rows.ColumnScanner}
	}
	return fullDisk(err)
}

// untyped answers what drivers give. Ent asks for the type of each column that is no field of an entity, for each row
// anew, and a driver looks at all columns then: with four of them a list takes twice as long.
type untyped struct{ entsql.ColumnScanner }

var errUntyped = errors.New("columns that are no fields are taken as the driver gives them")

func (untyped) ColumnTypes() ([]*sql.ColumnType, error) { return nil, errUntyped }

func (r roomy) Tx(ctx context.Context) (dialect.Tx, error) {
	tx, err := r.Driver.Tx(ctx)
	return roomyTx{tx}, fullDisk(err)
}

type roomyTx struct{ dialect.Tx }

func (r roomyTx) Exec(ctx context.Context, query string, args, v any) error {
	return fullDisk(r.Tx.Exec(ctx, query, args, v))
}

func (r roomyTx) Query(ctx context.Context, query string, args, v any) error {
	return fullDisk(r.Tx.Query(ctx, query, args, v))
}

func (r roomyTx) Commit() error { return fullDisk(r.Tx.Commit()) }

// fullDisk recognises SQLITE_FULL and PostgreSQL's disk_full (53100).
func fullDisk(err error) error {
	var lite *sqlite.Error
	var server *pgconn.PgError
	if errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_FULL || errors.As(err, &server) && server.Code == "53100" {
		return slipway.Wrap(slipway.Unavailable, err, "the disk of the database is full, and nothing was changed; free some space and try again")
	}
	return err
}
