package store

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// TestStatementsAreKeptWithinBounds asks more ways than are kept, many at once, while rows of statements that are
// dropped meanwhile are still read, and after the table has changed.
func TestStatementsAreKeptWithinBounds(t *testing.T) {
	db, err := openSQLite(sqliteAddress(filepath.Join(t.TempDir(), "a.db"), "journal_mode(WAL)"), 4)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE n (i INTEGER)`)
	exec(`INSERT INTO n VALUES (1), (2), (3)`)
	s := keeping(db)
	query := func(way int) string { return fmt.Sprintf(`SELECT i, %d FROM n WHERE i > ? ORDER BY i`, way) }
	ask := func(ctx context.Context, way, above int) (got []int, err error) {
		rows, err := s.QueryContext(ctx, query(way), above)
		if err != nil {
			return nil, err
		}
		return column(rows, way)
	}
	open, err := s.QueryContext(t.Context(), query(0), 0)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 3 * keptStatements {
				way := 1 + (i*(worker+1))%(2*keptStatements)
				if got, err := ask(t.Context(), way, 1); err != nil || fmt.Sprint(got) != "[2 3]" {
					t.Errorf("way %d: %v %v", way, got, err)
					return
				}
			}
		})
	}
	all.Wait()
	if s.byText[query(0)] != nil {
		t.Error("the oldest statement is kept")
	}
	if got, err := column(open, 0); err != nil || fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("rows of a statement that is no longer kept: %v %v", got, err)
	}
	for at := s.latest.Front(); at != nil; at = at.Next() {
		if one := at.Value.(*statement); one.asking != 0 || one.left || s.byText[one.text] != at {
			t.Errorf("%q is asked by %d, left %t", one.text, one.asking, one.left)
		}
	}
	if len(s.byText) != keptStatements || s.latest.Len() != keptStatements {
		t.Errorf("%d and %d are kept", len(s.byText), s.latest.Len())
	}
	exec(`ALTER TABLE n ADD COLUMN name TEXT`)
	if got, err := ask(t.Context(), 1, 0); err != nil || len(got) != 3 {
		t.Errorf("after a change of the table: %v %v", got, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask(gone, 1, 0); err == nil {
		t.Error("somebody who has gone gets an answer")
	}
}

func column(rows *sql.Rows, way int) (got []int, err error) {
	defer rows.Close()
	for rows.Next() {
		var i, of int
		if err := rows.Scan(&i, &of); err != nil {
			return nil, err
		}
		if of != way {
			return nil, fmt.Errorf("an answer to %d", of)
		}
		got = append(got, i)
	}
	return got, rows.Err()
}
