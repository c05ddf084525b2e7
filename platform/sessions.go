package platform

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/store"
)

// Sessions lists one's own sessions that are open, the newest first.
func (p *Platform) Sessions(ctx context.Context) ([]*ent.Session, error) {
	v, err := p.signedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return nil, err
	}
	return p.db.Session.Query().Where(session.AccountID(v.Account), session.EndedAtIsNil(), session.ExpiresAtGT(time.Now().UTC())).
		Order(ent.Desc(session.FieldID)).Limit(100).All(ctx)
}

// EndedSessions lists one's own sessions that are over, those that began last
// first, with when and why each ended.
func (p *Platform) EndedSessions(ctx context.Context) ([]*ent.Session, error) {
	v, err := p.signedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return nil, err
	}
	rows, err := p.db.Session.Query().Where(session.AccountID(v.Account), session.Or(session.EndedAtNotNil(), session.ExpiresAtLTE(time.Now().UTC()))).
		Order(ent.Desc(session.FieldID)).Limit(100).All(ctx)
	for _, row := range rows {
		if row.EndedAt == nil { // nothing ended it but time
			row.EndedAt, row.EndedBy = &row.ExpiresAt, "it was not used any more, or had lasted as long as a session may"
		}
	}
	return rows, err
}

// EndSession ends one of one's own sessions at once, with what it follows live.
func (p *Platform) EndSession(ctx context.Context, key string) error {
	v, err := p.signedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return err
	}
	absent := slipway.Errorf(slipway.NotFound, "there is no open session %s of yours; `slipway sessions` lists them", store.Printable(key))
	row, err := p.db.Session.Query().Where(session.Key(key), session.AccountID(v.Account)).Only(ctx)
	if err != nil {
		return missing(err, "%s", absent.Message)
	}
	return p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		n, err := tx.Session.Update().Where(session.ID(row.ID), session.EndedAtIsNil()).SetEndedAt(time.Now().UTC()).SetEndedBy("ended from the list of sessions").Save(ctx)
		if err != nil || n == 0 {
			return or(err, absent)
		}
		p.audit.Record(ctx, audit.Done, "session.end", "", "", "session "+row.Key, "", nil, map[string]string{"via": row.Via, "from": row.Address})
		return nil
	})
}
