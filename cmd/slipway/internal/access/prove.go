package access

import (
	"fmt"

	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// ProveCommand shows that it is still the one who signed in.
type ProveCommand struct{}

// Help has examples.
func (ProveCommand) Help() string {
	return `Shows that it is still you who is signed in: by a code of your second factor, or, without one, by the password. It counts for ten minutes, for what a session alone may not do: breaking the glass, changing policies, making tokens. On a terminal commands ask for it by themselves; elsewhere it is read from standard input.

Examples:
  slipway prove`
}

// Run proves it.
func (ProveCommand) Run(a *cli.App) error {
	if err := a.Prove(); err != nil {
		return err
	}
	fmt.Fprintln(a.Stderr, "Proved; it counts for ten minutes.")
	return nil
}
