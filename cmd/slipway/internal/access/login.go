// Package access holds the commands about who may do what: signing in, accounts,
// teams, tokens, trusts, the audit log. They speak to a server.
package access

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// LoginCommand signs in to a platform.
type LoginCommand struct {
	URL      string `arg:"" name:"server" optional:"" help:"The platform's address; that of --server, the profile or the data directory unless given."`
	Name     string `xor:"how" help:"Sign in with this name and a password, asked for or read from standard input, instead of with a browser."`
	As       string `placeholder:"PROFILE" help:"The name of the profile; the server's host unless given."`
	Token    bool   `name:"token-stdin" xor:"how" help:"Keep a token, read from standard input, in place of a session."`
	Invited  string `name:"invitation" placeholder:"LINK" help:"Make the account that an invitation or the set-up link is for."`
	Job      string `name:"ci" xor:"how" placeholder:"SERVICE" help:"As a CI job that the service trusts, by its own token: from SLIPWAY_ID_TOKEN, from GitHub Actions, or from standard input."`
	Audience string `placeholder:"TEXT" help:"With --ci in GitHub Actions: for whom the token is made (default the platform's address)."`
	Browser  bool   `negatable:"" default:"true" help:"Open the page in a browser of this machine."`
}

// Help has examples.
func (LoginCommand) Help() string {
	return `Signs in and keeps the session, or a token, in a profile. From then on commands use it. Unless told otherwise, it prints a page and a code to confirm there, with a browser on whatever machine.

Examples:
  slipway login https://slipway.example.com
  slipway login https://slipway.example.com --name ada
  slipway login https://slipway.example.com --ci billing
  slipway login https://slipway.example.com --token-stdin < token
  slipway login --invitation http://127.0.0.1:7070/invitations/...`
}

// Run signs in.
func (c *LoginCommand) Run(a *cli.App) error {
	server, invitation := strings.TrimRight(c.URL, "/"), ""
	if at, token, ok := strings.Cut(c.Invited, "/invitations/"); ok && server == "" {
		server, invitation = at, token
	} else if c.Invited != "" {
		invitation = c.Invited[strings.LastIndex(c.Invited, "/")+1:]
	}
	if server == "" {
		var err error
		if server, err = a.Address(); err != nil {
			return err
		}
	}
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return slipway.Errorf(slipway.Invalid, "%q is not an address; write it as https://slipway.example.com", server).At("server")
	}
	if cli.InClear(u) {
		return slipway.Errorf(slipway.Invalid, "%s is not encrypted, and your password would be sent in clear; use https://%s", server, u.Host).At("server")
	}
	kept := cli.Profile{Server: server}
	switch {
	case c.Token:
		secret, err := a.ReadSecret("Token: ")
		if err != nil {
			return err
		}
		kept.Token = secret.Reveal()
	case c.Job != "":
		kept, err = byJob(a, server, c.Job, c.Audience)
	case c.Name != "" || c.Invited != "":
		kept, err = c.session(a, server, invitation)
	default:
		kept, err = byDevice(a, server, c.Browser)
	}
	if err != nil {
		return err
	}
	name := c.As
	if name == "" {
		name = u.Host
	}
	if kept.Token != "" { // before it is kept: a token that isn't good is told at once
		as := *a
		as.Server, as.Env = server, func(key string) string {
			if key == "SLIPWAY_TOKEN" {
				return kept.Token
			}
			return a.Env(key)
		}
		r, err := cli.Call(&as, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetSessionResponse, error) {
			return cl.GetSessionWithResponse(ctx)
		})
		if err != nil {
			return err
		}
		kept.Account = r.JSON200.Account
	}
	err = a.ChangeProfiles(func(all *cli.Profiles) error {
		all.Profiles[name], all.Current = kept, name
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stderr, "Signed in to %s as %s (profile %s).\n", server, kept.Account, name)
	return nil
}

