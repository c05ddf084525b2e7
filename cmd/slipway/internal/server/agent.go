package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/secrets"
	"github.com/slipway-dev/slipway/adapters/target"
	"github.com/slipway-dev/slipway/artifact"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
	"github.com/slipway-dev/slipway/node"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/socket"
)

// NodeCommand is the node agent: it runs services and the edge, and outlives `up`.
type NodeCommand struct {
	Edge   string   `default:"127.0.0.1:7080" help:"Address of the edge, where services answer." env:"SLIPWAY_EDGE"`
	Space  int64    `name:"max-space" default:"10240" placeholder:"MIB" help:"What a service may keep on disk in an environment, in MiB, before it is told of; 0 is no bound." env:"SLIPWAY_MAX_SPACE"`
	Reads  []string `name:"service-reads" placeholder:"PATH" env:"SLIPWAY_SERVICE_READS" help:"What of this machine services may read beside the system and what is theirs; may be repeated."`
	Writes []string `name:"service-writes" placeholder:"PATH" env:"SLIPWAY_SERVICE_WRITES" help:"What of this machine services may change; may be repeated."`
}

func (c *NodeCommand) Run(a *cli.App) error {
	ctx := a.Context
	if c.Space < 0 || c.Space > 1<<30 {
		return slipway.Errorf(slipway.Invalid, "--max-space %d is not between 0 and %d", c.Space, 1<<30).At("--max-space")
	}
	store, err := secrets.Open(filepath.Join(a.Data, "secrets"))
	if err != nil {
		return err
	}
	log := newLogger(a.Stderr, slog.LevelInfo)
	n, err := node.Open(node.Options{Data: a.Data, Edge: c.Edge, Secrets: store.Get, Expand: expand, MaxMemory: instanceMemory(), MaxSpace: c.Space << 20,
		Verify:   func(ctx context.Context, digest slipway.Digest) error { return artifact.Verify(ctx, a.Data, digest) },
		Readable: c.Reads, Writable: c.Writes, Hold: true, Log: log})
	if err != nil {
		return err
	}
	return n.Run(ctx)
}

// instanceMemory bounds one instance to three quarters of the machine's memory,
// in bytes: a service that leaks is started again before it takes the others
// down with it. 0, no bound, where the machine doesn't tell how much it has.
func instanceMemory() int64 {
	var machine syscall.Sysinfo_t
	if err := syscall.Sysinfo(&machine); err != nil {
		return 0
	}
	return int64(machine.Totalram) / 4 * 3 * int64(machine.Unit) // #nosec G115 -- no machine's memory overflows an int64
}

// expand turns a process's command line into arguments as its author meant it.
func expand(command string, env func(string) string) ([]string, error) {
	return python.Command(command).Expand(env)
}

// startAgent returns the node agent of a data directory, starting one as a
// process of its own session when none answers.
func startAgent(ctx context.Context, data, edge string, log *slog.Logger) (slipway.NodeStatus, error) {
	client := target.Process(data)
	if status, err := client.Status(ctx); err == nil {
		if status.Edge != edge {
			log.Info("the node agent already runs; its edge stays where it is", "edge", status.Edge)
		}
		return status, nil
	}
	edge, err := freeEdge(data, edge)
	if err != nil {
		return slipway.NodeStatus{}, err
	}
	exited, err := spawnAgent(data, edge)
	if err != nil {
		return slipway.NodeStatus{}, slipway.Wrap(slipway.Internal, err, "the node agent can't be started")
	}
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-poll.C:
			if status, err := client.Status(ctx); err == nil {
				return status, nil
			}
		case <-exited:
			return slipway.NodeStatus{}, slipway.Errorf(slipway.Unavailable, "the node agent stopped at once; the reason is at the end of %s", cli.AgentLog(data))
		case <-deadline.C:
			return slipway.NodeStatus{}, slipway.Errorf(slipway.Unavailable, "the node agent did not answer within 20 s; see %s", cli.AgentLog(data))
		case <-ctx.Done():
			return slipway.NodeStatus{}, ctx.Err()
		}
	}
}

// freeEdge is the address of the edge as an agent is told it, if that can have it. It
// refuses a taken one in a sentence here, which would else be in the agent's log.
func freeEdge(data, edge string) (string, error) {
	held := node.HeldEdge(data)
	at, err := net.ResolveTCPAddr("tcp", edge)
	if err == nil && held == at.String() {
		return held, nil // clients of an agent that is gone wait there
	}
	if held != "" {
		node.EndHeld(data) // nobody is to come back to it
	}
	probe, err := listenEdge(edge)
	if err != nil {
		return "", err
	}
	defer probe.Close()
	return probe.Addr().String(), nil
}

