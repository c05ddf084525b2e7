// Package webhook tells receivers on the internet what happened: which there are, what
// each was sent, whose turn it is, and how it is tried again.
package webhook

import (
	"log/slog"

	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/event"
	"github.com/slipway-dev/slipway/identity"
)

// Sender has the webhooks of all teams. Its methods may be called at once.
type Sender struct {
	Courier  slipway.Courier // nil, and there are no webhooks
	people   *identity.Directory
	db       *ent.Client
	audit    *audit.Log
	outbox   *event.Outbox
	secrets  slipway.SecretStore
	temporal client.Client
	log      *slog.Logger
	lanes    lanes
}

// New has what journal holds delivered by courier, in workflows of temporal.
func New(people *identity.Directory, journal *event.Journal, secrets slipway.SecretStore, temporal client.Client, courier slipway.Courier) *Sender {
	return &Sender{
		Courier: courier, people: people, db: journal.Audit.Store.Client, audit: journal.Audit, outbox: journal.Outbox, secrets: secrets,
		temporal: temporal, log: journal.Audit.Log,
	}
}
