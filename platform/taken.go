package platform

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/store"
)

// Names are the platform's, whosever the thing is that has one: a caller may learn
// that a name is taken, and of what has it only what it may see anyway.

// maxProposals bounds how many names are tried for a free one.
const maxProposals = 20

// freeName is a name close to one that is taken: with a prefix before it, where
// one is given, or else a number behind it. It is "" when none was found.
func freeName(ctx context.Context, wanted, prefix string, exists func(ctx context.Context, name string) (bool, error)) (string, error) {
	var near []string
	if prefix != "" && !strings.HasPrefix(wanted, prefix+"-") {
		near = append(near, prefix+"-"+wanted)
	}
	for n := 2; len(near) < maxProposals; n++ {
		near = append(near, suffixed(wanted, n))
	}
	for _, name := range near {
		if slipway.CheckName("name", name) != nil {
			continue
		}
		if taken, err := exists(ctx, name); err != nil || !taken {
			return name, err
		}
	}
	return "", nil
}

// unlessTaken refuses a name that something has, and proposes another. what says
// of whom names are shared.
func unlessTaken(ctx context.Context, name, prefix, what string, exists func(ctx context.Context, name string) (bool, error)) error {
	if taken, err := exists(ctx, name); err != nil || !taken {
		return err
	}
	free, err := freeName(ctx, name, prefix, exists)
	if err != nil {
		return err
	}
	advice := "give another one"
	if free != "" {
		advice = free + " is free"
	}
	return slipway.Errorf(slipway.Conflict, "the name %s is taken: %s; %s", name, what, advice).At("name")
}

// serviceNamed tells whether a service has a name, whatever the viewer may see.
func serviceNamed(db *ent.Client) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, name string) (bool, error) {
		return db.Service.Query().Where(service.Name(name)).Exist(store.AsSystem(ctx))
	}
}

// ownPrefix is what stands before a team's proposals.
func ownPrefix(owner *ent.Team) string {
	if owner.Name == DefaultTeam {
		return ""
	}
	return owner.Name
}

func serviceNameTaken(ctx context.Context, db *ent.Client, name string, owner *ent.Team) error {
	what := "services of all teams share their names on this platform"
	has, err := db.Service.Query().Where(service.Name(name)).Where(visible(ctx)...).WithTeam().Only(ctx)
	switch {
	case err == nil:
		what = "a service of team " + has.Edges.Team.Name + " has it (slipway service show " + name + ")"
	case !ent.IsNotFound(err):
		return err
	}
	return unlessTaken(ctx, name, ownPrefix(owner), what, serviceNamed(db))
}

func accountNameTaken(ctx context.Context, db *ent.Client, name string) error {
	return unlessTaken(ctx, name, "", "another account on this platform has it", func(ctx context.Context, name string) (bool, error) {
		return db.Account.Query().Where(account.Name(name)).Exist(store.AsSystem(ctx))
	})
}

func teamNameTaken(ctx context.Context, db *ent.Client, name string) error {
	return unlessTaken(ctx, name, "", "another team on this platform has it", func(ctx context.Context, name string) (bool, error) {
		return db.Team.Query().Where(team.Name(name)).Exist(store.AsSystem(ctx))
	})
}

func environmentNameTaken(ctx context.Context, db *ent.Client, name string) error {
	return unlessTaken(ctx, name, "", "another environment on this platform has it", func(ctx context.Context, name string) (bool, error) {
		return db.Environment.Query().Where(environment.Name(name)).Exist(store.AsSystem(ctx))
	})
}
