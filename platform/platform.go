// Package platform is what a user can do: register, promote, roll back,
// configure, look. It is the only package that both reads the store and starts
// workflows; every rule about who may do what and what is sane lives here.
package platform

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"

	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/store"
)

// Options are the rooms that the platform connects.
type Options struct {
	Storage  *Storage
	Temporal client.Client
	Source   slipway.Source
	// Paths says which paths of this machine are repositories; nil leaves that to Source.
	Paths   Paths
	Streams int // that one account may have open; 0 is StreamsPerAccount, less is no bound
	Target  slipway.Target
	// Inventory is what Target runs, whoever asked for it; nil, and it doesn't tell.
	Inventory slipway.Inventory
	Secrets   slipway.SecretStore
	Courier   slipway.Courier // nil, and there are no webhooks
	OpenID    slipway.OpenID  // nil, and nobody signs in through a provider and no CI job by its own token
	Builder   slipway.Builder
	Renderer  slipway.Renderer
	Log       *slog.Logger
	// Address is where people reach the platform, for the links it hands out.
	Address string
	// Interpreters are the Pythons of this machine, for Detect; nil means none.
	Interpreters func(ctx context.Context) ([]python.Interpreter, error)
	// FetchPython says that builds fetch a Python that this machine lacks.
	FetchPython bool
	// Version is that of this program, as its builder has it; "" compares none.
	Version string
	// Nodes are the machines that run services; nil means that there are none to tell of.
	Nodes func(ctx context.Context) ([]slipway.NodeStatus, error)
	// URL is where a service answers in an environment, at the edge, by its default name.
	URL func(service, environment string) string
	// Edge routes requests by host names; nil, and services have their default ones alone.
	Edge slipway.Edge
	// BaseDomain is what default names lie below, "" for slipway.LocalDomain. OwnNames are
	// the host names of the platform itself.
	BaseDomain string
	OwnNames   []string
	OneMachine bool // the edge answers who sits at this machine, and nobody else
}

// Platform carries out what users ask for. Its methods may be called at once.
// The errors they return are slipway errors: a code, and a sentence for the user.
type Platform struct {
	Options
	db        *ent.Client
	audit     *audit.Log
	keys      signingKeys
	guesses   guessing
	between   betweens
	asks      asksOf
	following followings
	naming    naming
	misuses   misuses
	lanes     lanes    // of messages to webhooks
	warned    sync.Map // what runs without being on record, and was logged
	rung      sync.Map // promotions that were told that it can be told again what runs, and when
	idle      sync.Map // values of secrets that nothing needs, and since when that is known
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
	p.audit = &audit.Log{Store: o.Storage.Store, Secrets: o.Secrets, Log: o.Log, Entered: func(actions ...string) {
		if slices.ContainsFunc(actions, aboutAccess) {
			p.following.accessChanged()
		}
	}}
	return p
}

// Actor is who acts, for the record.
func Actor(ctx context.Context) string { return slipway.ViewerFrom(ctx).Name }

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

// record puts a change on record: an event for those who watch, an entry of the
// audit log. Within recorded both are part of its transaction. Elsewhere what
// happened has happened: a failure to record it is logged in full rather than
// undoing it. before holds what was there, where that is known.
func (p *Platform) record(ctx context.Context, kind, service, environment string, promotion int, after map[string]string, before ...map[string]string) {
	p.tell(ctx, kind, service, environment, promotion, after)
	object := ""
	if promotion > 0 {
		object = "promotion " + strconv.Itoa(promotion)
	}
	p.audit.Record(ctx, audit.Done, kind, service, environment, object, "", audit.Before(before), after)
}

// tell is the half of record that is for those who watch.
func (p *Platform) tell(ctx context.Context, kind, service, environment string, promotion int, data map[string]string) {
	settled := context.WithoutCancel(ctx)
	put := func(tx *ent.Tx) error {
		create := tx.Event.Create().SetKind(kind).SetActor(Actor(ctx)).SetService(service).SetEnvironment(environment).SetData(audit.Masked(data))
		if promotion > 0 {
			create.SetPromotionID(promotion)
		}
		return p.Storage.outbox.Record(settled, tx, create)
	}
	if audit.Within(ctx, put) {
		return
	}
	err := store.InTx(settled, p.db, put)
	if ent.IsConstraintError(err) { // a webhook was removed in this moment
		err = store.InTx(settled, p.db, put)
	}
	if err != nil {
		p.Log.Error("an event could not be recorded", "kind", kind, "service", service, "environment", environment, "promotion", promotion, "error", err)
	}
}

// missing turns ent's not found into ours.
func missing(err error, format string, args ...any) error {
	if ent.IsNotFound(err) {
		return slipway.Errorf(slipway.NotFound, format, args...)
	}
	return err
}

// Once is the store's.
func (p *Platform) Once(ctx context.Context, key, request string) (*store.Once, *store.Answer, error) {
	return p.Storage.Once(ctx, key, request)
}

// Audit lists who did and tried what. It takes an admin of the platform.
func (p *Platform) Audit(ctx context.Context, q audit.Query) (store.List[*ent.AuditEntry], error) {
	if _, err := p.signedIn(ctx, slipway.PermitPlatform); err != nil {
		return store.List[*ent.AuditEntry]{}, err
	}
	return p.audit.List(ctx, q)
}

// VerifyAudit walks the audit log and stops at the first entry that was changed or is
// missing. It takes an admin of the platform.
func (p *Platform) VerifyAudit(ctx context.Context) (audit.Check, error) {
	if _, err := p.signedIn(ctx, slipway.PermitPlatform); err != nil {
		return audit.Check{}, err
	}
	return p.audit.Verify(ctx)
}
