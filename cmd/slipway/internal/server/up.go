// Package server is the platform put together on one machine, and the commands that
// run it: up, down, demo, and the node agent, which outlives them.
package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
	"github.com/slipway-dev/slipway/ingress"
	"github.com/slipway-dev/slipway/node"
	"github.com/slipway-dev/slipway/socket"
	"github.com/slipway-dev/slipway/workflows"
)

// UpCommand runs the platform, embedded, until it is told to stop.
type UpCommand struct {
	Listen       string        `default:"127.0.0.1:7070" help:"Address of the portal and the API; beyond loopback only with a certificate or behind a proxy." env:"SLIPWAY_LISTEN"`
	Edge         string        `default:"127.0.0.1:7080" help:"Address of the edge, where services answer." env:"SLIPWAY_EDGE"`
	Domain       string        `placeholder:"DOMAIN" env:"SLIPWAY_DOMAIN" help:"Base domain of services, such as apps.example.com: each is found as SERVICE.ENVIRONMENT.DOMAIN, too. Its names have to lead to the edge."`
	Database     string        `placeholder:"URL" env:"SLIPWAY_DATABASE" help:"Where rows are kept: postgres://user@host/name. SQLite in the data directory unless given. Set it in the environment when it holds a password."`
	Builds       int           `default:"2" help:"How many builds and tests run at once; services take turns." env:"SLIPWAY_BUILDS"`
	Rate         int           `name:"requests-per-minute" default:"1200" env:"SLIPWAY_REQUESTS_PER_MINUTE" help:"How many requests one account may make in a minute, and five times as many one address; 0 for no bound."`
	MaxBuild     time.Duration `name:"max-build-time" default:"1h" env:"SLIPWAY_MAX_BUILD_TIME" help:"How long a build, or a run of the tests, may take at most, whatever slipway.yaml asks for."`
	Disk         int64         `name:"build-disk" default:"10240" placeholder:"MIB" env:"SLIPWAY_BUILD_DISK" help:"What a build, or a run of the tests, may keep on disk meanwhile, in MiB, with the environment that it makes, before it is ended; 0 for no bound."`
	FetchPython  bool          `name:"fetch-python" env:"SLIPWAY_FETCH_PYTHON" help:"Have Pythons that a project needs and this machine lacks fetched by uv into the data directory, from its mirror (UV_PYTHON_INSTALL_MIRROR) or GitHub."`
	Streams      int           `name:"streams" default:"50" env:"SLIPWAY_STREAMS" help:"How many live pages, event streams and followed logs one account may have open, and five times as many one address; 0 for no bound."`
	Repositories []string      `name:"repositories" placeholder:"DIR" env:"SLIPWAY_REPOSITORIES" type:"path" help:"Directory of this machine below which accounts may name repositories by their path; repeat for each. Other paths are the operator's to add."`
	AsRoot       bool          `name:"as-root" env:"SLIPWAY_AS_ROOT" help:"Listen beyond loopback as root, too: for a machine or container that has nothing else on it."`
	networkFlags
	outgoingFlags
}

// streams is the bound as the platform wants it, where 0 means "as usual".
func (c *UpCommand) streams() int {
	if c.Streams <= 0 {
		return -1
	}
	return c.Streams
}

// buildDisk is the bound as the builder wants it, where 0 means "as usual".
func (c *UpCommand) buildDisk() int64 {
	if c.Disk == 0 {
		return -1
	}
	return c.Disk << 20
}

// requests is the bound as the API wants it, where 0 means "as usual".
func (c *UpCommand) requests() int {
	if c.Rate <= 0 {
		return -1
	}
	return c.Rate
}

