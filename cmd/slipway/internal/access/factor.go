package access

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// FactorCommands are for what signing in takes besides a password.
type FactorCommands struct {
	List   factorList   `cmd:"" name:"ls" help:"List your second factors."`
	Add    factorAdd    `cmd:"" help:"Add an app that shows codes."`
	Remove factorRemove `cmd:"" name:"rm" help:"Remove a second factor."`
	Codes  factorCodes  `cmd:"" help:"Make new recovery codes."`
	Reset  factorReset  `cmd:"" help:"Take all factors from somebody who has lost them."`
}

type factorList struct{}

// Help has examples.
func (factorList) Help() string { return "Examples:\n  slipway factor ls\n  slipway factor ls --json" }

// Run lists factors.
func (factorList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListFactorsResponse, error) {
		return cl.ListFactorsWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, f := range r.JSON200.Items {
		rows = append(rows, []string{f.Id, string(f.Kind), f.Name, f.CreatedAt.Local().Format("2 Jan 2006"), cli.Ago(f.UsedAt)})
	}
	if len(rows) > 0 {
		fmt.Fprintf(a.Stderr, "%d recovery codes are left.\n", r.JSON200.RecoveryCodes)
	}
	return a.Table([]string{"id", "kind", "name", "since", "used"}, rows)
}

type factorAdd struct {
	Name string `arg:"" optional:"" help:"What to call it."`
}

// Help has examples.
func (factorAdd) Help() string {
	return `Prints what an app such as Aegis, 2FAS or a password manager is to be given, and asks for the first code that it shows. From then on signing in takes one. It asks for the current password, too; both may come as lines of standard input.

Examples:
  slipway factor add telephone`
}

// Run adds an app.
func (c *factorAdd) Run(a *cli.App) error {
	lines := a.Lines()
	current, err := lines("Current password: ")
	if err != nil {
		return err
	}
	begun, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.BeginTotpResponse, error) {
		return cl.BeginTotpWithResponse(ctx, client.TotpInput{Name: c.Name, Current: current.Reveal()})
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stderr, "Give this to the app, as an address or as a secret to type in:\n  %s\n  secret %s\n", cli.Clean(begun.JSON201.Uri), cli.Clean(begun.JSON201.Secret))
	code, err := lines("Code that it shows: ")
	if err != nil {
		return err
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ConfirmFactorResponse, error) {
		return cl.ConfirmFactorWithResponse(ctx, begun.JSON201.Id, client.CodeInput{Code: code.Reveal()})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintln(a.Stderr, "Signing in takes a code from now on.")
	printRecovery(a, r.JSON200.RecoveryCodes)
	return nil
}

// printRecovery prints recovery codes: they alone go to standard output.
func printRecovery(a *cli.App, codes []string) {
	if len(codes) == 0 {
		return
	}
	fmt.Fprintln(a.Stderr, "Keep these recovery codes where you find them without the app. Each is good once; they are not shown again.")
	for _, code := range codes {
		fmt.Fprintln(a.Stdout, cli.Clean(code))
	}
}

// askProof asks for what every change of factors takes.
func askProof(a *cli.App) (in client.FactorProof, err error) {
	lines := a.Lines()
	current, err := lines("Current password: ")
	if err != nil {
		return in, err
	}
	code, err := lines("Code of your app, or a recovery code: ")
	return client.FactorProof{Current: current.Reveal(), Code: code.Reveal()}, err
}

type factorRemove struct {
	ID string `arg:"" help:"The factor's id."`
}

// Help has examples.
func (factorRemove) Help() string {
	return "Asks for the current password and a code, or reads both as lines of standard input.\n\nExamples:\n  slipway factor rm 5f0c9a12e4b7d360"
}

// Run removes a factor.
func (c *factorRemove) Run(a *cli.App) error {
	in, err := askProof(a)
	if err != nil {
		return err
	}
	_, err = cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.RemoveFactorResponse, error) {
		return cl.RemoveFactorWithResponse(ctx, c.ID, in)
	})
	if err == nil {
		fmt.Fprintln(a.Stderr, "The factor is removed.")
	}
	return err
}

type factorCodes struct{}

// Help has examples.
func (factorCodes) Help() string {
	return "Makes ten codes in place of those before. Asks for the current password and a code, or reads both as lines of standard input.\n\nExamples:\n  slipway factor codes > recovery-codes"
}

// Run makes recovery codes.
func (factorCodes) Run(a *cli.App) error {
	in, err := askProof(a)
	if err != nil {
		return err
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.RenewRecoveryCodesResponse, error) {
		return cl.RenewRecoveryCodesWithResponse(ctx, in)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	printRecovery(a, r.JSON200.RecoveryCodes)
	return nil
}

type factorReset struct {
	Name string `arg:"" help:"The account."`
}

// Help has examples.
func (factorReset) Help() string {
	return `Takes the second factors and recovery codes from somebody who has lost them, and ends the sessions. It takes an admin of the platform; on its machine, whoever owns the data directory may.

Examples:
  slipway factor reset bob`
}

// Run resets the factors of an account.
func (c *factorReset) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ResetFactorsResponse, error) {
		return cl.ResetFactorsWithResponse(ctx, c.Name)
	})
	if err == nil {
		fmt.Fprintf(a.Stderr, "%s has no second factor any more, and is signed out everywhere.\n", c.Name)
	}
	return err
}
