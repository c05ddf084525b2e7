// Package node runs services on one machine: it starts, watches and adopts
// their processes, and routes traffic to them through the edge. It is a process
// of its own, so that the control plane can die without services noticing; and
// the services outlive it in turn.
package node

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/edge"
	"github.com/slipway-dev/slipway/socket"
)

// Options configure a node.
type Options struct {
	Data    string // the data directory
	Edge    string // where the edge listens, host:port
	Secrets func(context.Context, slipway.SecretRef) (slipway.Secret, error)
	// Expand turns a process's command line into arguments.
	Expand func(command string, env func(string) string) ([]string, error)
	// MaxMemory ends an instance that grows over it, in bytes resident; 0 is no bound.
	MaxMemory int64
	// Verify finds out whether an artifact is still what was built, before each start
	// of an instance and every CheckEvery, 0 for every 5 minutes; nil is no question.
	Verify     func(context.Context, slipway.Digest) error
	CheckEvery time.Duration
	// Readable and Writable are what services may read, or change, of this machine
	// beside the system and what is theirs.
	Readable, Writable []string
	// MaxSpace is what a service may keep on disk in an environment, in bytes, before
	// it is told of; 0 is no bound. It is measured every SpaceEvery, 0 for every 30 s.
	MaxSpace   int64
	SpaceEvery time.Duration
	// Hold has the edge's sockets outlive the agent, for the next one.
	Hold bool
	Log  *slog.Logger
}

// Node is a Target over the processes of this machine.
type Node struct {
	o    Options
	dir  string // DATA/node
	id   string // tells its processes from another node's on this machine
	lock *os.File
	edge *edge.Edge

	holder *socket.Holder // of the edge's sockets; nil where nobody holds them
	opened bool           // the sockets are this agent's own, and not an earlier one's
	last   atomic.Bool    // everything ends with this agent

	groups string // where control groups can be made

	started time.Time

	ctx  context.Context // ends when the agent begins to
	end  context.CancelFunc
	work sync.WaitGroup // what goes on without a caller

	routing sync.Mutex // one reroute at a time
	telling sync.Mutex // one change of the names at a time
	names   atomic.Pointer[naming]
	tenants sync.Map // instances by the port that they have now

	mu       sync.Mutex
	places   map[string]*place
	ports    map[int]bool
	quit     chan struct{}
	once     sync.Once
	quitting sync.Once
}

var _ slipway.Target = (*Node)(nil)

// Open takes a data directory over: it adopts the instances that run, starts
// those that should and don't, and opens the edge. A second agent on the same
// directory is refused.
func Open(o Options) (*Node, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	heard()
	ctx, end := context.WithCancel(context.Background())
	n := &Node{o: o, ctx: ctx, end: end, dir: filepath.Join(o.Data, "node"), started: time.Now().UTC(), places: map[string]*place{}, ports: map[int]bool{}, quit: make(chan struct{})}
	for _, sub := range []string{"state", "deployments", "logs", "data"} {
		if err := os.MkdirAll(filepath.Join(n.dir, sub), 0o700); err != nil {
			return nil, slipway.Wrap(slipway.Unavailable, err, "the node's directory %s can't be made", n.dir)
		}
	}
	if err := n.takeLock(); err != nil {
		return nil, err
	}
	if err := n.identify(); err != nil {
		_ = n.lock.Close()
		return nil, err
	}
	n.keepReserve()
	n.groups = findGroups(n.id)
	n.restoreNames()
	// The socket first: nothing is started that could not be reached.
	if err := n.open(); err != nil {
		_ = n.lock.Close()
		return nil, err
	}
	n.work.Go(n.watchSpace)
	err := n.restore()
	n.reroute()
	if err = errors.Join(err, n.announce()); err != nil {
		n.last.Store(n.opened)
		n.Close()
		return nil, err
	}
	if n.o.Hold {
		n.work.Go(func() { n.keepHeld(n.edge.Listener()) })
	}
	return n, nil
}

// open opens the edge.
func (n *Node) open() error {
	listen := edge.OpenSocket
	if n.o.Hold {
		listen = func(string) (net.Listener, error) { return n.openHeld() }
	}
	l, err := listen(n.o.Edge)
	if err != nil {
		return err
	}
	if n.edge, err = edge.Serve(l, n.o.Edge, filepath.Join(n.dir, "edge"), n.checked); err != nil {
		n.leaveHeld(n.opened)
	}
	return err
}

