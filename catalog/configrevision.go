package catalog

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/store"
)

// configRevision is the revision of the settings of a service in an
// environment, nil for the service everywhere.
func configRevision(s *ent.Service, e *ent.Environment) string {
	if e == nil {
		return store.Revision(s.ConfigRevision)
	}
	return store.Revision(s.ConfigRevision, e.ConfigRevision)
}

// reviseConfig counts a change of a cell's settings, which must be based on
// what only names.
func reviseConfig(ctx context.Context, db *ent.Client, c cell, only store.Precondition) error {
	const what = "the config"
	if len(only) > 0 && !slices.Contains(only, c.revision()) {
		return store.ErrOutdated(what)
	}
	var err error
	if c.layer == slipway.LayerEnvironment {
		update := db.Environment.UpdateOneID(c.environment.ID).AddConfigRevision(1)
		if len(only) > 0 {
			update.Where(environment.ConfigRevision(c.environment.ConfigRevision))
		}
		err = update.Exec(ctx)
	} else {
		update := db.Service.UpdateOneID(c.service.ID).AddConfigRevision(1)
		if len(only) > 0 {
			update.Where(service.ConfigRevision(c.service.ConfigRevision))
		}
		err = update.Exec(ctx)
	}
	switch {
	case ent.IsNotFound(err) && len(only) == 0: // the change was based on nothing
		return slipway.Errorf(slipway.NotFound, "what %s belongs to was removed in the meantime", what)
	case ent.IsNotFound(err):
		return store.ErrOutdated(what)
	}
	return err
}

// revision is that of the settings through which the cell is looked at.
func (c cell) revision() string {
	if c.service == nil {
		return store.Revision(c.environment.ConfigRevision)
	}
	return configRevision(c.service, c.environment)
}

// lookAt is look for what a layer of config belongs to.
func (cat *Catalog) lookAt(ctx context.Context, c cell) {
	s, e := c.ids()
	var service, environment int
	if s != nil {
		service = *s
	}
	if e != nil {
		environment = *e
	}
	cat.changed(ctx, service, environment)
}