// networkFlags say how the platform is protected on a network.
type networkFlags struct {
	PublicURL   string   `name:"public-url" placeholder:"URL" env:"SLIPWAY_PUBLIC_URL" help:"What people open, such as https://slipway.example.com; found out from the certificate unless given."`
	TLSCert     string   `name:"tls-cert" placeholder:"FILE" env:"SLIPWAY_TLS_CERT" type:"path" help:"Certificate with its chain, PEM; read again when it changes."`
	TLSKey      string   `name:"tls-key" placeholder:"FILE" env:"SLIPWAY_TLS_KEY" type:"path" help:"Its key, PEM."`
	ACME        []string `name:"acme" placeholder:"HOST" env:"SLIPWAY_ACME" help:"Have a certificate for this host made and renewed by ACME; agrees to the authority's terms."`
	ACMEEmail   string   `name:"acme-email" placeholder:"EMAIL" env:"SLIPWAY_ACME_EMAIL" help:"Where the authority writes to."`
	ACMECA      string   `name:"acme-ca" placeholder:"URL" env:"SLIPWAY_ACME_CA" help:"The authority's ACME directory; Let's Encrypt unless given."`
	ACMECARoot  string   `name:"acme-ca-root" placeholder:"FILE" env:"SLIPWAY_ACME_CA_ROOT" type:"path" help:"Roots by which the authority's own server is trusted, PEM."`
	Proxies     []string `name:"trusted-proxy" placeholder:"ADDRESS" env:"SLIPWAY_TRUSTED_PROXY" help:"Address or network of a proxy with TLS that stands in front; repeat for each."`
	ProxyHeader string   `name:"proxy-header" enum:"x-forwarded-for,forwarded" default:"x-forwarded-for" env:"SLIPWAY_PROXY_HEADER" help:"What the proxies write: x-forwarded-for (with -proto and -host) or forwarded (RFC 7239)."`
	Redirect    string   `name:"redirect" placeholder:"ADDRESS" env:"SLIPWAY_REDIRECT" help:"Also answer in clear here, such as on :80: sends everybody to https, and proves the host by HTTP-01."`
}

// ingress is how the platform is reached.
func (f networkFlags) ingress(listen, data string, log *slog.Logger) ingress.Options {
	return ingress.Options{
		Listen: listen, PublicURL: f.PublicURL, Cert: f.TLSCert, Key: f.TLSKey, Redirect: f.Redirect,
		ACME:    ingress.ACME{Hosts: f.ACME, Email: f.ACMEEmail, CA: f.ACMECA, CARoot: f.ACMECARoot, Storage: filepath.Join(data, "acme")},
		Proxies: f.Proxies, Forwarded: f.ProxyHeader == "forwarded", Peers: socket.NewPeers(), Log: log,
	}
}

func (c *UpCommand) Help() string {
	return `Starts storage, the workflow engine, a worker and the API in this process, and
the node agent with the edge in another one that outlives it. Ctrl-C stops the
platform; services go on. slipway down stops everything.

On a network, calls to addresses that people give (git, webhooks) go to the
internet only; --allow-outgoing admits more (docs/security.md).

On a network (docs/network.md) it wants TLS: your own certificate, one by ACME,
or a proxy in front that you name; and a user other than root, or --as-root.

Examples:
  slipway up
  slipway up --domain apps.example.com --edge 0.0.0.0:80
  slipway up --data ./data --listen 127.0.0.1:7171 --edge 127.0.0.1:7181
  slipway up --database postgres://slipway@db.example.com/slipway --builds 4
  slipway up --listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem
  slipway up --listen 0.0.0.0:443 --acme slipway.example.com --acme-email ops@example.com
  slipway up --listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem --allow-outgoing git.corp.example --allow-outgoing 10.1.0.0/16
  slipway up --listen 10.0.0.7:7070 --trusted-proxy 10.0.0.2 --public-url https://slipway.example.com`
}

