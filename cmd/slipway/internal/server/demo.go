package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
	"github.com/slipway-dev/slipway/examples"
	"github.com/slipway-dev/slipway/ingress"
)

// DemoCommand runs the example services from git to production.
type DemoCommand struct {
	Once   bool   `help:"Stop everything again and exit 0 when all services serve from prod."`
	Listen string `default:"127.0.0.1:7070" help:"Address of the API; another free port is taken when it is in use." env:"SLIPWAY_LISTEN"`
	Edge   string `default:"127.0.0.1:7080" help:"Address of the edge; another free port is taken when it is in use." env:"SLIPWAY_EDGE"`
}

func (c *DemoCommand) Help() string {
	return `Starts the platform, makes git repositories of the example services, registers
them, promotes each through dev, test and prod, and leaves the platform up. Every
command it types is shown, so that you can type it too.

Examples:
  slipway demo
  slipway demo --once --data /tmp/demo`
}

func (c *DemoCommand) Run(a *cli.App) (err error) {
	ctx := a.Context
	data, repositories, done, err := c.directories(a)
	if err != nil {
		return err
	}
	defer done()
	p, err := startEmbedded(ctx, data, setup{ingress: ingress.Options{Listen: freeAddress(c.Listen)}, edge: freeAddress(c.Edge)}, newLogger(a.Stderr, slog.LevelError))
	if err != nil {
		return err
	}
	defer func() {
		p.stop()
		if c.Once {
			_, stopped := stopAgent(context.WithoutCancel(ctx), data)
			err = firstError(err, stopped)
		}
	}()
	fmt.Fprintf(a.Stdout, "The platform is up: portal %s/, services at %s, data in %s\n", p.portal, p.Edge, data)
	show := demonstration{edge: p.Edge, data: data, repositories: repositories, App: appOn(a, data)}
	if err := show.play(ctx); err != nil {
		return err
	}
	if c.Once {
		return nil
	}
	fmt.Fprintf(a.Stdout, "\nThe platform stays up until Ctrl-C. In another terminal, with --data %s or SLIPWAY_DATA=%s:\n  slipway status\n  slipway logs payments --env prod --follow\n  slipway rollback payments --env prod\n", data, data)
	if err := p.inviteAdmin(ctx, a.Stdout); err != nil {
		return err
	}
	<-ctx.Done()
	fmt.Fprintf(a.Stdout, "\nThe platform stops; the services go on. Stop them with: slipway down --data %s\n", data)
	return nil
}

// directories are where the demo keeps its data, apart from the reader's own
// platform, and the examples' repositories, which may not lie in it: nothing that
// the data directory holds is a repository. Both are gone afterwards with --once
// unless --data names the first.
func (c *DemoCommand) directories(a *cli.App) (data, repositories string, done func(), err error) {
	const beside = "-repositories"
	if a.DataNamed {
		return a.Data, a.Data + beside, func() {}, nil
	}
	if !c.Once {
		return a.Data + "-demo", a.Data + "-demo" + beside, func() {}, nil
	}
	tmp, err := os.MkdirTemp("", "slipway-demo-")
	return filepath.Join(tmp, "data"), filepath.Join(tmp, "data"+beside), func() { _ = os.RemoveAll(tmp) }, err
}

// appOn is the program as it is used with the platform of a data directory, wherever the
// reader's own commands go: to another server, by a profile, with a token.
func appOn(a *cli.App, data string) *cli.App {
	own := *a
	own.Data, own.DataNamed, own.Server, own.Profile = data, true, "", ""
	own.Env = func(name string) string {
		switch name {
		case "SLIPWAY_SERVER", "SLIPWAY_PROFILE", "SLIPWAY_TOKEN", "SLIPWAY_DATA":
			return ""
		}
		return a.Env(name)
	}
	return &own
}

// demonstration is the play: the example services go from git to prod.
type demonstration struct {
	edge, data, repositories string
	*cli.App
}

func (d demonstration) play(ctx context.Context) error {
	services, err := exampleServices()
	if err != nil {
		return err
	}
	for _, service := range services {
		repository, err := d.repository(ctx, service)
		if err != nil {
			return fmt.Errorf("make the repository of %s: %w", service, err)
		}
		if err := d.register(ctx, service, repository); err != nil {
			return err
		}
		for _, environment := range []string{"dev", "test", "prod"} {
			if err := d.promote(ctx, service, environment); err != nil {
				return err
			}
		}
	}
	if err := d.type_(ctx, "status"); err != nil {
		return err
	}
	return d.confirm(ctx, services)
}

// register adds a service; one that is there from an earlier demo is kept, and
// told where its repository is now.
func (d demonstration) register(ctx context.Context, service, repository string) error {
	found, err := cli.Call(d.App, func(ctx context.Context, c *client.ClientWithResponses) (*client.GetServiceResponse, error) {
		return c.GetServiceWithResponse(ctx, service)
	})
	if err == nil && found.JSON200 != nil {
		if found.JSON200.Url == repository {
			return nil
		}
		return d.type_(ctx, "service", "set", service, "--repository", repository)
	}
	if slipway.CodeOf(err) != slipway.NotFound {
		return err
	}
	return d.type_(ctx, "service", "add", repository, "--name", service)
}

// promote promotes and follows. Where the environment wants an approval, the
// only one there is gives it.
func (d demonstration) promote(ctx context.Context, service, environment string) error {
	if environment != "prod" {
		return d.type_(ctx, "promote", service, "--to", environment, "--follow")
	}
	if err := d.type_(ctx, "promote", service, "--to", environment); err != nil {
		return err
	}
	id, waits, err := d.waits(ctx, service, environment)
	if err != nil {
		return err
	}
	if waits {
		if err := d.type_(ctx, "approve", id, "--yes", "-m", "the demo approves itself"); err != nil {
			return err
		}
	}
	return d.type_(ctx, "promotion", "show", id, "--follow")
}

