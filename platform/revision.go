package platform

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/service"
)

// Precondition is what a change is based on: the revisions of which the thing
// must have one. None asks for nothing.
type Precondition []string

// revision writes the revisions that a thing is made of as one text.
func revision(numbers ...int) string {
	parts := make([]string, len(numbers))
	for i, n := range numbers {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ".")
}

// holds refuses a change that is based on what is no longer so.
func (p Precondition) holds(what string, numbers ...int) error {
	if len(p) == 0 || slices.Contains(p, revision(numbers...)) {
		return nil
	}
	return errOutdated(what)
}

func errOutdated(what string) error {
	return slipway.Errorf(slipway.Outdated, "%s was changed by somebody else in the meantime; look at it again, then decide", what)
}

// configRevision is the revision of the settings of a service in an
// environment, nil for the service everywhere.
func configRevision(s *ent.Service, e *ent.Environment) string {
	if e == nil {
		return revision(s.ConfigRevision)
	}
	return revision(s.ConfigRevision, e.ConfigRevision)
}

// reviseConfig counts a change of a cell's settings, which must be based on
// what only names.
func reviseConfig(ctx context.Context, db *ent.Client, c cell, only Precondition) error {
	const what = "the config"
	if len(only) > 0 && !slices.Contains(only, c.revision()) {
		return errOutdated(what)
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
		return errOutdated(what)
	}
	return err
}

// revision is that of the settings through which the cell is looked at.
func (c cell) revision() string {
	if c.service == nil {
		return revision(c.environment.ConfigRevision)
	}
	return configRevision(c.service, c.environment)
}
