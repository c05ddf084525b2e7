package platform

import (
	"context"
	"sync"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/event"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// Storage is an open store, and what those who share it tell each other.
type Storage struct {
	*store.Store
	bell   *report.Bell
	beyond sync.Map      // the newest release, by service, that runs without being on record
	outbox *event.Outbox // whose address New says
}

// OpenStorage opens the store at an address, and makes sure that dev, test and prod exist.
func OpenStorage(ctx context.Context, address string) (*Storage, error) {
	db, err := store.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	if err := ensureEnvironments(store.AsSystem(ctx), db.Client); err != nil {
		_ = db.Close()
		return nil, err
	}
	return &Storage{Store: db, bell: report.NewBell(), outbox: event.NewOutbox()}, nil
}

// ensureEnvironments makes dev, test and prod, in that order, where there are
// no environments at all: all or none, whoever else starts or whatever is killed.
func ensureEnvironments(ctx context.Context, db *ent.Client) error {
	return store.InTx(ctx, db, func(tx *ent.Tx) error {
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
			if err != nil && !store.NoRows(err) {
				return err
			}
		}
		return nil
	})
}
