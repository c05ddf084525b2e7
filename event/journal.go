package event

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
)

// Journal puts changes on record: an event for those who watch, an entry of the audit
// log.
type Journal struct {
	Audit  *audit.Log
	Outbox *Outbox
}

// Happened puts a change on record in both. Within audit.Log.Change both are part of its transaction. Elsewhere what
// happened has happened: a failure to record it is logged in full rather than
// undoing it. before holds what was there, where that is known.
func (j *Journal) Happened(ctx context.Context, kind, service, environment string, promotion int, after map[string]string, before ...map[string]string) {
	j.Tell(ctx, kind, service, environment, promotion, after)
	object := ""
	if promotion > 0 {
		object = "promotion " + strconv.Itoa(promotion)
	}
	j.Audit.Record(ctx, audit.Done, kind, service, environment, object, "", audit.Before(before), after)
}

// Tell is the half that is for those who watch.
func (j *Journal) Tell(ctx context.Context, kind, service, environment string, promotion int, data map[string]string) {
	settled := context.WithoutCancel(ctx)
	put := func(tx *ent.Tx) error {
		create := tx.Event.Create().SetKind(kind).SetActor(slipway.Actor(ctx)).SetService(service).SetEnvironment(environment).SetData(audit.Masked(data))
		if promotion > 0 {
			create.SetPromotionID(promotion)
		}
		return j.Outbox.Record(settled, tx, create)
	}
	if audit.Within(ctx, put) {
		return
	}
	err := store.InTx(settled, j.Audit.Store.Client, put)
	if ent.IsConstraintError(err) { // a webhook was removed in this moment
		err = store.InTx(settled, j.Audit.Store.Client, put)
	}
	if err != nil {
		j.Audit.Log.Error("an event could not be recorded", "kind", kind, "service", service, "environment", environment, "promotion", promotion, "error", err)
	}
}
