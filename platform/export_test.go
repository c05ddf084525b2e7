package platform

import (
	"context"
	"fmt"
)

// Limit bounds the file of an SQLite database to a number of pages, or to what it
// has when that is more.
func (s *Storage) Limit(ctx context.Context, pages int) error {
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return err
}
