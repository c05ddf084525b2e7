package catalog

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
)

// Path is the order of environments that a service's releases take: its own, or
// that of the platform.
func (cat *Catalog) Path(ctx context.Context, serviceName string) ([]*ent.Environment, error) {
	s, err := cat.Service(ctx, serviceName)
	if err != nil {
		return nil, err
	}
	return PathOf(ctx, cat.db, s)
}

// PathOf is the order of environments that a service's releases take: its own,
// or that of the platform.
func PathOf(ctx context.Context, db *ent.Client, s *ent.Service) ([]*ent.Environment, error) {
	all, err := InOrder(ctx, db)
	if err != nil || len(s.Environments) == 0 {
		return all, err
	}
	var path []*ent.Environment
	for _, name := range s.Environments {
		if i := slices.IndexFunc(all, func(e *ent.Environment) bool { return e.Name == name }); i >= 0 {
			path = append(path, all[i])
		}
	}
	return path, nil
}

// checkPath refuses a service's own path that can't be taken.
func (cat *Catalog) checkPath(ctx context.Context, path []string) error {
	all, err := InOrder(ctx, cat.db)
	if err != nil {
		return err
	}
	for i, name := range path {
		switch {
		case !slices.ContainsFunc(all, func(e *ent.Environment) bool { return e.Name == name }):
			return slipway.Errorf(slipway.Invalid, "there is no environment %s; there are %s", store.Printable(name), Names(all)).At("environments")
		case slices.Contains(path[:i], name):
			return slipway.Errorf(slipway.Invalid, "%s is named twice; a release takes each environment once", name).At("environments")
		}
	}
	return nil
}

func pathWords(path []string) string {
	if len(path) == 0 {
		return "all"
	}
	return strings.Join(path, ", ")
}

// OnItsPath tells whether a service's releases go to an environment. What runs
// in one that has left the path goes on running, and can be rolled back.
func OnItsPath(s *ent.Service, environment string) bool {
	return len(s.Environments) == 0 || slices.Contains(s.Environments, environment)
}

// OnPath finds an environment on a service's path, the first one for "", and
// the one before it, which is nil for the first.
func (cat *Catalog) OnPath(ctx context.Context, s *ent.Service, name string) (e, previous *ent.Environment, err error) {
	all, err := PathOf(ctx, cat.db, s)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range all {
		if e.Name == name || name == "" {
			return e, previous, nil
		}
		previous = e
	}
	if name == "" {
		return nil, nil, slipway.Errorf(slipway.Conflict, "there is no environment yet; add one with: slipway env add NAME").At("environment")
	}
	if len(s.Environments) > 0 {
		return nil, nil, slipway.Errorf(slipway.NotFound, "%s is not on the path of %s, which is %s", store.Printable(name), s.Name, Names(all))
	}
	return nil, nil, slipway.Errorf(slipway.NotFound, "there is no environment %s; there are %s", store.Printable(name), Names(all))
}

// Behind are the environments that come before another one on a service's path,
// none for the first, and for one that is off it.
func Behind(ctx context.Context, db *ent.Client, s *ent.Service, e *ent.Environment) ([]*ent.Environment, error) {
	path, err := PathOf(ctx, db, s)
	if err != nil {
		return nil, err
	}
	return path[:max(0, slices.IndexFunc(path, func(other *ent.Environment) bool { return other.ID == e.ID }))], nil
}
