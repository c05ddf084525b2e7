// Package services holds the commands that register services and say how they are
// run: environments, host names, config, secrets, policies, freezes, webhooks. They
// speak to a server.
package services

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// ServiceCommands register, show, change and remove services.
type ServiceCommands struct {
	Add  serviceAdd  `cmd:"" help:"Register a git repository as a service."`
	List serviceList `cmd:"" name:"ls" help:"List services."`
	Show serviceShow `cmd:"" help:"Show a service."`
	Set  serviceSet  `cmd:"" help:"Change a service."`
	Rm   serviceRm   `cmd:"" help:"Stop a service everywhere and remove it."`
}

type serviceAdd struct {
	URL    string `arg:"" help:"The repository: https, ssh, file, or a directory of this machine."`
	Name   string `help:"The name; the last part of the URL unless given."`
	Path   string `placeholder:"SUBDIR" help:"The directory inside the repository."`
	Branch string `help:"The branch; the repository's default unless given."`
	Kind   string `placeholder:"KIND" help:"What it mostly is: web, worker or function."`
	Team   string `placeholder:"TEAM" help:"The team that will own it; yours unless given."`
	Token  bool   `help:"Read a token or a private key that opens the repository from standard input."`

	Environments []string `placeholder:"ENV,..." help:"The environments that its releases take, in order; all of them unless given."`
	cli.OverrideFlags
}

// Help has examples.
func (serviceAdd) Help() string {
	return `Examples:
  slipway service add https://git.example.com/shop/billing.git
  slipway service add ~/code/billing --name billing --branch main
  slipway service add git@git.example.com:shop/mono.git --path services/billing
  slipway service add https://git.example.com/shop/private.git --token < token.txt
  slipway service add https://git.example.com/shop/legacy.git --set processes.web="python serve.py --port \$PORT" --set python=3.12
  slipway service add https://git.example.com/shop/legacy.git --overrides legacy.yaml`
}

// Run registers a service.
func (c *serviceAdd) Run(a *cli.App) error {
	in := client.ServiceInput{
		Url: localRepository(c.URL), Name: c.Name, Path: c.Path, Branch: c.Branch, Kind: slipway.ServiceKind(c.Kind), Team: c.Team, Environments: c.Environments,
	}
	if c.Token {
		if c.Overrides == "-" {
			return errOneInput
		}
		value, err := a.ReadSecret("Token or private key: ")
		if err != nil {
			return err
		}
		in.Token = value.Reveal()
	}
	o, err := c.OverrideFlags.Read(a, "")
	if err != nil {
		return err
	}
	in.Overrides = json.RawMessage(o)
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateServiceResponse, error) {
		return cl.CreateServiceWithResponse(ctx, in)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	s := r.JSON201
	fmt.Fprintf(a.Stdout, "%s is registered. Next: slipway promote %s --follow\n", s.Name, s.Name)
	return nil
}

// localRepository makes the path of a directory absolute, so that `.` works.
func localRepository(url string) string {
	if strings.Contains(url, "://") {
		return url
	}
	if info, err := os.Stat(url); err != nil || !info.IsDir() {
		return url
	}
	path, err := filepath.Abs(url)
	if err != nil {
		return url
	}
	return "file://" + path
}

type serviceList struct {
	Search string `short:"q" placeholder:"TEXT" help:"Only services whose name or URL contains this."`
}

// Help has examples.
func (serviceList) Help() string {
	return "Examples:\n  slipway service ls\n  slipway service ls -q bill --json"
}

// Run lists services.
func (c *serviceList) Run(a *cli.App) error {
	items, err := cli.All(a, func(ctx context.Context, cl *client.ClientWithResponses, cursor *string) ([]client.Service, string, error) {
		r, err := cl.ListServicesWithResponse(ctx, &client.ListServicesParams{Q: cli.Given(c.Search), Cursor: cursor, Limit: cli.Given(500)})
		if r == nil || r.JSON200 == nil {
			return nil, "", cli.RefusedOr(r, err)
		}
		return r.JSON200.Items, r.JSON200.NextCursor, nil
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(map[string]any{"items": items})
	}
	if len(items) == 0 {
		fmt.Fprintln(a.Stdout, "No services yet. Register one: slipway service add URL")
		return nil
	}
	var rows [][]string
	for _, s := range items {
		rows = append(rows, []string{s.Name, string(s.Kind), s.Url, s.Path, s.Branch})
	}
	return a.Table([]string{"service", "kind", "repository", "path", "branch"}, rows)
}

type serviceShow struct {
	Service string `arg:"" help:"The service."`
}

// Help has examples.
func (serviceShow) Help() string { return "Examples:\n  slipway service show billing" }

// Run shows a service.
func (c *serviceShow) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetServiceResponse, error) {
		return cl.GetServiceWithResponse(ctx, c.Service)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	return printService(a, r.JSON200)
}

func printService(a *cli.App, s *client.Service) error {
	if err := a.Facts("service", s.Name, "team", s.Team, "kind", string(s.Kind), "repository", s.Url, "path", s.Path, "branch", s.Branch,
		"environments", strings.Join(s.Environments, ", "), "credential", s.Credential, "registered", cli.Ago(s.CreatedAt)); err != nil {
		return err
	}
	return a.PrintOverrides(slipway.Overrides(s.Overrides))
}

