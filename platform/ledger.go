package platform

import (
	"context"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/snapshot"
	"github.com/slipway-dev/slipway/ent/step"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// worker is the actor of what steps report.
const worker = store.System

// Ledger keeps what the steps of promotions report. It needs storage only, so
// that a worker can run apart from the rest of the platform.
type Ledger struct {
	storage *Storage
	db      *ent.Client
	known   sync.Map // promotion id to place, so that an event needs no look-up
}

var (
	_ slipway.Ledger    = (*Ledger)(nil)
	_ slipway.Snapshots = (*Ledger)(nil)
)

// NewLedger makes a ledger over open storage. Who watches a promotion over the
// same storage is woken by it at once; others see it within a second.
func NewLedger(s *Storage) *Ledger { return &Ledger{storage: s, db: s.Client} }

type place struct{ service, environment string }

// place finds what a promotion is about; NotFound ends a workflow whose
// promotion was taken back or removed.
func (l *Ledger) place(ctx context.Context, id string) (int, place, error) {
	n, err := report.Number(id)
	if err != nil {
		return 0, place{}, err
	}
	if found, ok := l.known.Load(n); ok {
		return n, found.(place), nil
	}
	row, err := l.db.Promotion.Query().Where(promotion.ID(n)).WithService().WithEnvironment().Only(ctx)
	if err != nil {
		return 0, place{}, store.Missing(err, "there is no promotion %s", id)
	}
	found := place{row.Edges.Service.Name, row.Edges.Environment.Name}
	l.known.Store(n, found)
	return n, found, nil
}

// addressed names the service and the environment in the commands of a reason.
func (at place) addressed(reason string) string {
	return slipway.Addressed(reason, at.service, at.environment)
}

// event adds an event of a promotion within a transaction.
func (at place) event(ctx context.Context, storage *Storage, tx *ent.Tx, kind string, id int, data map[string]string) error {
	maps.DeleteFunc(data, func(_, v string) bool { return v == "" })
	return storage.outbox.Record(ctx, tx, tx.Event.Create().SetKind(kind).SetActor(worker).SetService(at.service).SetEnvironment(at.environment).
		SetPromotionID(id).SetData(data))
}

// Step records a change of a step. News that is older than what is known, and
// news of a promotion that is over, changes nothing.
func (l *Ledger) Step(ctx context.Context, e slipway.StepEvent) error {
	ctx = store.AsSystem(ctx)
	id, at, err := l.place(ctx, e.Promotion)
	if err != nil {
		return err
	}
	e.Reason = at.addressed(store.Clean(e.Reason))
	e.Until = e.Until.UTC().Truncate(time.Second) // as every database keeps it
	if e.State != slipway.StepRunning {
		e.Until = time.Time{}
	}
	news := step.Or(step.StateNEQ(step.State(e.State)), step.ReasonNEQ(e.Reason))
	if !e.Until.IsZero() {
		news = step.Or(news, step.UntilIsNil(), step.UntilNEQ(e.Until))
	}
	same := []predicate.Step{step.StateIn(step.StatePending, step.StateRunning), news}
	fresh := step.And(same...)
	if e.Attempt > 0 { // 0 means the attempt that is known
		fresh = step.Or(step.AttemptLT(e.Attempt), step.And(append(same, step.Attempt(e.Attempt))...))
	}
	changed := 0
	err = store.InTx(ctx, l.db, func(tx *ent.Tx) error {
		update := tx.Step.Update().Where(step.PromotionID(id), step.NameEQ(step.Name(e.Step)), fresh, step.HasPromotionWith(promotion.StateIn(catalog.UnderWay...))).
			SetState(step.State(e.State)).SetReason(e.Reason)
		now := store.Now()
		if e.Attempt > 0 {
			update.SetAttempt(e.Attempt)
		}
		switch e.State {
		case slipway.StepRunning:
			if e.Reason == "" { // with a reason it is between two tries
				update.SetStartedAt(now)
			}
			update.ClearEndedAt()
			if !e.Until.IsZero() {
				update.SetUntil(e.Until)
			}
		case slipway.StepPending:
		default:
			update.SetEndedAt(now).ClearUntil()
		}
		var err error
		if changed, err = update.Save(ctx); err != nil {
			return err
		}
		if e.Rehearsal != nil {
			if err := tx.Promotion.UpdateOneID(id).SetRehearsal(e.Rehearsal).Exec(ctx); err != nil {
				return err
			}
		}
		if e.Rollout != nil {
			moved, err := tx.Promotion.Update().Where(promotion.ID(id), promotion.StateIn(catalog.UnderWay...)).SetRollout(e.Rollout).Save(ctx)
			if err != nil {
				return err
			}
			changed += moved
		}
		if changed == 0 {
			return nil
		}
		if e.State == slipway.StepRunning && e.Reason != "" { // a canary has one from its beginning
			err := tx.Step.Update().Where(step.PromotionID(id), step.NameEQ(step.Name(e.Step)), step.StartedAtIsNil()).SetStartedAt(now).Exec(ctx)
			if err != nil {
				return err
			}
		}
		if e.State == slipway.StepRunning {
			if err := l.runs(ctx, tx, id, at, e.Step); err != nil {
				return err
			}
		}
		if e.Attempt == 0 {
			row, err := tx.Step.Query().Where(step.PromotionID(id), step.NameEQ(step.Name(e.Step))).Only(ctx)
			if err != nil {
				return err
			}
			e.Attempt = row.Attempt
		}
		return at.event(ctx, l.storage, tx, report.StepChanged, id, map[string]string{
			"step": string(e.Step), "state": string(e.State), "attempt": strconv.Itoa(e.Attempt), "reason": e.Reason, "time": now.Format(time.RFC3339Nano), "until": moment(e.Until),
		})
	})
	if changed > 0 {
		l.storage.bell.Ring(id)
	}
	return err
}

// runs makes the promotion of a running step running, waiting or verifying.
func (l *Ledger) runs(ctx context.Context, tx *ent.Tx, id int, at place, name slipway.StepName) error {
	state := promotion.StateRunning
	switch name {
	case slipway.StepVerify:
		state = promotion.StateVerifying
	case slipway.StepApprove:
		state = promotion.StateWaiting
	}
	n, err := tx.Promotion.Update().Where(promotion.ID(id), promotion.StateEQ(promotion.StateQueued)).SetState(state).SetStartedAt(store.Now()).Save(ctx)
	if err == nil && n == 0 {
		n, err = tx.Promotion.Update().Where(promotion.ID(id), promotion.StateIn(catalog.UnderWay...), promotion.StateNEQ(state)).SetState(state).Save(ctx)
	}
	if err != nil || n == 0 {
		return err
	}
	return at.event(ctx, l.storage, tx, report.PromotionChanged, id, map[string]string{"state": string(state)})
}

// Log appends output to a step.
func (l *Ledger) Log(ctx context.Context, id string, name slipway.StepName, attempt, seq int, text string) error {
	ctx = store.AsSystem(ctx)
	n, _, err := l.place(ctx, id)
	if err != nil {
		return err
	}
	err = l.db.LogChunk.Create().SetPromotionID(n).SetStep(string(name)).SetAttempt(attempt).SetSeq(seq).SetText(store.Clean(text)).
		OnConflictColumns("promotion_id", "step", "attempt", "seq").DoNothing().Exec(ctx)
	if store.NoRows(err) {
		return nil
	}
	if err == nil {
		l.storage.bell.Ring(n)
	}
	return err
}

// Promotion records a change of a promotion. One that is over stays as it ended.
func (l *Ledger) Promotion(ctx context.Context, e slipway.PromotionEvent) error {
	ctx = store.AsSystem(ctx)
	id, at, err := l.place(ctx, e.Promotion)
	if err != nil {
		return err
	}
	if e.Undo != nil {
		return l.undoing(ctx, id, at, *e.Undo)
	}
	state, reason := promotion.State(e.State), at.addressed(store.Clean(e.Reason))
	news := promotion.Or(promotion.StateNEQ(state), promotion.ReasonNEQ(reason))
	if e.State == slipway.PromotionRunning {
		news = promotion.Or(promotion.StateNEQ(state), promotion.StartedAtIsNil())
	}
	changed := 0
	err = store.InTx(ctx, l.db, func(tx *ent.Tx) error {
		update := tx.Promotion.Update().Where(promotion.ID(id), promotion.StateIn(catalog.UnderWay...), news).
			SetState(state).SetReason(reason).SetEndedAtStep(string(e.Step))
		switch {
		case e.State.Over():
			update.SetEndedAt(store.Now()).ClearUndo()
		case e.State == slipway.PromotionRunning:
			update.SetStartedAt(store.Now())
		}
		var err error
		if changed, err = update.Save(ctx); err != nil || changed == 0 {
			return err
		}
		return at.event(ctx, l.storage, tx, report.PromotionChanged, id, map[string]string{"state": string(e.State), "step": string(e.Step), "reason": reason})
	})
	if err == nil && e.State.Over() {
		l.known.Delete(id)
	}
	if changed > 0 {
		l.storage.bell.Ring(id)
	}
	return err
}

// undoing records that what a promotion deployed is being taken back. Who watches
// it hears of that as of any change of it.
func (l *Ledger) undoing(ctx context.Context, id int, at place, u slipway.Undoing) error {
	changed := 0
	err := store.InTx(ctx, l.db, func(tx *ent.Tx) error {
		row, err := tx.Promotion.Query().Where(promotion.ID(id), promotion.StateIn(catalog.UnderWay...), promotion.UndoIsNil()).Only(ctx)
		if ent.IsNotFound(err) {
			return nil // over, or known: another try has the same bound
		}
		if err != nil {
			return err
		}
		if changed, err = tx.Promotion.Update().Where(promotion.ID(id), promotion.StateIn(catalog.UnderWay...)).SetUndo(&u).Save(ctx); err != nil || changed == 0 {
			return err
		}
		return at.event(ctx, l.storage, tx, report.PromotionChanged, id, map[string]string{"state": string(row.State), "reason": "what it deployed is being taken back"})
	})
	if changed > 0 {
		l.storage.bell.Ring(id)
	}
	return err
}

// moment is a time in an event's data; "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// Config returns the merged config of a service in an environment.
func (l *Ledger) Config(ctx context.Context, serviceName, environmentName string, defaults map[string]string) (map[string]slipway.ConfigValue, error) {
	ctx = store.AsSystem(ctx)
	s, err := l.db.Service.Query().Where(service.Name(serviceName)).Only(ctx)
	if err != nil {
		return nil, store.Missing(err, "there is no service %s", store.Printable(serviceName))
	}
	e, err := l.db.Environment.Query().Where(environment.Name(environmentName)).Only(ctx)
	if err != nil {
		return nil, store.Missing(err, "there is no environment %s", store.Printable(environmentName))
	}
	layers, err := catalog.Layers(ctx, l.db, s.ID, e, defaults)
	if err != nil {
		return nil, err
	}
	values, _ := slipway.MergeConfig(layers)
	return values, nil
}

// SaveSnapshot stores a snapshot under its digest.
func (l *Ledger) SaveSnapshot(ctx context.Context, s slipway.Snapshot) error {
	return saveSnapshot(store.AsSystem(ctx), l.db, s)
}

func saveSnapshot(ctx context.Context, db *ent.Client, s slipway.Snapshot) error {
	err := db.Snapshot.Create().SetDigest(string(s.Digest)).SetContent(s).OnConflictColumns(snapshot.FieldDigest).DoNothing().Exec(ctx)
	if store.NoRows(err) {
		return nil
	}
	return err
}

// Snapshot finds a snapshot by its digest.
func (l *Ledger) Snapshot(ctx context.Context, digest slipway.Digest) (slipway.Snapshot, error) {
	ctx = store.AsSystem(ctx)
	row, err := l.db.Snapshot.Query().Where(snapshot.Digest(string(digest))).Only(ctx)
	if err != nil {
		return slipway.Snapshot{}, store.Missing(err, "there is no config snapshot %s", store.Printable(string(digest)))
	}
	return row.Content, nil
}
