package catalog

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/snapshot"
)

// SnapshotOf finds a config snapshot; nil for none.
func SnapshotOf(ctx context.Context, db *ent.Client, digest string) (*slipway.Snapshot, error) {
	row, err := db.Snapshot.Query().Where(snapshot.Digest(digest)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &row.Content, nil
}
