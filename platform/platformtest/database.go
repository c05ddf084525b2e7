// Package platformtest gives tests databases of a platform that is new.
package platformtest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/postgrestest"
	"github.com/slipway-dev/slipway/platform"
)

// SQLite returns the address of a database as the platform makes one at its first
// start, in a directory that goes with the test. It is a copy: with the race detector,
// making it would take longer than most tests that use it.
func SQLite(t testing.TB) string {
	t.Helper()
	return SQLiteAt(t, filepath.Join(t.TempDir(), "slipway.db"))
}

// SQLiteAt is SQLite with a place for the file.
func SQLiteAt(t testing.TB, file string) string {
	t.Helper()
	made, err := first()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, made, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite://" + file
}

// first is the file of a database, made once in each process.
var first = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "slipway-database-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "slipway.db")
	if err := open("sqlite://" + file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// Postgres is SQLite for PostgreSQL, see postgrestest.
func Postgres(t testing.TB) string {
	t.Helper()
	return postgrestest.Prepared(t, open)
}

func open(address string) error {
	storage, err := platform.OpenStorage(context.Background(), address)
	if err != nil {
		return err
	}
	return storage.Close()
}
