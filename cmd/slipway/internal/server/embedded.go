package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/build"
	"github.com/slipway-dev/slipway/adapters/courier"
	"github.com/slipway-dev/slipway/adapters/openid"
	"github.com/slipway-dev/slipway/adapters/secrets"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/adapters/target"
	"github.com/slipway-dev/slipway/adapters/verify"
	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/project"
	"github.com/slipway-dev/slipway/egress"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/ingress"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/socket"
	"github.com/slipway-dev/slipway/web"
	"github.com/slipway-dev/slipway/workflows"
	"github.com/slipway-dev/slipway/workflows/engine"
)

// embedded is the whole platform in this process, but for the node agent,
// which is a process of its own and outlives it.
type embedded struct {
	cli.Running
	domain  string // of services; "" for slipway.LocalDomain
	portal  string // what people open, without a slash at its end
	core    *platform.Platform
	log     *slog.Logger
	guard   *egress.Guard // of calls to addresses that users give
	closers []func()
	failed  chan error
}

// setup is how a platform is reached, where it keeps its rows, and how much it does at once.
type setup struct {
	ingress  ingress.Options
	outgoing outgoingFlags
	edge     string
	domain   string // the base domain of services; "" for slipway.LocalDomain
	database string // "" for SQLite in the data directory
	builds   int    // 0 for the default
	requests int    // api.Options.RequestsPerMinute

	maxBuild     time.Duration // 0 for the default
	fetchPython  bool
	buildDisk    int64    // build.Options.MaxDisk
	streams      int      // platform.Options.Streams
	repositories []string // below which accounts may name paths
}

// startEmbedded starts storage, engine, worker and API on a data directory,
// and the node agent beside them when none runs. What it started is stopped
// again when it returns an error.
func startEmbedded(ctx context.Context, data string, how setup, log *slog.Logger) (_ *embedded, err error) {
	p := &embedded{log: log, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			p.stop()
		}
	}()
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, slipway.Wrap(slipway.Invalid, err, "the data directory %s can't be made; choose another with --data", data)
	}
	if err := closeData(data, log); err != nil {
		return nil, err
	}
	if err := p.lock(data); err != nil {
		return nil, err
	}
	way, err := ingress.Open(how.ingress)
	if err != nil {
		return nil, err
	}
	p.onStop(way.Close)
	names := ownNames(way, how.ingress.ACME.Hosts)
	if how.domain != "" {
		if p.domain, err = catalog.DomainName(how.domain); err == nil {
			err = slipway.CheckBase(p.domain, names)
		}
		if err != nil {
			return nil, err
		}
	}
	agent, err := startAgent(ctx, data, how.edge, log)
	if err != nil {
		return nil, err
	}
	p.Running = cli.Running{PID: os.Getpid(), Listen: way.Listener.Addr().String(), URL: way.PublicURL, Edge: agent.Edge}
	if p.URL == "" {
		p.URL = "http://" + p.Listen
	}
	p.portal = way.PortalURL

	if p.guard, err = how.outgoing.guard(way, how.ingress); err != nil {
		return nil, err
	}
	own, key, err := listenOperator(data)
	if err != nil {
		return nil, err
	}
	p.onStop(func() { _ = own.Close() })
	handler, err := p.assemble(ctx, data, how, way, key, names, agent)
	if err != nil {
		return nil, err
	}
	p.serve(handler, way.Listener, own)
	supervised, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.onStop(stop)
	if err := way.Start(supervised); err != nil {
		return nil, err
	}
	go superviseAgent(supervised, data, agent.Edge, log)
	return p, p.announce(data)
}

