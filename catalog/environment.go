package catalog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// EnvironmentInput is an environment to add.
type EnvironmentInput struct {
	Name     string
	Position int    // from 1; 0 means at the end, or behind After
	After    string // the environment before it
	Target   string // "" means process
}

// Validate names the field at fault.
func (in EnvironmentInput) Validate() error {
	if err := slipway.CheckName("name", in.Name); err != nil {
		return err
	}
	if in.Name == "slipway" {
		// Services there would be below slipway.localhost, which is the portal's own
		// name, and could give it cookies.
		return slipway.Errorf(slipway.Invalid, "name slipway is the platform's own; give the environment another").At("name")
	}
	if in.Position != 0 && in.After != "" {
		return slipway.Errorf(slipway.Invalid, "give a position or the environment before it, not both").At("position")
	}
	if in.Position < 0 || in.Position > 1000 {
		return slipway.Errorf(slipway.Invalid, "position %d is not between 1 and 1000", in.Position).At("position")
	}
	return checkTarget(in.Target)
}

// checkTarget refuses a target when it is configured, not in the middle of a promotion.
func checkTarget(target string) error {
	if target == "" || target == "process" {
		return nil
	}
	return slipway.Errorf(slipway.Invalid, "there is no target %q; use process", store.Printable(target)).At("target")
}

// AddEnvironment adds an environment to the path that releases take.
func (cat *Catalog) AddEnvironment(ctx context.Context, in EnvironmentInput) (*ent.Environment, error) {
	if _, err := cat.people.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	if in.Target == "" {
		in.Target = "process"
	}
	var added *ent.Environment
	err := cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if err := environmentNameTaken(ctx, tx.Client(), in.Name); err != nil {
			return err
		}
		all, err := InOrder(ctx, tx.Client())
		if err != nil {
			return err
		}
		at := len(all)
		switch {
		case in.After != "":
			i := slices.IndexFunc(all, func(e *ent.Environment) bool { return e.Name == in.After })
			if i < 0 {
				return slipway.Errorf(slipway.Invalid, "there is no environment %s to put it behind; there are %s", store.Printable(in.After), Names(all)).At("after")
			}
			at = i + 1
		case in.Position != 0:
			at = min(in.Position-1, len(all))
		}
		added, err = tx.Environment.Create().SetName(in.Name).SetPosition(at + 1).SetTarget(in.Target).Save(ctx)
		if ent.IsConstraintError(err) {
			return identity.ErrRace
		}
		if err != nil {
			return err
		}
		cat.journal.Happened(ctx, "environment.added", "", added.Name, 0, map[string]string{"position": strconv.Itoa(at + 1), "target": added.Target})
		return renumber(ctx, slices.Insert(all, at, added))
	})
	if err != nil {
		return nil, err
	}
	cat.changed(ctx, 0, 0) // it may be the one before
	return added, nil
}

// Environments lists all environments in the order in which releases take them.
func (cat *Catalog) Environments(ctx context.Context) ([]*ent.Environment, error) {
	if _, err := cat.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	return InOrder(ctx, cat.db)
}

// InOrder are all environments, the first of the way first.
func InOrder(ctx context.Context, db *ent.Client) ([]*ent.Environment, error) {
	return db.Environment.Query().Order(environment.ByPosition(), environment.ByID()).All(ctx)
}

// Environment finds an environment by its name.
func (cat *Catalog) Environment(ctx context.Context, name string) (*ent.Environment, error) {
	if _, err := cat.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	e, err := cat.db.Environment.Query().Where(environment.Name(name)).Only(ctx)
	return e, store.Missing(err, "there is no environment %s; `slipway env ls` lists them", store.Printable(name))
}

// EnvironmentChange is what to change of an environment; nil leaves a field as it is.
type EnvironmentChange struct {
	Position *int // from 1; beyond the end means at the end
	Target   *string
	Policy   slipway.PolicyChange
	If       store.Precondition
}

// Validate names the field at fault.
func (c EnvironmentChange) Validate() error {
	if c.Position != nil && (*c.Position < 1 || *c.Position > 1000) {
		return slipway.Errorf(slipway.Invalid, "position %d is not between 1 and 1000", *c.Position).At("position")
	}
	if c.Target != nil {
		if *c.Target == "" {
			return slipway.Errorf(slipway.Invalid, "target is missing").At("target")
		}
		return checkTarget(*c.Target)
	}
	return nil
}

