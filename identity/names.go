package identity

import (
	"context"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/store"
)

// Names are the platform's, whosever the thing is that has one: a caller may learn
// that a name is taken, and of what has it only what it may see anyway.

// maxProposals bounds how many names are tried for a free one.
const maxProposals = 20

// FreeName is a name close to one that is taken: with a prefix before it, where
// one is given, or else a number behind it. It is "" when none was found.
func FreeName(ctx context.Context, wanted, prefix string, exists func(ctx context.Context, name string) (bool, error)) (string, error) {
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

// UnlessTaken refuses a name that something has, and proposes another. what says
// of whom names are shared.
func UnlessTaken(ctx context.Context, name, prefix, what string, exists func(ctx context.Context, name string) (bool, error)) error {
	if taken, err := exists(ctx, name); err != nil || !taken {
		return err
	}
	free, err := FreeName(ctx, name, prefix, exists)
	if err != nil {
		return err
	}
	advice := "give another one"
	if free != "" {
		advice = free + " is free"
	}
	return slipway.Errorf(slipway.Conflict, "the name %s is taken: %s; %s", name, what, advice).At("name")
}

func accountNameTaken(ctx context.Context, db *ent.Client, name string) error {
	return UnlessTaken(ctx, name, "", "another account on this platform has it", func(ctx context.Context, name string) (bool, error) {
		return db.Account.Query().Where(account.Name(name)).Exist(store.AsSystem(ctx))
	})
}

func teamNameTaken(ctx context.Context, db *ent.Client, name string) error {
	return UnlessTaken(ctx, name, "", "another team on this platform has it", func(ctx context.Context, name string) (bool, error) {
		return db.Team.Query().Where(team.Name(name)).Exist(store.AsSystem(ctx))
	})
}

func suffixed(name string, n int) string {
	if n < 2 {
		return name
	}
	tail := "-" + strconv.Itoa(n)
	return name[:min(len(name), slipway.MaxName-len(tail))] + tail
}

// ErrRace says that a name was taken in this moment, and perhaps given up again.
var ErrRace = slipway.Errorf(slipway.Conflict, "the name was taken a moment ago; try again, or give another one").At("name")
