// Package engine runs a Temporal server inside this process, on SQLite in a
// file: durable workflows with nothing to install. Its ports are on loopback and
// answer nobody but this process.
package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	schema "go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"

	"github.com/slipway-dev/slipway"
)

// Namespace is where the platform's workflows live.
const Namespace = "slipway"

// Options configure an engine.
type Options struct {
	File string // the database; made when it is absent
	Log  *slog.Logger
}

// Engine is a running server and a client of it.
type Engine struct {
	server temporal.Server
	client client.Client
}

// program is what histories call the program that went on with them. Unless they are told,
// the engine's workers read all of its file for a sum, which takes half a second of a start.
func program() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return "slipway " + info.Main.Version
	}
	return "slipway"
}

// Start starts the server and returns when it takes requests. Workflows that a
// crash interrupted go on by themselves.
func Start(ctx context.Context, o Options) (*Engine, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ports, err := freePorts(8)
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the workflow engine finds no free port on this machine")
	}
	cfg := configuration(o.File, ports)
	if err := prepare(o.File, cfg); err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the workflow engine's database %s can't be opened: is the disk full?", o.File)
	}
	services, own, err := identities()
	if err != nil {
		return nil, slipway.Wrap(slipway.Internal, err, "the workflow engine's certificates can't be made")
	}
	worker.SetBinaryChecksum(program()) // before the server, whose own workers ask for it at once
	admit := admission{authorization.NewDefaultAuthorizer()}
	logger := serverLog{o.Log}
	server, err := temporal.NewServer(
		temporal.WithConfig(cfg), temporal.ForServices(temporal.DefaultServices), temporal.WithLogger(logger), temporal.WithNamespaceLogger(logger),
		temporal.WithStaticHosts(hosts(ports)), temporal.WithDynamicConfigClient(tuning()),
		temporal.WithTLSConfigFactory(services), temporal.WithAuthorizer(admit),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return admit }),
	)
	if err != nil {
		return nil, slipway.Wrap(slipway.Internal, err, "the workflow engine can't be set up")
	}
	if err := server.Start(); err != nil {
		return nil, slipway.Wrap(slipway.Internal, err, "the workflow engine can't be started")
	}
	e := &Engine{server: server}
	if err := e.connect(ctx, cfg.PublicClient.HostPort, own, o.Log); err != nil {
		e.Stop()
		return nil, err
	}
	return e, nil
}

// Client speaks to the engine; it is closed by Stop.
func (e *Engine) Client() client.Client { return e.client }

// Stop ends the engine. What runs is in the database and goes on at the next start.
func (e *Engine) Stop() {
	if e.client != nil {
		e.client.Close()
	}
	_ = e.server.Stop()
}

// connect waits until the server answers for the namespace.
func (e *Engine) connect(ctx context.Context, address string, own *tls.Config, log *slog.Logger) error {
	c, err := client.NewLazyClient(client.Options{HostPort: address, Namespace: Namespace, Identity: "slipway", Logger: clientLog{log},
		// The server is in this process: compressing costs more than it saves.
		ConnectionOptions: client.ConnectionOptions{TLS: own, GrpcCompression: &client.GrpcCompressionNone{}}})
	if err != nil {
		return slipway.Wrap(slipway.Internal, err, "the workflow engine can't be reached")
	}
	e.client = c
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: Namespace})
		if err == nil {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return slipway.Wrap(slipway.Unavailable, err, "the workflow engine did not get ready")
		}
	}
}

// prepare makes the schema and the namespace at the first start. The schema is
// made under another name and moved, so that a crash leaves no half database.
func prepare(file string, cfg *config.Config) error {
	sql := cfg.Persistence.DataStores[sqlite.PluginName].SQL
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		fresh := *sql
		fresh.DatabaseName = file + ".new"
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(fresh.DatabaseName + suffix)
		}
		// Without WAL, so that the file is whole when it is moved.
		fresh.ConnectAttributes = map[string]string{"mode": "rwc"}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := schema.SetupSchema(&fresh); err != nil {
			return err
		}
		if err := os.Rename(fresh.DatabaseName, file); err != nil {
			return err
		}
		if err := os.Chmod(file, 0o600); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	namespace, err := schema.NewNamespaceConfig(cfg.ClusterMetadata.CurrentClusterName, Namespace, false, nil)
	if err != nil {
		return err
	}
	return schema.CreateNamespaces(sql, namespace)
}

const loopback = "127.0.0.1"

// configuration is a whole cluster in one process, on loopback ports that were
// free a moment ago.
func configuration(file string, ports []int) *config.Config {
	frontend := net.JoinHostPort(loopback, strconv.Itoa(ports[0]))
	cfg := &config.Config{
		Persistence: config.Persistence{
			DefaultStore: sqlite.PluginName, VisibilityStore: sqlite.PluginName, NumHistoryShards: 1,
			DataStores: map[string]config.DataStore{sqlite.PluginName: {SQL: &config.SQL{
				PluginName: sqlite.PluginName, DatabaseName: file,
				// Plain names; without them a workflow costs four times as much.
				ConnectAttributes: map[string]string{"mode": "rwc", "journal_mode": "WAL", "synchronous": "NORMAL", "busy_timeout": "10000"},
			}}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: "active", CurrentClusterName: "active",
			ClusterInformation: map[string]cluster.ClusterInformation{"active": {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: frontend},
		Archival: config.Archival{
			History: config.HistoryArchival{State: "disabled"}, Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History: config.HistoryArchivalNamespaceDefaults{State: "disabled"}, Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		Services: map[string]config.Service{},
	}
	cfg.Global.Membership = config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: loopback}
	for i, name := range []string{"frontend", "history", "matching", "worker"} {
		cfg.Services[name] = config.Service{RPC: config.RPC{GRPCPort: ports[i], MembershipPort: ports[4+i], BindOnLocalHost: true}}
	}
	return cfg
}

// hosts tells the services where the others are, instead of gossip.
func hosts(ports []int) map[primitives.ServiceName]static.Hosts {
	all := map[primitives.ServiceName]static.Hosts{}
	for i, name := range []primitives.ServiceName{primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService} {
		all[name] = static.SingleLocalHost(net.JoinHostPort(loopback, strconv.Itoa(ports[i])))
	}
	return all
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", loopback+":0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