// serviceSet changes what is given; what is given as "" is taken back.
type serviceSet struct {
	Service    string  `arg:"" help:"The service."`
	Repository *string `placeholder:"URL" help:"The repository: https, ssh, file, or a directory of this machine."`
	Path       *string `placeholder:"SUBDIR" help:"The directory inside the repository; \"\" is its root."`
	Branch     *string `help:"The branch; \"\" follows the repository's default."`
	Kind       *string `placeholder:"KIND" help:"What it mostly is: web, worker or function."`
	Team       *string `placeholder:"TEAM" help:"The team that shall own it; it takes a maintainer of both."`
	Token      bool    `xor:"opens" help:"Read a token or a private key that opens the repository from standard input. It is needed again for another server."`
	NoToken    bool    `xor:"opens" help:"Forget the one that is stored: the repository is open to everybody."`

	Environments *string `placeholder:"ENV,..." help:"The environments that its releases take, in order; \"\" takes all of them. What runs elsewhere goes on running."`
	cli.OverrideFlags
}

// Help has examples.
func (serviceSet) Help() string {
	return `The repository is asked first, and nothing is changed when it has no such branch or directory. Promotions under way keep what they started with.
Overrides count for releases that are built from now on: --set changes one key of them, --overrides FILE takes the place of all.

Examples:
  slipway service set billing --path services/billing
  slipway service set billing --repository https://git.example.com/shop/billing.git --branch ""
  slipway service set billing --team shop
  slipway service set billing --environments dev,prod
  slipway service set billing --token < token.txt
  slipway service set billing --repository https://new.example.com/billing.git --token < token.txt
  slipway service set billing --set health.path=/healthz --set test.command=
  slipway service set billing --overrides billing.yaml
  slipway service set billing --overrides /dev/null`
}

// Run changes a service.
func (c *serviceSet) Run(a *cli.App) error {
	change := client.ServiceChange{Path: c.Path, Branch: c.Branch, Kind: (*slipway.ServiceKind)(c.Kind), Team: c.Team}
	if c.NoToken {
		none := ""
		change.Credential = &none
	}
	if c.Environments != nil {
		path := strings.FieldsFunc(*c.Environments, func(r rune) bool { return r == ',' || r == ' ' })
		change.Environments = &path
	}
	if c.Repository != nil {
		url := localRepository(*c.Repository)
		change.Url = &url
	}
	if c.Token {
		if c.Overrides == "-" {
			return errOneInput
		}
		value, err := a.ReadSecret("Token or private key: ")
		if err != nil {
			return err
		}
		change.Token = value.Reveal()
	}
	var only *client.UpdateServiceParams
	if c.Given() {
		raw, revision, err := c.changed(a)
		if err != nil {
			return err
		}
		change.Overrides, only = &raw, &client.UpdateServiceParams{IfMatch: &revision}
	}
	if change == (client.ServiceChange{}) {
		return slipway.Errorf(slipway.Invalid, "nothing to change; give --repository, --path, --branch, --kind, --team, --environments, --token, --no-token, --set or --overrides")
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.UpdateServiceResponse, error) {
		return cl.UpdateServiceWithResponse(ctx, c.Service, only, change)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	return printService(a, r.JSON200)
}

// changed is what the overrides become, and the revision of the service that this
// is based on: one key must not take back what somebody else sets meanwhile.
func (c *serviceSet) changed(a *cli.App) (raw json.RawMessage, revision string, err error) {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetServiceResponse, error) {
		return cl.GetServiceWithResponse(ctx, c.Service)
	})
	if err != nil {
		return nil, "", err
	}
	o, err := c.OverrideFlags.Read(a, slipway.Overrides(r.JSON200.Overrides))
	if o == "" {
		o = "{}"
	}
	return json.RawMessage(o), r.HTTPResponse.Header.Get("ETag"), err
}

var errOneInput = slipway.Errorf(slipway.Invalid, "standard input can't be both the token and the overrides; put the overrides into a file").At("overrides")

type serviceRm struct {
	Service string `arg:"" help:"The service."`
	Yes     bool   `short:"y" help:"Don't ask."`
}

// Help has examples.
func (serviceRm) Help() string {
	return "Examples:\n  slipway service rm billing\n  slipway service rm billing --yes"
}

// Run removes a service.
func (c *serviceRm) Run(a *cli.App) error {
	if !c.Yes {
		if !cli.IsTerminal(a.Stdin) {
			return slipway.Errorf(slipway.Invalid, "this stops %s everywhere and removes it; say --yes", c.Service)
		}
		fmt.Fprintf(a.Stderr, "Stop %s in every environment and remove it? Type its name: ", c.Service)
		line, err := readLine(a.Stdin)
		if err != nil || line != c.Service {
			return slipway.Errorf(slipway.Invalid, "nothing was removed")
		}
	}
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.DeleteServiceResponse, error) {
		return cl.DeleteServiceWithResponse(ctx, c.Service, nil)
	})
	if err != nil {
		return err
	}
	if !a.JSON {
		fmt.Fprintf(a.Stdout, "%s is removed.\n", c.Service)
	}
	return nil
}

// readLine reads one line, byte by byte so that nothing behind it is taken.
func readLine(r io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	for len(line) < 1<<16 {
		n, err := r.Read(one)
		if n == 1 && one[0] == '\n' || err != nil {
			if err == io.EOF && len(line) > 0 {
				err = nil
			}
			return strings.TrimSuffix(string(line), "\r"), err
		}
		line = append(line, one[:n]...)
	}
	return "", slipway.Errorf(slipway.Invalid, "the line is too long")
}
