package audit

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/store"
)

// change is a change under way: what is entered with its context becomes part of its
// transaction.
type change struct {
	tx      *ent.Tx
	key     []byte
	head    string   // the last entry that was written; "" for none
	raced   bool     // another process added to the chain meanwhile
	err     error    // why an entry could not be written
	actions []string // of the entries
	refused []func() // refusals, which stay on record when the change doesn't come to be
}

type changeKey struct{}

func changeFrom(ctx context.Context) *change {
	r, _ := ctx.Value(changeKey{}).(*change)
	return r
}

// Within runs put in the transaction of the change that ctx is of, and tells whether
// there is one: the change fails when put does, and is made again when it was put's
// constraint.
func Within(ctx context.Context, put func(tx *ent.Tx) error) bool {
	c := changeFrom(ctx)
	if c == nil {
		return false
	}
	if err := put(c.tx); err != nil {
		c.err, c.raced = err, c.raced || ent.IsConstraintError(err)
	}
	return true
}

// Change runs do in a transaction, and with it the entries that do puts on
// record by the context that it is given: either all of it happens or nothing.
// Changes are one after the other here; when another process was quicker, do runs
// again. Within do only tx and that context may be used.
func (l *Log) Change(ctx context.Context, do func(ctx context.Context, tx *ent.Tx) error) error {
	var refused []func() // which are written when the lock is given back
	defer func() {
		for _, late := range refused {
			late()
		}
	}()
	// Before the transaction: who waits for this while holding SQLite's one
	// connection would wait for ever.
	l.adding.Lock()
	defer l.adding.Unlock()
	key, err := l.key(store.AsSystem(ctx))
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		r := &change{key: key}
		err := store.InTx(ctx, l.Store.Client, func(tx *ent.Tx) error {
			r.tx = tx
			if err := do(context.WithValue(ctx, changeKey{}, r), tx); err != nil {
				return err
			}
			return r.err
		})
		if r.raced && try < 20 {
			continue
		}
		if err == nil {
			l.entered(r.actions...)
		}
		if err == nil && r.head != "" {
			err = l.keepHead(ctx, r.head)
			if err != nil { // the change is made, and its entry with it
				l.Log.Error("the end of the audit log could not be noted", "error", err)
			}
			err = nil
		}
		refused = r.refused
		return err
	}
}

// keepHead notes the last entry apart from the database, so that entries missing
// at the end are noticed. A crash before it leaves the one before, which is
// right, too: more entries than noted are none that are missing.
func (l *Log) keepHead(ctx context.Context, head string) error {
	ctx = store.AsSystem(context.WithoutCancel(ctx))
	return l.Secrets.Set(ctx, slipway.RefIn(l.Secrets, headName), slipway.NewSecret(head))
}

// enter writes an entry in the change's transaction; the change fails when it can't.
func (r *change) enter(ctx context.Context, e Entry) {
	if r.err != nil {
		return
	}
	ctx = store.AsSystem(ctx)
	head, err := chain(ctx, r.tx.Client(), r.key, e)
	r.raced = ent.IsConstraintError(err)
	r.err = err
	if err == nil {
		r.head, r.actions = head, append(r.actions, e.Action)
	}
}

// chain adds an entry behind the last one. It is a constraint error when another
// was quicker.
func chain(ctx context.Context, db *ent.Client, key []byte, e Entry) (head string, err error) {
	last, err := db.AuditEntry.Query().Order(ent.Desc(auditentry.FieldSequence)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return "", err
	}
	e.Sequence, e.Previous = 1, ""
	if last != nil {
		e.Sequence, e.Previous = last.Sequence+1, last.Hash
	}
	hash, err := e.hash(key)
	if err != nil {
		return "", err
	}
	err = db.AuditEntry.Create().SetSequence(e.Sequence).SetAt(e.At).SetActor(e.Actor).SetKind(e.Kind).SetVia(e.Via).SetAddress(e.Address).
		SetRequest(e.Request).SetAction(e.Action).SetTeam(e.Team).SetService(e.Service).SetEnvironment(e.Environment).SetObject(e.Object).
		SetResult(e.Result).SetReason(e.Reason).SetBefore(e.Before).SetAfter(e.After).SetPrevious(e.Previous).SetHash(hash).Exec(ctx)
	return strconv.Itoa(e.Sequence) + " " + hash, err
}
