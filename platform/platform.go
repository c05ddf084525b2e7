// Package platform is what a user can do. It has the rooms of accounts, of what is
// registered, of webhooks and of reports as parts, and promotions as its own subject:
// plans, gates, decisions, bundles, rollback, the ledger, and what is tended. It is all
// that api and web ask, and the only room that starts promotions.
package platform

import (
	"context"
	"log/slog"
	"sync"

	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/event"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/webhook"
)

// Options are what the platform stands on.
type Options struct {
	identity.Settings
	catalog.Ports
	Storage  *Storage
	Temporal client.Client
	// Inventory is what Target runs, whoever asked for it; nil, and it doesn't tell.
	Inventory slipway.Inventory
	Courier   slipway.Courier // nil, and there are no webhooks
	Renderer  slipway.Renderer
	Log       *slog.Logger
	// Version is that of this program, as its builder has it; "" compares none.
	Version string
}

// Platform carries out what users ask for. Its methods may be called at once.
// The errors they return are slipway errors: a code, and a sentence for the user.
type Platform struct {
	Options
	*identity.Directory
	*webhook.Sender
	*catalog.Catalog
	*report.Reports
	db      *ent.Client
	audit   *audit.Log
	journal *event.Journal
	asks    asksOf
	warned  sync.Map // what runs without being on record, and was logged
	rung    sync.Map // promotions that were told that it can be told again what runs, and when
	idle    sync.Map // values of secrets that nothing needs, and since when that is known
}

// New makes a platform over open storage.
func New(o Options) *Platform {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.URL == nil {
		o.URL = func(string, string) string { return "" }
	}
	o.Storage.outbox.Address = o.Address
	p := &Platform{Options: o, db: o.Storage.Client}
	p.audit = &audit.Log{Store: o.Storage.Store, Secrets: o.Secrets, Log: o.Log}
	p.journal = &event.Journal{Audit: p.audit, Outbox: o.Storage.outbox}
	p.Directory = identity.New(&p.Settings, p.journal, o.Secrets, func(ctx context.Context) { p.look(ctx, 0, 0) }) // gates count who may approve now
	p.Sender = webhook.New(p.Directory, p.journal, o.Secrets, o.Temporal, o.Courier)
	p.Catalog = catalog.New(&p.Ports, p.Directory, p.journal, p.look)
	p.Reports = report.New(&p.Ports, p.Directory, p.Catalog, o.Storage.bell, p.journal, p.Promotion)
	p.audit.Entered = p.Directory.Entered
	return p
}

// Ready tells whether the platform can take requests: its store and its
// workflow engine answer.
func (p *Platform) Ready(ctx context.Context) error {
	if _, err := p.db.Environment.Query().Exist(store.AsSystem(ctx)); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the database does not answer")
	}
	if _, err := p.Temporal.CheckHealth(ctx, nil); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the workflow engine does not answer")
	}
	return nil
}

// Once is the store's.
func (p *Platform) Once(ctx context.Context, key, request string) (*store.Once, *store.Answer, error) {
	return p.Storage.Once(ctx, key, request)
}

// Audit lists who did and tried what. It takes an admin of the platform.
func (p *Platform) Audit(ctx context.Context, q audit.Query) (store.List[*ent.AuditEntry], error) {
	if _, err := p.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return store.List[*ent.AuditEntry]{}, err
	}
	return p.audit.List(ctx, q)
}

// VerifyAudit walks the audit log and stops at the first entry that was changed or is
// missing. It takes an admin of the platform.
func (p *Platform) VerifyAudit(ctx context.Context) (audit.Check, error) {
	if _, err := p.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return audit.Check{}, err
	}
	return p.audit.Verify(ctx)
}