// session signs in by password, or accepts an invitation.
func (c *LoginCommand) session(a *cli.App, server, invitation string) (cli.Profile, error) {
	reader := bufio.NewReader(a.Stdin)
	name := c.Name
	if name == "" {
		fmt.Fprint(a.Stderr, "Name: ")
		line, err := reader.ReadString('\n')
		if err != nil && line == "" {
			return cli.Profile{}, slipway.Errorf(slipway.Invalid, "no name was given; give one with --name")
		}
		name = strings.TrimSpace(line)
	}
	prompt := "Password: "
	if invitation != "" {
		prompt = "Choose a password of at least 15 characters: "
	}
	lines := a.LinesOf(reader)
	password, err := lines(prompt)
	if err != nil {
		return cli.Profile{}, err
	}
	cl, err := anonymous(a, server)
	if err != nil {
		return cli.Profile{}, err
	}
	if invitation != "" {
		r, err := cl.AcceptInvitationWithResponse(a.Context, client.AcceptInput{Token: invitation, Name: name, Password: password.Reveal()})
		if err != nil {
			return cli.Profile{}, a.Unreachable(err)
		}
		if r.JSON201 == nil {
			return cli.Profile{}, client.ParseProblem(r.StatusCode(), r.ContentType(), r.Body)
		}
		return cli.SessionProfile(server, *r.JSON201), nil
	}
	r, err := cl.SignInWithResponse(a.Context, client.SignInInput{Name: name, Password: password.Reveal()})
	if err != nil {
		return cli.Profile{}, a.Unreachable(err)
	}
	if r.JSON201 == nil {
		return secondStep(a, cl, server, r, lines)
	}
	return cli.SessionProfile(server, *r.JSON201), nil
}

// secondStep gives the code of an account that has a second factor.
func secondStep(a *cli.App, cl *client.ClientWithResponses, server string, r *client.SignInResponse, lines func(string) (slipway.Secret, error)) (cli.Profile, error) {
	if r.ApplicationproblemJSONDefault == nil || r.ApplicationproblemJSONDefault.Challenge == nil {
		return cli.Profile{}, client.ParseProblem(r.StatusCode(), r.ContentType(), r.Body)
	}
	code, err := lines("Code of your app, or a recovery code: ")
	if err != nil {
		return cli.Profile{}, err
	}
	done, err := cl.FinishSignInWithResponse(a.Context, client.FactorInput{Challenge: r.ApplicationproblemJSONDefault.Challenge.Token, Code: code.Reveal()})
	if err != nil {
		return cli.Profile{}, a.Unreachable(err)
	}
	if done.JSON201 == nil {
		return cli.Profile{}, client.ParseProblem(done.StatusCode(), done.ContentType(), done.Body)
	}
	return cli.SessionProfile(server, *done.JSON201), nil
}

// LogoutCommand signs out and forgets the profile.
type LogoutCommand struct{}

// Help has examples.
func (LogoutCommand) Help() string {
	return "Ends the session on the server and forgets the profile in use, or the one that --profile names.\n\nExamples:\n  slipway logout\n  slipway logout --profile staging"
}

// Run signs out and forgets the profile.
func (LogoutCommand) Run(a *cli.App) error {
	to, err := a.Endpoint()
	if err != nil {
		return err
	}
	if to.Profile == "" {
		return slipway.Errorf(slipway.Conflict, "you are not signed in to %s", to.Server)
	}
	_, err = cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.SignOutResponse, error) {
		return cl.SignOutWithResponse(ctx)
	})
	if code := slipway.CodeOf(err); err != nil && code != slipway.Unauthenticated && code != slipway.Conflict {
		return err // the session is still open there
	}
	err = a.ChangeProfiles(func(all *cli.Profiles) error {
		delete(all.Profiles, to.Profile)
		if all.Current == to.Profile {
			all.Current = ""
		}
		return nil
	})
	if err == nil {
		fmt.Fprintf(a.Stderr, "Signed out of %s.\n", to.Server)
	}
	return err
}

// WhoamiCommand shows who one is and what one may do.
type WhoamiCommand struct{}

// Help has examples.
func (WhoamiCommand) Help() string {
	return "Examples:\n  slipway whoami\n  slipway whoami --profile staging --json"
}

// Run shows who one is.
func (WhoamiCommand) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetSessionResponse, error) {
		return cl.GetSessionWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var teams, scopes []string
	for _, m := range r.JSON200.Teams {
		teams = append(teams, fmt.Sprintf("%s in %s", m.Role, m.Team))
	}
	for _, s := range r.JSON200.Scopes {
		scopes = append(scopes, string(s))
	}
	admin := ""
	if r.JSON200.Admin {
		admin = "of the platform"
	}
	server, _ := a.Address()
	return a.Facts("account", r.JSON200.Account, "kind", string(r.JSON200.Kind), "admin", admin, "teams", strings.Join(teams, ", "), "scopes", strings.Join(scopes, ", "), "server", server)
}
