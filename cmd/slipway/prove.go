package main

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/api/client"
)

type proveCommand struct{}

// Help has examples.
func (proveCommand) Help() string {
	return `Shows that it is still you who is signed in: by a code of your second factor, or, without one, by the password. It counts for ten minutes, for what a session alone may not do: breaking the glass, changing policies, making tokens. On a terminal commands ask for it by themselves; elsewhere it is read from standard input.

Examples:
  slipway prove`
}

// Run proves it.
func (proveCommand) Run(a *app) error {
	if err := a.prove(); err != nil {
		return err
	}
	fmt.Fprintln(a.stderr, "Proved; it counts for ten minutes.")
	return nil
}

// prove asks for what shows that it is still the one who signed in.
func (a *app) prove() error {
	factors, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListFactorsResponse, error) {
		return cl.ListFactorsWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	var in client.FactorProof
	if len(factors.JSON200.Items) > 0 {
		code, err := a.readSecret("Code of your app, or a recovery code: ")
		if err != nil {
			return err
		}
		in.Code = code.Reveal()
	} else {
		current, err := a.readSecret("Password: ")
		if err != nil {
			return err
		}
		in.Current = current.Reveal()
	}
	_, err = call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ProveSessionResponse, error) {
		return cl.ProveSessionWithResponse(ctx, in)
	})
	return err
}
