package platform_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
)

// TestFullDatabase bounds SQLite's file to what it has, as a full disk does.
func TestFullDatabase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "slipway.db")
	w := newWorld(t, "sqlite://"+file)
	w.register("billing")
	w.must(w.Storage.Limit(t.Context(), 1))
	_, err := w.ChangeConfig(w.Context(), catalog.ConfigChange{Service: "billing", Environment: "dev", Set: map[string]string{"BIG": strings.Repeat("x", 30_000)}})
	w.want(err, slipway.Unavailable, "the disk of the database is full")
	w.must(w.Storage.Limit(t.Context(), 1<<30))
	_, err = w.ChangeConfig(w.Context(), catalog.ConfigChange{Service: "billing", Environment: "dev", Set: map[string]string{"SMALL": "1"}})
	w.must(err)
	db, err := sql.Open("sqlite", file)
	w.must(err)
	defer db.Close()
	var kept int
	w.must(db.QueryRowContext(t.Context(), `SELECT count(*) FROM settings WHERE key = 'SMALL'`).Scan(&kept))
	if kept != 1 {
		t.Errorf("%d settings are kept", kept)
	}
}