// spawnAgent starts `slipway node` detached; the channel closes when it exits.
func spawnAgent(data, edge string) (<-chan struct{}, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(cli.AgentLog(data)), 0o700); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(cli.AgentLog(data), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(self, "node", "--data", data, "--edge", edge)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	return exited, nil
}

// superviseAgent starts the node agent again when it dies, at once: clients of the edge
// wait for it. It adopts what runs.
func superviseAgent(ctx context.Context, data, edge string, log *slog.Logger) {
	client := target.Process(data)
	for ctx.Err() == nil {
		status, err := client.Status(ctx)
		if err == nil {
			awaitExit(ctx, status.PID)
			continue
		}
		if ctx.Err() != nil {
			return
		}
		log.Warn("the node agent is gone; starting it again")
		if _, err := startAgent(ctx, data, edge, log); err != nil && ctx.Err() == nil {
			log.Error("the node agent can't be started", "error", err)
			pause(ctx, agentAgain)
		}
	}
}

const (
	// agentLook is how often the node agent is asked whether it is there, besides what the
	// kernel tells of its end.
	agentLook = 2 * time.Second
	// agentAgain is the rest after a start that went wrong.
	agentAgain = 2 * time.Second
)

// awaitExit returns when a process ends, and after agentLook all the same.
func awaitExit(ctx context.Context, pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil { // a kernel without it
		pause(ctx, agentLook)
		return
	}
	defer unix.Close(fd)
	for began := time.Now(); ctx.Err() == nil && time.Since(began) < agentLook; {
		// In pieces, for the context's end.
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100) // #nosec G115 -- a descriptor is a C int
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// alive tells whether a process runs. One that has ended may still have its pid, until
// its parent has asked how, which the first process of a container does in its own time.
func alive(pid int) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return !errors.Is(err, unix.ESRCH) && syscall.Kill(pid, 0) == nil
	}
	defer unix.Close(fd)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0) // #nosec G115 -- a descriptor is a C int
	return n == 0 || err != nil
}

func pause(ctx context.Context, d time.Duration) {
	rest := time.NewTimer(d)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
}

// replaceAgent has an agent of another program, such as the version before an upgrade,
// make room for one of this program: the edge's sockets and the services stay, and those
// who connect meanwhile wait. It returns the agent that runs then.
func replaceAgent(ctx context.Context, data string, agent slipway.NodeStatus, log *slog.Logger) (slipway.NodeStatus, error) {
	if sameProgram(agent.PID) {
		return agent, nil
	}
	log.Warn("the node agent is of another version of slipway; one of this version takes over, and services go on", "process", agent.PID)
	if err := syscall.Kill(agent.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return agent, slipway.Wrap(slipway.Internal, err, "process %d of the node agent can't be asked to make room", agent.PID)
	}
	for began := time.Now(); ; pause(ctx, 5*time.Millisecond) {
		if !node.Runs(data) {
			return startAgent(ctx, data, agent.Edge, log)
		}
		switch {
		case ctx.Err() != nil:
			return agent, ctx.Err()
		case time.Since(began) > 20*time.Second:
			return agent, slipway.Errorf(slipway.Unavailable, "the node agent, process %d of another version of slipway, did not make room within 20 s; end it with kill -9 %d, which services survive, and start again", agent.PID, agent.PID)
		}
	}
}

// sameProgram tells whether a process runs the very file that this one does. Of one that
// can't be asked it says so, too.
func sameProgram(pid int) bool {
	its, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	own, unread := os.Stat("/proc/self/exe")
	return err != nil || unread != nil || os.SameFile(its, own)
}

func listenEdge(addr string) (net.Listener, error) {
	l, err := socket.Loopback(addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, slipway.Errorf(slipway.Conflict, "%s is in use by another program; choose another address for the edge with --edge", addr)
	}
	if err != nil {
		return nil, slipway.Wrap(slipway.Invalid, err, "--edge %s can't be opened; write it as 127.0.0.1:7080", addr).At("--edge")
	}
	return l, nil
}

// stopAgent stops the node agent with every service and waits until it is gone;
// none running is no error. It tells whether
// there was one.
func stopAgent(ctx context.Context, data string) (ran bool, err error) {
	client := target.Process(data)
	status, err := client.Status(ctx)
	if slipway.CodeOf(err) == slipway.Unavailable {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := client.Shutdown(ctx); err != nil {
		return true, err
	}
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		_, err := client.Status(ctx)
		if err != nil && !alive(status.PID) {
			return true, nil
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			return true, slipway.Errorf(slipway.Unavailable, "the services have stopped, but process %d of the node agent goes on; end it with: kill -9 %d", status.PID, status.PID)
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
}