// assemble opens every room and connects them: storage, engine, adapters,
// platform, worker, API.
func (p *embedded) assemble(ctx context.Context, data string, how setup, way *ingress.Entrance, key socket.Key, names []string, agent slipway.NodeStatus) (*api.Server, error) {
	store, err := secrets.Open(filepath.Join(data, "secrets"))
	if err != nil {
		return nil, err
	}
	if how.database == "" {
		how.database = "sqlite://" + filepath.Join(data, "slipway.db")
	}
	storage, err := platform.OpenStorage(ctx, how.database)
	if err != nil {
		return nil, err
	}
	p.onStop(func() { _ = storage.Close() })
	temporal, err := engine.Start(ctx, engine.Options{File: filepath.Join(data, "temporal.db"), Log: p.log})
	if err != nil {
		return nil, err
	}
	p.onStop(temporal.Stop)
	repositories := source.New(p.guarded(source.Options{Dir: filepath.Join(data, "mirrors"), Secrets: store.Get, Repositories: how.repositories, Private: data, Log: p.log}))
	builder, renderer, err := project.NewBuilder(ctx, build.Options{Data: data, Longest: how.maxBuild, MaxDisk: how.buildDisk, FetchPython: how.fetchPython, Version: cli.StampedVersion(), Log: p.log})
	if err != nil {
		return nil, err
	}
	// Only now: a platform that doesn't start leaves the agent that runs as it is.
	if _, err := replaceAgent(ctx, data, agent, p.log); err != nil {
		return nil, err
	}
	node := target.Process(data)
	core := platform.New(platform.Options{
		Storage: storage, Temporal: temporal.Client(), Inventory: node, Renderer: renderer, Log: p.log, Version: cli.StampedVersion(),
		Settings: identity.Settings{Address: p.portal, Streams: how.streams, OpenID: openid.New(p.guard.Client(egress.Bounds{Timeout: 15 * time.Second}))},
		Courier:  courier.New(courier.Options{Client: p.guard.Client(egress.Bounds{Timeout: 15 * time.Second}), Resolve: p.guard.Resolve, Version: cli.Version()}),
		Ports: catalog.Ports{
			Source: repositories, Paths: repositories, Target: node, Secrets: store, Builder: builder, FetchPython: how.fetchPython,
			Interpreters: func(ctx context.Context) ([]python.Interpreter, error) { return build.FindInterpreters(ctx, data) },
			URL: func(service, environment string) string {
				return serviceURL(service, environment, p.domain, p.Edge)
			},
			Nodes: func(ctx context.Context) ([]slipway.NodeStatus, error) {
				status, err := node.Status(ctx)
				return []slipway.NodeStatus{status}, err
			},
			Edge: node, BaseDomain: p.domain, OwnNames: names, OneMachine: onLoopback(p.Edge),
		},
	})
	if err := core.Answer(ctx); err != nil { // it is tried again while the platform runs
		p.log.Warn("the edge could not be told of host names", "error", err)
	}
	earlier, err := core.LocalRepositories(ctx)
	if err != nil {
		return nil, err
	}
	if err := repositories.AdmitEarlier(earlier); err != nil {
		return nil, err
	}
	if err := core.BindCredentials(ctx); err != nil {
		return nil, fmt.Errorf("bind git credentials to their servers: %w", err)
	}
	ledger := platform.NewLedger(storage)
	gates := &platform.Gates{Ledger: ledger, Source: repositories, Target: node, Builder: builder, Renderer: renderer, Secrets: store}
	worker := workflows.NewWorker(temporal.Client(), &workflows.Steps{
		Source: repositories, Builder: builder, Renderer: renderer, Target: node, Rehearser: node, Verifier: verify.New(),
		Ledger: ledger, Snapshots: ledger, Queue: core, Deliveries: core,
		Gates: gates, Warrants: gates, Names: core, Work: filepath.Join(data, "work"), Log: p.log,
	}, workflows.Options{Builds: how.builds, Shared: core.SeveralTeams})
	core.Abandon(ctx, engine.Namespace)
	if err := worker.Start(); err != nil {
		return nil, fmt.Errorf("start the worker: %w", err)
	}
	p.onStop(worker.Stop)
	if err := core.Recover(ctx); err != nil {
		return nil, fmt.Errorf("take up unfinished promotions: %w", err)
	}
	p.core = core
	tending, rest := context.WithCancel(context.Background())
	tended := make(chan struct{})
	go func() { defer close(tended); core.Tend(tending, platform.Tending{}) }()
	p.onStop(func() { rest(); <-tended })
	portal, err := web.New(web.Options{Platform: core, OwnHost: way.OwnHost, Log: p.log, Version: cli.Version()})
	if err != nil {
		return nil, err
	}
	return api.NewServer(api.Options{Platform: core, Log: p.log, Version: cli.Version(), Commit: cli.Commit(), Listen: p.Listen, Portal: portal, PublicURL: way.PublicURL, Front: way.Handler, Connected: way.Connected, RequestsPerMinute: how.requests, SocketKey: key})
}

