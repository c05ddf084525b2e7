package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
)

// InTx runs do in a transaction. Within it only tx may be used: SQLite has one
// connection, and waiting for a second one would be waiting for ever.
func InTx(ctx context.Context, db *ent.Client, do func(tx *ent.Tx) error) error {
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

// Printable shortens and cleans outside text for a message.
func Printable(s string) string {
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	return Clean(s)
}

// Clean takes out what a text column can't hold.
func Clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Now is the time that rows are given: UTC, as both databases keep it.
func Now() time.Time { return time.Now().UTC() }

// System is the actor of what Slipway does by itself.
const System = "slipway"

// AsSystem acts as Slipway itself: what a workflow, a start or a sign-in needs
// from the store before or without anybody being signed in.
func AsSystem(ctx context.Context) context.Context {
	return slipway.WithViewer(ctx, slipway.System(System))
}

// Fingerprint is how random secrets are stored: they have entropy enough that a
// plain hash keeps them.
func Fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Missing turns ent's not found into ours.
func Missing(err error, format string, args ...any) error {
	if ent.IsNotFound(err) {
		return slipway.Errorf(slipway.NotFound, format, args...)
	}
	return err
}
