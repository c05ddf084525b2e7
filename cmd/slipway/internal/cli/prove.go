package cli

import (
	"context"

	"github.com/slipway-dev/slipway/api/client"
)

// Prove asks for what shows that it is still the one who signed in.
func (a *App) Prove() error {
	factors, err := Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListFactorsResponse, error) {
		return cl.ListFactorsWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	var in client.FactorProof
	if len(factors.JSON200.Items) > 0 {
		code, err := a.ReadSecret("Code of your app, or a recovery code: ")
		if err != nil {
			return err
		}
		in.Code = code.Reveal()
	} else {
		current, err := a.ReadSecret("Password: ")
		if err != nil {
			return err
		}
		in.Current = current.Reveal()
	}
	_, err = Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ProveSessionResponse, error) {
		return cl.ProveSessionWithResponse(ctx, in)
	})
	return err
}
