package catalog

import (
	"context"

	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// serviceNamed tells whether a service has a name, whatever the viewer may see.
func serviceNamed(db *ent.Client) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, name string) (bool, error) {
		return db.Service.Query().Where(service.Name(name)).Exist(store.AsSystem(ctx))
	}
}

// ownPrefix is what stands before a team's proposals.
func ownPrefix(owner *ent.Team) string {
	if owner.Name == identity.DefaultTeam {
		return ""
	}
	return owner.Name
}

func serviceNameTaken(ctx context.Context, db *ent.Client, name string, owner *ent.Team) error {
	what := "services of all teams share their names on this platform"
	has, err := db.Service.Query().Where(service.Name(name)).Where(identity.Visible(ctx)...).WithTeam().Only(ctx)
	switch {
	case err == nil:
		what = "a service of team " + has.Edges.Team.Name + " has it (slipway service show " + name + ")"
	case !ent.IsNotFound(err):
		return err
	}
	return identity.UnlessTaken(ctx, name, ownPrefix(owner), what, serviceNamed(db))
}

func environmentNameTaken(ctx context.Context, db *ent.Client, name string) error {
	return identity.UnlessTaken(ctx, name, "", "another environment on this platform has it", func(ctx context.Context, name string) (bool, error) {
		return db.Environment.Query().Where(environment.Name(name)).Exist(store.AsSystem(ctx))
	})
}
