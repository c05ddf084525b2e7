package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-dev/slipway"
)

// Route says where a host's requests go, or why nowhere.
type Route struct {
	Host        string // by which it is counted
	Service     string
	Environment string
	Log         string   // where what the edge answers by itself is told; "" for nowhere
	Names       []string // under which it is asked for; host is one of them
	Branches    []Branch
	Closed      string // what is answered instead, when there is nothing to send them to
	Held        bool   // they wait here for now
	Silent      bool   // nobody takes any
	Bounds      Bounds // as its release states them

	Collections []Collection // files that the edge serves by itself
}

// Branch is a deployment that has a share of the requests.
type Branch struct {
	Deployment string // as the answer names it
	Home       string // what it is counted under
	Release    int
	Upstreams  []string      // the doors of its instances
	Weight     int           // of the sum of the weights
	Limit      time.Duration // for an instance to begin an answer; 0 for none
}

// table is where requests go, now. A request is counted for the deployment that
// it goes to before the table can change, and until it has its answer.
type table struct {
	ready chan struct{} // closed when the first routes are there
	once  sync.Once

	doors sync.Map // ports by door, of those that are open
	kept  sync.Map // ports whose servers keep connections for other requests
	named sync.Map // the instances that had a port last, by it
	// check gives a new connection to an instance back, or closes it.
	check func(net.Conn) (net.Conn, error)

	streams streams // that instances answer with
	// DrainWithin is what a deployment without traffic may take for what it has.
	DrainWithin time.Duration

	dir     string   // for bodies of requests
	spools  sync.Map // by host
	answers sync.Map // spools of answers, by host
	pace    Pace     // of clients, where nobody states another one

	Patience time.Duration // of a request that no instance takes
	Hold     time.Duration // for which one waits at most where requests are held, unless its service says otherwise

	mu       sync.RWMutex
	routes   map[string]*Route    // what is in it never changes: there are new ones
	changed  chan struct{}        // closed when the routes are others
	backends map[string]*Backend  // by home
	unserved map[string]*unserved // by host
	nobody   unserved             // what was asked for under no name of a service
}

// Backend is a deployment with the instances that it has now; with others it is
// another backend, so that the requests of the former can be waited for.
type Backend struct {
	host      string
	release   int
	upstreams []string
	limit     time.Duration
	doors     *sync.Map
	inFlight  atomic.Int64
	waiting   atomic.Int64  // requests that nobody has taken yet
	quiet     chan struct{} // has something in it after the last answer
	tally     *tally
}

func newTable() *table {
	return &table{DrainWithin: drainLimit, pace: Pace{clientIdle, bodyGrace, bodyRate}, ready: make(chan struct{}), Patience: reachWithin, Hold: HoldWithin, changed: make(chan struct{}), routes: map[string]*Route{}, backends: map[string]*Backend{}, unserved: map[string]*unserved{}}
}

// Set makes the routes the ones in force: once it returns no request goes where
// only the former ones say.
func (t *table) Set(routes []Route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.routes)
	named, asked := map[string]bool{}, map[string]bool{}
	for _, r := range routes {
		asked[r.Host] = true
		if t.unserved[r.Host] == nil {
			t.unserved[r.Host] = &unserved{service: r.Service, environment: r.Environment, file: r.Log}
		}
		for _, name := range r.Names {
			t.routes[name] = &r
		}
		for _, b := range r.Branches {
			named[b.Home] = true
			next := &Backend{host: r.Host, release: b.Release, upstreams: b.Upstreams, limit: b.Limit, doors: &t.doors, quiet: make(chan struct{}, 1), tally: &tally{}}
			if known := t.backends[b.Home]; known == nil {
				t.backends[b.Home] = next
			} else if !slices.Equal(known.upstreams, b.Upstreams) {
				next.tally = known.tally
				t.backends[b.Home] = next
			}
		}
	}
	for home, b := range t.backends {
		if !named[home] && b.inFlight.Load() == 0 && time.Since(b.tally.last()) > CountedFor {
			delete(t.backends, home)
		}
	}
	for host := range t.unserved {
		if !asked[host] {
			delete(t.unserved, host)
		}
	}
	close(t.changed)
	t.changed = make(chan struct{})
	t.once.Do(func() { close(t.ready) })
}

// Backend of a deployment; nil when it never had a route.
func (t *table) Backend(home string) *Backend {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.backends[home]
}

// Traffic is what was counted for a host, by home.
func (t *table) Traffic(host string, since, now time.Time) map[string][]slipway.Slice {
	t.mu.RLock()
	defer t.mu.RUnlock()
	counted := map[string][]slipway.Slice{}
	for home, b := range t.backends {
		if b.host == host {
			counted[home] = b.tally.since(since, now)
		}
	}
	return counted
}