// waits waits until the newest promotion of a service waits at a gate or is over.
func (d demonstration) waits(ctx context.Context, service, environment string) (id string, waits bool, err error) {
	one := 1
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := cli.Call(d.App, func(ctx context.Context, c *client.ClientWithResponses) (*client.ListPromotionsResponse, error) {
			return c.ListPromotionsWithResponse(ctx, &client.ListPromotionsParams{Service: &service, Environment: &environment, Limit: &one})
		})
		if err != nil {
			return "", false, err
		}
		if found.JSON200 == nil || len(found.JSON200.Items) == 0 {
			return "", false, slipway.Errorf(slipway.Unavailable, "the promotion of %s to %s can't be found", service, environment)
		}
		p := found.JSON200.Items[0]
		if p.State == slipway.PromotionWaiting || p.State.Over() {
			return strconv.Itoa(p.Id), p.State == slipway.PromotionWaiting, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", false, ctx.Err()
		}
	}
}

// type_ shows a command as a reader would type it and runs it against the API.
func (d demonstration) type_(ctx context.Context, args ...string) error {
	shown := make([]string, len(args))
	for i, arg := range args {
		if shown[i] = arg; strings.Contains(arg, " ") {
			shown[i] = strconv.Quote(arg)
		}
	}
	fmt.Fprintf(d.Stdout, "\n$ slipway %s\n", strings.Join(shown, " "))
	return d.command(ctx, d.Stdout, args...)
}

// command runs a command with the demo's platform.
func (d demonstration) command(ctx context.Context, out io.Writer, args ...string) error {
	// Said empty, as the parser asks the reader's own environment for what isn't said.
	full := append([]string{"--data", d.data, "--server=", "--profile="}, args...)
	if code := d.Again(ctx, out, full...); code != 0 {
		return &cli.EndedError{Exit: code}
	}
	return nil
}

// confirm asks every service in every environment through the edge, and wants
// the same artifact everywhere.
func (d demonstration) confirm(ctx context.Context, services []string) error {
	fmt.Fprintln(d.Stdout)
	for _, service := range services {
		digests := map[string]bool{}
		for _, environment := range []string{"dev", "test", "prod"} {
			digest, err := d.digest(ctx, service, environment)
			if err != nil {
				return err
			}
			digests[digest] = true
			answer, err := d.ask(ctx, service, environment)
			if err != nil {
				return err
			}
			fmt.Fprintf(d.Stdout, "http://%s.%s.localhost:%s/  %s\n", service, environment, portOf(d.edge), answer)
		}
		if len(digests) != 1 {
			return slipway.Errorf(slipway.Internal, "%s runs different artifacts in dev, test and prod", service)
		}
		for digest := range digests {
			fmt.Fprintf(d.Stdout, "  the same artifact in dev, test and prod: %s\n", digest)
		}
	}
	return nil
}

func (d demonstration) digest(ctx context.Context, service, environment string) (string, error) {
	var out strings.Builder
	if err := d.command(ctx, &out, "--json", "status", service); err != nil {
		return "", err
	}
	return digestIn(out.String(), environment)
}

// ask fetches a service's first page through the edge, whatever the resolver
// thinks of its name.
func (d demonstration) ask(ctx context.Context, service, environment string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.edge+"/", nil)
	if err != nil {
		return "", err
	}
	req.Host = service + "." + environment + ".localhost"
	answer, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return "", slipway.Wrap(slipway.Refused, err, "%s does not answer in %s", service, environment)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", slipway.Errorf(slipway.Refused, "%s answers %s in %s", service, answer.Status, environment)
	}
	return strings.TrimSpace(string(body)), nil
}

// repository makes a git repository of an example, once.
func (d demonstration) repository(ctx context.Context, service string) (string, error) {
	dir := filepath.Join(d.repositories, service)
	if _, err := os.Stat(filepath.Join(dir, ".git", "HEAD")); err == nil {
		return "file://" + dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", err
	}
	tree, err := fs.Sub(examples.Files, service)
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, tree); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"add", "--all"},
		{"-c", "user.name=Slipway", "-c", "user.email=demo@slipway.example", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "The " + service + " example"},
	} {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", slipway.Wrap(slipway.Unavailable, err, "git %s failed: %s", args[0], strings.TrimSpace(string(out)))
		}
	}
	return "file://" + dir, nil
}

// digestIn finds what runs in an environment in the API's status.
func digestIn(status, environment string) (string, error) {
	var s client.Status
	if err := json.Unmarshal([]byte(status), &s); err != nil {
		return "", fmt.Errorf("read the status: %w", err)
	}
	for _, cell := range s.Cells {
		if cell.Environment == environment && cell.Artifact != "" {
			return string(cell.Artifact), nil
		}
	}
	return "", slipway.Errorf(slipway.Refused, "nothing runs in %s", environment)
}

func exampleServices() ([]string, error) {
	entries, err := fs.ReadDir(examples.Files, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// freeAddress returns addr when it can be opened, else a free port of its host.
func freeAddress(addr string) string {
	for _, a := range []string{addr, net.JoinHostPort(hostPart(addr), "0")} {
		if l, err := net.Listen("tcp", a); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	return addr
}

func hostPart(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "127.0.0.1"
	}
	return host
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
