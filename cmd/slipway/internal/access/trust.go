package access

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// TrustCommands let jobs of CI systems act for a service.
type TrustCommands struct {
	Add  trustAdd  `cmd:"" help:"Let jobs of a CI system act for a service by their own token."`
	List trustList `cmd:"" name:"ls" help:"List which jobs may act for a service."`
	Rm   trustRm   `cmd:"" help:"Trust no longer."`
}

type trustAdd struct {
	Service  string          `arg:"" help:"The service."`
	Name     string          `arg:"" help:"A short name."`
	GitHub   string          `name:"github" placeholder:"OWNER/REPO" xor:"where" help:"Jobs of GitHub Actions in this repository."`
	GitLab   string          `name:"gitlab" placeholder:"GROUP/PROJECT" xor:"where" help:"Jobs of gitlab.com in this project."`
	Ref      string          `placeholder:"BRANCH" help:"With --github or --gitlab: only on this branch."`
	Issuer   string          `placeholder:"URL" help:"Who signs the jobs' tokens, exactly as in them."`
	Subject  string          `placeholder:"PATTERN" help:"Which jobs; * stands for any text."`
	Audience string          `placeholder:"TEXT" help:"For whom the tokens must be made (default the platform's address)."`
	Scope    []slipway.Scope `required:"" placeholder:"SCOPE" help:"read, config, promote:ENVIRONMENT or promote:*; several with commas."`
	Once     bool            `help:"Take each token of a job once."`
}

// Help has examples.
func (trustAdd) Help() string {
	return `A job proves what it is by a token that its CI system signs, and gets one of 15 minutes for this service; nothing secret is stored there. Without --ref, every branch and pull request of the repository may.

Examples:
  slipway trust add billing main --github shop/billing --ref main --scope promote:dev
  slipway trust add billing main --gitlab shop/billing --ref main --scope promote:dev,promote:test
  slipway trust add billing nightly --issuer https://ci.example.com --subject 'billing/nightly' --scope promote:dev --once`
}

// well known issuers of CI tokens
const (
	gitHubIssuer = "https://token.actions.githubusercontent.com"
	gitLabIssuer = "https://gitlab.com"
)

// of works out issuer and subject.
func (c *trustAdd) of() (issuer, subject string, err error) {
	issuer, subject = c.Issuer, c.Subject
	switch {
	case c.GitHub != "":
		issuer, subject = gitHubIssuer, "repo:"+c.GitHub+":*"
		if c.Ref != "" {
			subject = "repo:" + c.GitHub + ":ref:refs/heads/" + c.Ref
		}
	case c.GitLab != "":
		issuer, subject = gitLabIssuer, "project_path:"+c.GitLab+":*"
		if c.Ref != "" {
			subject = "project_path:" + c.GitLab + ":ref_type:branch:ref:" + c.Ref
		}
	case c.Ref != "":
		return "", "", slipway.Errorf(slipway.Invalid, "--ref goes with --github or --gitlab; say it in --subject").At("ref")
	}
	// Given beside a system, they say more than its usual ones do.
	if c.Issuer != "" {
		issuer = c.Issuer
	}
	if c.Subject != "" {
		subject = c.Subject
	}
	if issuer == "" || subject == "" {
		return "", "", slipway.Errorf(slipway.Invalid, "say which jobs are meant: --github OWNER/REPO, --gitlab GROUP/PROJECT, or --issuer with --subject")
	}
	return issuer, subject, nil
}

// Run adds a trust.
func (c *trustAdd) Run(a *cli.App) error {
	issuer, subject, err := c.of()
	if err != nil {
		return err
	}
	audience := c.Audience
	if audience == "" {
		if audience, err = a.Address(); err != nil {
			return err
		}
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateTrustResponse, error) {
		return cl.CreateTrustWithResponse(ctx, c.Service, client.TrustInput{Name: c.Name, Issuer: issuer, Audience: audience, Subject: subject, Scopes: c.Scope, Once: c.Once})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "Jobs of %s with the subject %s, for the audience %s, may act for %s. There:\n  slipway login %s --ci %s\n",
		r.JSON201.Issuer, r.JSON201.Subject, r.JSON201.Audience, c.Service, audience, c.Service)
	return nil
}

type trustList struct {
	Service string `arg:"" help:"The service."`
}

// Help has examples.
func (trustList) Help() string { return "Examples:\n  slipway trust ls billing" }

// Run lists trusts.
func (c *trustList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListTrustsResponse, error) {
		return cl.ListTrustsWithResponse(ctx, c.Service)
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
		once := ""
		if t.Once {
			once = "once"
		}
		rows = append(rows, []string{t.Name, t.Issuer, t.Subject, t.Audience, strings.Join(scopes, ","), once, cli.Ago(t.UsedAt)})
	}
	return a.Table([]string{"trust", "issuer", "subject", "audience", "scopes", "", "used"}, rows)
}

type trustRm struct {
	Service string `arg:"" help:"The service."`
	Name    string `arg:"" help:"The trust."`
}

// Help has examples.
func (trustRm) Help() string { return "Examples:\n  slipway trust rm billing github" }

// Run ends a trust.
func (c *trustRm) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.DeleteTrustResponse, error) {
		return cl.DeleteTrustWithResponse(ctx, c.Service, c.Name)
	})
	if err == nil {
		fmt.Fprintf(a.Stderr, "%s trusts those jobs no more.\n", c.Service)
	}
	return err
}