// serviceURL is where the edge serves by default names.
func serviceURL(service, environment, domain, edge string) string {
	host := slipway.DefaultHost(service, environment, domain)
	if port := portOf(edge); port != "80" {
		host = net.JoinHostPort(host, port)
	}
	return "http://" + host
}

// ownNames are the host names under which the platform itself is reached.
func ownNames(way *ingress.Entrance, acme []string) []string {
	names := slices.Clone(acme)
	for _, address := range []string{way.PublicURL, way.PortalURL} {
		if u, err := url.Parse(address); err == nil && u.Hostname() != "" && net.ParseIP(u.Hostname()) == nil {
			names = append(names, u.Hostname())
		}
	}
	for i, name := range names {
		names[i] = strings.ToLower(strings.TrimSuffix(name, "."))
	}
	return names
}

// serve answers the API until stop; a listener that breaks ends the platform.
func (p *embedded) serve(server *api.Server, listeners ...net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(ctx, listeners...); err != nil {
			p.failed <- err
		}
	}()
	p.onStop(func() { cancel(); <-ended })
}

// lockPatience is how long a lock is waited for whose holder is no platform that runs.
const lockPatience = 5 * time.Second

// lock makes this process the only platform on a data directory. The lock dies
// with the process, however it dies.
func (p *embedded) lock(data string) error {
	file, err := os.OpenFile(filepath.Join(data, "up.lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return slipway.Wrap(slipway.Invalid, err, "the data directory %s can't be written; choose another with --data", data)
	}
	// A process that the last platform was starting when it was killed holds the lock
	// until it has become the program that it was to be.
	for began := time.Now(); ; <-time.After(20 * time.Millisecond) {
		if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			break
		}
		if r, unread := cli.ReadRunning(data); unread == nil && alive(r.PID) || time.Since(began) > lockPatience {
			break
		}
	}
	if err != nil {
		_ = file.Close()
		if r, err := cli.ReadRunning(data); err == nil {
			return slipway.Errorf(slipway.Conflict, "a platform already runs on %s (process %d, %s); stop it with: slipway down --data %s", data, r.PID, r.Address(), data)
		}
		return slipway.Errorf(slipway.Conflict, "a platform already runs on %s; stop it with: slipway down --data %s", data, data)
	}
	p.onStop(func() { _ = file.Close() })
	return nil
}

// announce writes DATA/up.json, by which the other commands find the platform.
func (p *embedded) announce(data string) error {
	name := filepath.Join(data, "up.json")
	text, err := json.Marshal(p.Running)
	if err != nil {
		return err
	}
	if err = os.WriteFile(name+".new", text, 0o600); err == nil {
		p.onStop(func() { _ = os.Remove(name) })
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "%s can't be written: is the disk full? Free some space, then start again", name)
	}
	return nil
}

func (p *embedded) onStop(f func()) { p.closers = append(p.closers, f) }

// stop ends what startEmbedded started, the last first. The node agent and the
// services stay.
func (p *embedded) stop() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		p.closers[i]()
	}
	p.closers = nil
}

// newLogger writes the platform's own log as text.
func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// listenOperator opens the socket. The platform's lock is held.
func listenOperator(data string) (net.Listener, socket.Key, error) {
	return socket.Listen(data, cli.OperatorSocket)
}
