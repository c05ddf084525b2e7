package platform

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"entgo.io/ent/dialect"
)

// split sends SQLite's reads to connections of their own: in WAL mode they
// neither wait for the one writer nor keep it waiting. What was committed before
// a read began is seen by it. Transactions are the writer's.
type split struct {
	dialect.Driver // the writer
	reader         dialect.Driver
}

// Query answers a SELECT from the reader; an INSERT that returns something is the writer's.
func (s split) Query(ctx context.Context, query string, args, v any) error {
	if strings.HasPrefix(query, "SELECT") {
		return s.reader.Query(ctx, query, args, v)
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
	}
	return db, err
}
