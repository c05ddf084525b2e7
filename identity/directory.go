// Package identity knows who somebody is and what they may: accounts and teams,
// signing in, sessions, tokens, and jobs that come with a provider's word. It knows
// nothing of promotions.
package identity

import (
	"context"
	"log/slog"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/event"
)

// Settings may be changed until the first call.
type Settings struct {
	Address string         // where people reach the platform, for links that it hands out
	OpenID  slipway.OpenID // nil, and nobody signs in through a provider and no CI job by its own token
	Streams int            // that one account may have open; 0 is StreamsPerAccount, less is no bound
}

// Directory is the people, programs and teams of a platform. Its methods may be called
// at once. The errors they return are slipway errors: a code, and a sentence for the user.
type Directory struct {
	settings  *Settings
	db        *ent.Client
	audit     *audit.Log
	journal   *event.Journal
	secrets   slipway.SecretStore
	log       *slog.Logger
	told      func(ctx context.Context)
	keys      signingKeys
	guesses   guessing
	following followings
	misuses   misuses
}

// New is a directory over an open store. changed is called after who may do what has
// changed; nil is nobody.
func New(settings *Settings, journal *event.Journal, secrets slipway.SecretStore, changed func(ctx context.Context)) *Directory {
	return &Directory{
		settings: settings, db: journal.Audit.Store.Client, audit: journal.Audit, journal: journal, secrets: secrets, log: journal.Audit.Log, told: changed,
	}
}

// Entered takes note of entries of the audit log: who follows something ends when it
// was about their access.
func (d *Directory) Entered(actions ...string) {
	for _, action := range actions {
		if aboutAccess(action) {
			d.following.accessChanged()
			return
		}
	}
}

func (d *Directory) changed(ctx context.Context) {
	if d.told != nil {
		d.told(ctx)
	}
}

// SetClock is what waits after wrong guesses, and codes that an app shows, go by: the
// machine's, unless somebody plays the time.
func (d *Directory) SetClock(now func() time.Time) { d.guesses.clock = now }