func (n *Node) takeLock() error {
	lock, err := os.OpenFile(filepath.Join(n.dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the node's directory can't be locked")
	}
	for began := time.Now(); ; <-time.After(5 * time.Millisecond) {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !n.o.Hold || time.Since(began) > lockWithin {
			break
		}
	}
	if err != nil {
		_ = lock.Close()
		return slipway.Errorf(slipway.Conflict, "a node agent already runs on %s", n.o.Data)
	}
	n.lock = lock
	return nil
}

// identify reads the node's id, and makes it the first time.
func (n *Node) identify() error {
	path := filepath.Join(n.dir, "id")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err = writeJSON(path, rand.Text()); err == nil {
			text, err = os.ReadFile(path)
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &n.id)
	}
	if err != nil || n.id == "" {
		return slipway.Wrap(slipway.Unavailable, err, "the node's id %s can't be read or written", path)
	}
	return nil
}

func (n *Node) announce() error {
	return writeJSON(filepath.Join(n.dir, "node.json"), slipway.NodeStatus{ID: n.id, PID: os.Getpid(), Edge: n.o.Edge, Started: n.started})
}

// Run serves the node's API until the context ends or a shutdown is asked for.
// Services go on when it returns, unless they were shut down.
func (n *Node) Run(ctx context.Context) error {
	server, err := n.listen()
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-n.quit:
	case err := <-server.failed:
		return err
	}
	n.end() // a deploy under way gives up, so that its caller has an answer
	server.close()
	n.Close()
	return nil
}

// Close lets go of the data directory and closes the edge. Instances and release
// commands go on; a change under way is left to the next agent. Where the edge's sockets
// are held, the next agent has the directory while this one still answers what it was
// asked before.
func (n *Node) Close() {
	n.once.Do(func() {
		n.end()
		stays := n.held() != nil && !n.last.Load()
		if stays {
			n.edge.StopAccepting()
		}
		n.mu.Lock()
		places := n.list()
		n.mu.Unlock()
		for _, p := range places {
			p.release()
		}
		n.work.Wait()
		if !stays {
			n.edge.Close()
		}
		n.leaveHeld(!stays)
		_ = os.Remove(filepath.Join(n.dir, "node.json"))
		_ = n.lock.Close()
		if stays {
			n.edge.Leave()
		}
	})
}

// Shutdown stops every service. They start again with the next agent. It waits
// for no deploy and no release command: the one gives up, the other goes on.
func (n *Node) Shutdown(ctx context.Context) error {
	n.end()
	n.mu.Lock()
	places := n.list()
	n.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range places {
		wg.Go(func() { p.stopAll(ctx) })
	}
	wg.Wait()
	n.last.Store(true)
	n.quitting.Do(func() { close(n.quit) })
	return nil
}

func (n *Node) list() []*place {
	all := make([]*place, 0, len(n.places))
	for _, p := range n.places {
		all = append(all, p)
	}
	return all
}

// at returns the place of a service in an environment, making it at first.
func (n *Node) at(service, environment string) *place {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := service + "." + environment
	p := n.places[key]
	if p == nil {
		p = newPlace(n, placeState{Service: service, Environment: environment})
		n.places[key] = p
	}
	return p
}

// find returns a place if it is known.
func (n *Node) find(service, environment string) *place {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.places[service+"."+environment]
}

// restore reads what the last agent wrote and takes its instances over.
func (n *Node) restore() error {
	files, err := filepath.Glob(filepath.Join(n.dir, "state", "*.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return slipway.Wrap(slipway.Unavailable, err, "the node's state can't be read")
		}
		var state placeState
		if err := json.Unmarshal(text, &state); err != nil {
			// Written by rename, so never half: a person has edited it.
			return slipway.Wrap(slipway.Unavailable, err, "the node's state %s is not readable; restore it or move it away", file)
		}
		p := newPlace(n, state)
		n.mu.Lock() // instances that were taken over run already
		n.places[state.Service+"."+state.Environment] = p
		n.mu.Unlock()
		p.adopt()
	}
	return nil
}