// UpdateEnvironment changes an environment. Promotions under way keep what they
// started with, but for the policy. Lowering that, or an order that leads past an
// environment, takes an admin in person.
func (cat *Catalog) UpdateEnvironment(ctx context.Context, name string, change EnvironmentChange) (*ent.Environment, error) {
	if _, err := cat.people.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return nil, err
	}
	if err := change.Validate(); err != nil {
		return nil, err
	}
	if change.Policy != (slipway.PolicyChange{}) {
		if err := cat.people.Proven(ctx, "changing a policy"); err != nil {
			return nil, err
		}
	}
	changed := map[string]string{}
	var e *ent.Environment
	err := cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		clear(changed) // of a try before
		all, err := InOrder(ctx, tx.Client())
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(e *ent.Environment) bool { return e.Name == name })
		if i < 0 {
			return slipway.Errorf(slipway.NotFound, "there is no environment %s; there are %s", store.Printable(name), Names(all))
		}
		e = all[i]
		if err := change.If.Holds("environment "+name, e.Revision); err != nil {
			return err
		}
		if change.Target != nil && *change.Target != e.Target {
			changed["target"] = e.Target + " -> " + *change.Target
			if err := tx.Environment.UpdateOneID(e.ID).Where(environment.Revision(e.Revision)).AddRevision(1).SetTarget(*change.Target).Exec(ctx); err != nil {
				if ent.IsNotFound(err) {
					return store.ErrOutdated("environment " + name)
				}
				return err
			}
			e.Target, e.Revision = *change.Target, e.Revision+1
		}
		policy := e.Policy.With(change.Policy)
		if moved := described(policy, e.Policy); len(moved) > 0 {
			if err := cat.checkPolicy(ctx, tx.Client(), policy); err != nil {
				return err
			}
			if err := policy.Heeded(e.Policy); err != nil {
				return err
			}
			if err := cat.mayLower(ctx, e.Policy, policy, e.Name); err != nil {
				return err
			}
			maps.Copy(changed, moved)
			if weaker := slipway.Weaker(e.Policy, policy); len(weaker) > 0 {
				changed["lowers"] = strings.Join(weaker, ", ")
			}
			n, err := tx.Environment.Update().Where(environment.ID(e.ID), environment.Revision(e.Revision)).AddRevision(1).SetPolicy(policy).Save(ctx)
			if err != nil || n == 0 {
				return cmp.Or[error](err, store.ErrOutdated("environment "+name))
			}
			e.Policy, e.Revision = policy, e.Revision+1
		}
		if change.Position != nil && min(*change.Position, len(all)) != i+1 {
			changed["position"] = strconv.Itoa(i+1) + " -> " + strconv.Itoa(min(*change.Position, len(all)))
			rest := slices.Delete(slices.Clone(all), i, i+1)
			moved := slices.Insert(rest, min(*change.Position-1, len(rest)), e)
			if err := cat.mayReorder(ctx, tx.Client(), all, moved); err != nil {
				return err
			}
			if err := renumber(ctx, moved); err != nil {
				return err
			}
		}
		if len(changed) > 0 {
			cat.journal.Happened(ctx, "environment.changed", "", e.Name, 0, changed)
		}
		return nil
	})
	if err != nil {
		cat.people.DeniedWhile(ctx, "environment.changed", "", name, err)
		return nil, err
	}
	switch {
	case changed["position"] != "":
		cat.changed(ctx, 0, 0) // gates look at the environment before
	case len(changed) > 0:
		cat.changed(ctx, 0, e.ID)
	}
	return cat.Environment(ctx, e.Name)
}

// renumber makes the positions of a list 1, 2, 3 and so on.
func renumber(ctx context.Context, all []*ent.Environment) error {
	for i, e := range all {
		if e.Position == i+1 {
			continue
		}
		if err := e.Update().Where(environment.Revision(e.Revision)).AddRevision(1).SetPosition(i + 1).Exec(ctx); err != nil {
			if ent.IsNotFound(err) {
				return slipway.Errorf(slipway.Conflict, "somebody else changed the order of the environments in this moment; look at it, then try again")
			}
			return err
		}
		e.Revision++
		e.Position = i + 1
	}
	return nil
}

// Names writes the names of environments as a list in a sentence.
func Names(all []*ent.Environment) string { return strings.Join(NameList(all), ", ") }

// NameList are the names of environments, in their order.
func NameList(all []*ent.Environment) []string {
	list := make([]string, len(all))
	for i, e := range all {
		list[i] = e.Name
	}
	return list
}
