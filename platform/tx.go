package platform

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
)

// inTx runs do in a transaction. Within it only tx may be used: SQLite has one
// connection, and waiting for a second one would be waiting for ever.
func (p *Platform) inTx(ctx context.Context, do func(tx *ent.Tx) error) error {
	return inTx(ctx, p.db, do)
}

func inTx(ctx context.Context, db *ent.Client, do func(tx *ent.Tx) error) error {
	tx, err := db.Tx(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// number reads the id of a promotion, which people and histories have as text.
func number(id string) (int, error) {
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || strconv.Itoa(n) != id {
		return 0, slipway.Errorf(slipway.NotFound, "there is no promotion %s; `slipway promotion ls` lists them", printable(id))
	}
	return n, nil
}

// printable shortens and cleans outside text for a message.
func printable(s string) string {
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	return clean(s)
}

// clean takes out what a text column can't hold.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