const (
	// drainLimit is how long a deployment that lost the traffic may take to end the
	// requests that it has, before it is stopped.
	drainLimit = 30 * time.Second
	// drainTold is how often it is told that it takes long.
	drainTold = 5 * time.Second
)

var (
	errUnknown = errors.New("no such host")        // nobody has the name
	errHeld    = errors.New("requests to it wait") // while one release makes room for another
)

// take finds where a request to host goes and counts it there; one that is held it
// doesn't count. bucket decides between branches.
func (t *table) take(host string, bucket func(split bool) int) (*Backend, string, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r, known := t.routes[host]
	switch {
	case !known || r.Silent:
		return nil, "", errUnknown
	case len(r.Branches) == 0:
		return nil, r.Closed, nil
	}
	chosen := &r.Branches[0]
	if len(r.Branches) > 1 {
		chosen = choose(r.Branches, bucket(true))
	}
	b := t.backends[chosen.Home]
	if r.Held {
		return b, chosen.Deployment, errHeld
	}
	b.inFlight.Add(1)
	return b, chosen.Deployment, nil
}

// find is where a request to a host would go now, and where it is noted when the edge
// answers it by itself.
func (t *table) find(host string) (*Route, *unserved) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r, known := t.routes[host]
	if !known {
		return &Route{}, &t.nobody
	}
	if u := t.unserved[r.Host]; u != nil {
		return r, u
	}
	return r, &t.nobody
}

// spoolOf is where bodies of requests to what is counted under a host are kept.
func (t *table) spoolOf(host string) *spool { return t.spool(&t.spools, host) }

// answersOf is where its answers are kept.
func (t *table) answersOf(host string) *spool { return t.spool(&t.answers, host) }

func (t *table) spool(all *sync.Map, host string) *spool {
	s, there := all.Load(host)
	if !there {
		s, _ = all.LoadOrStore(host, &spool{dir: t.dir})
	}
	return s.(*spool)
}

// OpenDoor lets requests to the instance behind a door, which listens at a port.
func (t *table) OpenDoor(door string, port int, instance string) {
	t.named.Store(port, instance)
	t.doors.Store(door, port)
}

// Opens tells whether a door leads to a port.
func (t *table) Opens(door string, port int) bool {
	at, open := t.doors.Load(door)
	return open && at == port
}

// CloseDoor takes an instance at a port out of what its door leads to. What it is asked by
// then goes on.
func (t *table) CloseDoor(door string, port int) {
	t.doors.CompareAndDelete(door, port)
	t.kept.Delete(port)
}

// Keeps notes that the server at a port keeps a connection for other requests. Of one that
// nobody says this of, each request has a connection of its own.
func (t *table) Keeps(port int) { t.kept.Store(port, true) }

// ForgetStreams drops what was open to an instance that has ended.
func (t *table) ForgetStreams(port int) { t.streams.forget(port) }

// EndStreams ends what is open to the instance at a port and would not end by itself, waits
// a moment until it is over, and says what that was; "" for nothing.
func (t *table) EndStreams(port int) string { return t.streams.endAll(port) }

// buckets is how finely requests are dealt out: hundredths of a percent.
const buckets = 10_000

// choose deals by the last branch's share first: a client whose bucket is low
// goes to a canary early and stays there while its weight grows.
func choose(branches []Branch, bucket int) *Branch {
	sum := 0
	for _, b := range branches {
		sum += b.Weight
	}
	below := 0
	for k := len(branches) - 1; k > 0; k-- {
		below += branches[k].Weight
		if bucket*sum < below*buckets {
			return &branches[k]
		}
	}
	return &branches[0]
}

func (b *Backend) done(status int, took time.Duration) {
	b.tally.add(time.Now(), status, took)
	b.leave()
}

// leave lets go of a request that was counted.
func (b *Backend) leave() {
	if b.inFlight.Add(-1) == 0 {
		select {
		case b.quiet <- struct{}{}:
		default:
		}
	}
}

// Taken waits until an instance of the backend takes requests, for at most limit.
func (b *Backend) Taken(ctx context.Context, limit time.Duration) {
	for deadline := time.Now().Add(limit); b.opened() == 0 && time.Now().Before(deadline) && pause(ctx); {
	}
}

// Drain waits until every request has its answer, for at most limit. It tells now and
// then what it waits for; log may be nil.
func (b *Backend) Drain(ctx context.Context, limit time.Duration, log io.Writer) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	still := time.NewTicker(drainTold)
	defer still.Stop()
	for b.inFlight.Load() > 0 {
		select {
		case <-b.quiet:
		case <-still.C:
			if log != nil {
				fmt.Fprintf(log, "the old release still answers %d requests; they have up to %s\n", b.inFlight.Load(), limit)
			}
		case <-deadline.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
