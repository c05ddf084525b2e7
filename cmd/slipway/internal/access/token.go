package access

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// TokenCommands make, list and end tokens for programs.
type TokenCommands struct {
	Add    tokenAdd    `cmd:"" help:"Make a token."`
	List   tokenList   `cmd:"" name:"ls" help:"List tokens, never their text."`
	Revoke tokenRevoke `cmd:"" help:"End a token at once."`
}

type tokenAdd struct {
	Name    string          `arg:"" help:"What it is for."`
	Scope   []slipway.Scope `required:"" placeholder:"SCOPE" help:"read, promote:ENVIRONMENT, promote:*, approve, break_glass, config or admin; several with commas."`
	Account string          `placeholder:"NAME" help:"A service account whose teams you all administer; your own unless given."`
	Days    int             `default:"90" help:"How long it lives, at most 366."`
}

// Help has examples.
func (tokenAdd) Help() string {
	return `Prints the token, once. It may do what its account may and its scopes name: read, config, promote:ENVIRONMENT or promote:*, approve (your own tokens only: a program can't decide for people), admin.

Examples:
  slipway token add "nightly deploys" --scope promote:dev
  slipway token add chatops --account chatops --scope read,promote:* --days 30`
}

// Run makes a token.
func (c *tokenAdd) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateTokenResponse, error) {
		return cl.CreateTokenWithResponse(ctx, client.TokenInput{Name: c.Name, Scopes: c.Scope, Account: c.Account, ExpiresInDays: c.Days})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintln(a.Stdout, r.JSON201.Token)
	fmt.Fprintf(a.Stderr, "This is token %d of %s, good until %s. It is not shown again.\n", r.JSON201.Info.Id, r.JSON201.Info.Account, r.JSON201.Info.ExpiresAt.Local().Format("2 Jan 2006"))
	return nil
}

type tokenList struct {
	Account string `placeholder:"NAME" help:"A service account whose teams you all administer."`
}

// Help has examples.
func (tokenList) Help() string {
	return "Examples:\n  slipway token ls\n  slipway token ls --account chatops"
}

// Run lists tokens.
func (c *tokenList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListTokensResponse, error) {
		return cl.ListTokensWithResponse(ctx, &client.ListTokensParams{Account: cli.Given(c.Account)})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, t := range r.JSON200.Items {
		var scopes []string
		for _, s := range t.Scopes {
			scopes = append(scopes, string(s))
		}
		rows = append(rows, []string{strconv.Itoa(t.Id), t.Name, t.Hint + "...", strings.Join(scopes, ","), t.ExpiresAt.Local().Format("2 Jan 2006"), cli.Ago(t.UsedAt)})
	}
	return a.Table([]string{"id", "for", "token", "scopes", "until", "used"}, rows)
}

type tokenRevoke struct {
	ID int `arg:"" help:"The token's id."`
}

// Help has examples.
func (tokenRevoke) Help() string { return "Examples:\n  slipway token revoke 3" }

// Run ends a token.
func (c *tokenRevoke) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.RevokeTokenResponse, error) {
		return cl.RevokeTokenWithResponse(ctx, c.ID)
	})
	if err == nil {
		fmt.Fprintf(a.Stderr, "Token %d is not good any more.\n", c.ID)
	}
	return err
}
