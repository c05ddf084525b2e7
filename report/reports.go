// Package report has what people look at: the overview, the state of services, what
// lies between commits, figures of delivery, traffic, events, logs, and promotions as
// they go on. It reads only.
package report

import (
	"context"
	"log/slog"

	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/event"
	"github.com/slipway-dev/slipway/identity"
)

// Reports reads for whoever may see it. Its methods may be called at once.
type Reports struct {
	ports     *catalog.Ports
	people    *identity.Directory
	catalog   *catalog.Catalog
	db        *ent.Client
	log       *slog.Logger
	bell      *Bell
	between   betweens
	promotion func(ctx context.Context, id string) (*ent.Promotion, error)
}

// New reads what journal's store holds. bell rings at news of promotions, which
// promotion finds.
func New(ports *catalog.Ports, people *identity.Directory, things *catalog.Catalog, bell *Bell, journal *event.Journal,
	promotion func(ctx context.Context, id string) (*ent.Promotion, error),
) *Reports {
	return &Reports{
		ports: ports, people: people, catalog: things, db: journal.Audit.Store.Client, log: journal.Audit.Log, bell: bell, promotion: promotion,
	}
}