func (c *UpCommand) Run(a *cli.App) error {
	ctx := a.Context
	if c.Builds < 1 || c.Builds > 64 {
		return slipway.Errorf(slipway.Invalid, "--builds %d is not between 1 and 64", c.Builds)
	}
	if c.MaxBuild < time.Minute || c.MaxBuild > workflows.LongestBuild {
		return slipway.Errorf(slipway.Invalid, "--max-build-time %s is not between 1m and %s", c.MaxBuild, workflows.LongestBuild)
	}
	if c.Disk < 0 || c.Disk > 1<<30 {
		return slipway.Errorf(slipway.Invalid, "--build-disk %d is not between 0 and %d MiB", c.Disk, 1<<30)
	}
	root := os.Geteuid() == 0
	if root && !c.AsRoot && !onLoopback(c.Listen) {
		return slipway.Errorf(slipway.Invalid, "as root the platform listens on loopback only: run it as a user of its own, or say --as-root where the machine has nothing else on it")
	}
	began := time.Now()
	log := newLogger(a.Stderr, slog.LevelWarn)
	p, err := startEmbedded(ctx, a.Data, setup{ingress: c.ingress(c.Listen, a.Data, log), outgoing: c.outgoingFlags, edge: c.Edge, domain: c.Domain, database: c.Database, builds: c.Builds, requests: c.requests(),
		maxBuild: c.MaxBuild, buildDisk: c.buildDisk(), fetchPython: c.FetchPython, streams: c.streams(), repositories: c.Repositories}, log)
	if err != nil {
		return err
	}
	defer p.stop()
	fmt.Fprintf(a.Stdout, "Slipway is up after %.1f s.\n", time.Since(began).Seconds())
	fmt.Fprintf(a.Stdout, "  portal    %s/\n  API       %s/api/v1/\n", p.portal, p.URL)
	fmt.Fprintf(a.Stdout, "  services  %s\n", serviceURL("SERVICE", "ENVIRONMENT", p.domain, p.Edge))
	fmt.Fprintf(a.Stdout, "  data      %s\n", a.Data)
	if root {
		fmt.Fprintln(a.Stdout, "  user      root; better a user of its own: slipway doctor says what holds the code of projects here")
	}
	if err := p.inviteAdmin(ctx, a.Stdout); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.Stdout, "Stopping the platform; services go on. Stop them with: slipway down")
		return nil
	case err := <-p.failed:
		return fmt.Errorf("the API stopped: %w", err)
	}
}

// inviteAdmin prints the link by which the first admin is made, while there is none. Who
// stops the platform at that moment stops it in order, and gets the link the next time.
func (p *embedded) inviteAdmin(ctx context.Context, w io.Writer) error {
	invited, first, err := p.core.SetUp(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil || !first {
		return err
	}
	_, err = fmt.Fprintf(w, "There is no admin yet. Make one, once, within a day: open\n  %s\nor give it to slipway login --invitation.\n"+
		"Until then, commands on this machine that can read the data directory act as its operator.\n", p.core.InvitationURL(invited))
	return err
}

// DownCommand stops the platform, the node agent and every service.
type DownCommand struct{}

func (c *DownCommand) Help() string {
	return `Stops the platform on a data directory, the node agent, the edge and every
service it runs. Nothing is deleted: the next slipway up starts them again.

Examples:
  slipway down
  slipway down --data ./data`
}

func (c *DownCommand) Run(a *cli.App) error {
	ctx := a.Context
	up, err := stopUp(ctx, a.Data)
	if err != nil {
		return err
	}
	agent, err := stopAgent(ctx, a.Data)
	if err == nil && !agent && node.ServicesRun(a.Data) {
		// Who watched them was killed. One that is started finds them, and ends them.
		if _, err := startAgent(ctx, a.Data, "127.0.0.1:0", slog.New(slog.DiscardHandler)); err != nil {
			return slipway.Wrap(slipway.Unavailable, err, "services go on without their node agent, and it can't be started to stop them; the end of %s says why", cli.AgentLog(a.Data))
		}
		agent, err = stopAgent(ctx, a.Data)
	}
	if err != nil {
		return err
	}
	node.EndHeld(a.Data) // of an agent that was killed
	if !up && !agent {
		fmt.Fprintf(a.Stdout, "Nothing ran on %s.\n", a.Data)
		return nil
	}
	fmt.Fprintln(a.Stdout, "Slipway is down: platform, edge and services have stopped.")
	return nil
}

// stopUp ends the platform's process and waits until it has let go of the data
// directory. It tells whether there was one.
func stopUp(ctx context.Context, data string) (ran bool, err error) {
	holder := &embedded{log: slog.New(slog.DiscardHandler)}
	if _, err := os.Stat(data); os.IsNotExist(err) {
		return false, slipway.Errorf(slipway.NotFound, "there is no platform in %s; name its directory with --data", data)
	}
	if err := holder.lock(data); err == nil {
		holder.stop()
		return false, nil
	}
	r, err := cli.ReadRunning(data)
	if err != nil {
		return false, slipway.Wrap(slipway.Conflict, err, "a platform is just starting or stopping on %s; try again in a moment", data)
	}
	if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil {
		return false, slipway.Wrap(slipway.Internal, err, "process %d of the platform can't be stopped", r.PID)
	}
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(25 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-poll.C:
			if holder.lock(data) == nil {
				holder.stop()
				return true, nil
			}
		case <-deadline.C:
			return false, slipway.Errorf(slipway.Unavailable, "process %d of the platform did not stop within 30 s; end it with: kill -9 %d", r.PID, r.PID)
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
}
