// Package catalog has what teams register and set: services, environments and the way
// through them, config and secrets, policies and freezes, host names, and how a
// repository is read. It knows nothing of how a promotion goes on.
package catalog

import (
	"context"
	"log/slog"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/event"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/python"
)

// Ports are what services are read from, built by, run on and reached through. They may
// be changed until the first call.
type Ports struct {
	Source slipway.Source
	// Paths says which paths of this machine are repositories; nil leaves that to Source.
	Paths   Paths
	Target  slipway.Target
	Secrets slipway.SecretStore
	Builder slipway.Builder
	// Nodes are the machines that run services; nil means that there are none to tell of.
	Nodes func(ctx context.Context) ([]slipway.NodeStatus, error)
	// Interpreters are the Pythons of this machine, for Detect; nil means none.
	Interpreters func(ctx context.Context) ([]python.Interpreter, error)
	// FetchPython says that builds fetch a Python that this machine lacks.
	FetchPython bool
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

// Catalog is all that is registered. Its methods may be called at once. The errors they
// return are slipway errors: a code, and a sentence for the user.
type Catalog struct {
	ports   *Ports
	people  *identity.Directory
	db      *ent.Client
	audit   *audit.Log
	journal *event.Journal
	log     *slog.Logger
	naming  naming
	changed func(ctx context.Context, service, environment int)
}

// New is a catalog over an open store. changed is called after something has changed
// that gates may look at, with the ids of the service and the environment that it is
// about; 0 is all of them.
func New(ports *Ports, people *identity.Directory, journal *event.Journal, changed func(ctx context.Context, service, environment int)) *Catalog {
	return &Catalog{ports: ports, people: people, db: journal.Audit.Store.Client, audit: journal.Audit, journal: journal, log: journal.Audit.Log, changed: changed}
}
