package main

import (
	"context"

	"github.com/slipway-dev/slipway/api/client"
)

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
