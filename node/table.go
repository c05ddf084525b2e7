package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/slipway-dev/slipway"
)

// route says where a host's requests go, or why nowhere.
type route struct {
	host     string   // by which it is counted
	names    []string // under which it is asked for; host is one of them
	branches []branch
	closed   string // what is answered instead, when there is nothing to send them to

	collections []collection // files that the edge serves by itself
}

// branch is a deployment that has a share of the requests.
type branch struct {
	deployment string   // as the answer names it
	home       string   // what it is counted under
	upstreams  []string // the doors of its instances
	weight     int      // of the sum of the weights
}

// table is where requests go, now. A request is counted for the deployment that
// it goes to before the table can change, and until it has its answer.
type table struct {
	ready chan struct{} // closed when the first routes are there
	once  sync.Once

	doors sync.Map // ports by door, of those that are open
	kept  sync.Map // ports whose servers keep connections for other requests
	// check gives a new connection to an instance back, or closes it.
	check func(net.Conn) (net.Conn, error)

	mu       sync.RWMutex
	routes   map[string]route
	backends map[string]*backend // by home
}

// backend is a deployment with the instances that it has now; with others it is
// another backend, so that the requests of the former can be waited for.
type backend struct {
	host      string
	upstreams []string
	doors     *sync.Map
	inFlight  atomic.Int64
	quiet     chan struct{} // has something in it after the last answer
	tally     *tally
}

func newTable() *table {
	return &table{ready: make(chan struct{}), routes: map[string]route{}, backends: map[string]*backend{}}
}

// set makes the routes the ones in force: once it returns no request goes where
// only the former ones say.
func (t *table) set(routes []route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.routes)
	named := map[string]bool{}
	for _, r := range routes {
		for _, name := range r.names {
			t.routes[name] = r
		}
		for _, b := range r.branches {
			named[b.home] = true
			next := &backend{host: r.host, upstreams: b.upstreams, doors: &t.doors, quiet: make(chan struct{}, 1), tally: &tally{}}
			if known := t.backends[b.home]; known == nil {
				t.backends[b.home] = next
			} else if !slices.Equal(known.upstreams, b.upstreams) {
				next.tally = known.tally
				t.backends[b.home] = next
			}
		}
	}
	for home, b := range t.backends {
		if !named[home] && b.inFlight.Load() == 0 && time.Since(b.tally.last()) > tallyKept {
			delete(t.backends, home)
		}
	}
	t.once.Do(func() { close(t.ready) })
}

// backend of a deployment; nil when it never had a route.
func (t *table) backend(home string) *backend {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.backends[home]
}

// traffic is what was counted for a host, by home.
func (t *table) traffic(host string, since, now time.Time) map[string][]slipway.Slice {
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

// errUnknown tells a name that nobody has.
var errUnknown = errors.New("no such host")

// take finds where a request to host goes and counts it there. bucket decides
// between branches.
func (t *table) take(host string, bucket func(split bool) int) (*backend, string, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r, known := t.routes[host]
	switch {
	case !known:
		return nil, "", errUnknown
	case len(r.branches) == 0:
		return nil, r.closed, nil
	}
	chosen := choose(r.branches, bucket(len(r.branches) > 1))
	b := t.backends[chosen.home]
	b.inFlight.Add(1)
	return b, chosen.deployment, nil
}

// routed tells whether requests to a host go to a deployment now.
func (t *table) routed(host string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.routes[host].branches) > 0
}

// buckets is how finely requests are dealt out: hundredths of a percent.
const buckets = 10_000

// choose deals by the last branch's share first: a client whose bucket is low
// goes to a canary early and stays there while its weight grows.
func choose(branches []branch, bucket int) branch {
	sum := 0
	for _, b := range branches {
		sum += b.weight
	}
	below := 0
	for k := len(branches) - 1; k > 0; k-- {
		below += branches[k].weight
		if bucket*sum < below*buckets {
			return branches[k]
		}
	}
	return branches[0]
}

func (b *backend) done(status int, took time.Duration) {
	b.tally.add(time.Now(), status, took)
	if b.inFlight.Add(-1) == 0 {
		select {
		case b.quiet <- struct{}{}:
		default:
		}
	}
}

// drain waits until every request has its answer, for at most limit.
func (b *backend) drain(ctx context.Context, limit time.Duration) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for b.inFlight.Load() > 0 {
		select {
		case <-b.quiet:
		case <-deadline.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// tables are those of the edges of this process by address.
var tables sync.Map

func init() {
	caddy.RegisterModule(director{})
	caddy.RegisterModule(instances{})
	caddy.RegisterModule(transport{})
}

// director is the handler that looks a request up in the table.
type director struct {
	Edge  string `json:"edge"`
	table *table
}

var _ caddyhttp.MiddlewareHandler = (*director)(nil)

func (director) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.slipway", New: func() caddy.Module { return new(director) }}
}

func (d *director) Provision(caddy.Context) error {
	t, there := tables.Load(d.Edge)
	if !there {
		return fmt.Errorf("no edge on %s", d.Edge)
	}
	d.table = t.(*table)
	return nil
}

type backendKey struct{}

// severalVar says that there is another instance to turn to.
const severalVar = "slipway.several"

func (d *director) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	select {
	case <-d.table.ready:
	case <-r.Context().Done():
		return r.Context().Err()
	}
	host := strings.ToLower(r.Host)
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(host, ".")
	drawn := -1
	draw := func(split bool) int {
		if drawn < 0 {
			drawn = bucket(w, r, split)
		}
		return drawn
	}
	if c, file := d.table.static(host, r, draw); file != nil {
		return c.serve(w, r, file)
	}
	var rest *body
	if d.table.routed(host) { // else its body is of no use to anybody
		var err error
		if rest, err = takeBody(r); err != nil {
			return say(w, http.StatusBadRequest, "The request's body ended before its end, or can't be read.\n")
		}
	}
	began := time.Now()
	b, deployment, err := d.table.take(host, draw)
	if err != nil {
		return say(w, http.StatusNotFound, "No service answers under this name. See what runs where with: slipway status\n")
	}
	if b == nil {
		return say(w, http.StatusServiceUnavailable, deployment)
	}
	stripForwarded(r)
	reply := &reply{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, deployment: deployment, rest: rest}
	defer func() { b.done(reply.status, time.Since(began)) }()
	several := "no"
	if b.opened() > 1 {
		several = "yes"
	}
	caddyhttp.SetVar(r.Context(), severalVar, several)
	err = next.ServeHTTP(reply, r.WithContext(context.WithValue(r.Context(), backendKey{}, b)))
	if err != nil && reply.status == 0 {
		reply.status = http.StatusBadGateway
		if refused, ok := errors.AsType[caddyhttp.HandlerError](err); ok {
			if refused.StatusCode == http.StatusServiceUnavailable { // no door is open: nobody listens
				refused.StatusCode = http.StatusBadGateway
				err = refused
			}
			reply.status = refused.StatusCode
		}
	}
	return err
}

func say(w http.ResponseWriter, status int, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
	return nil
}

const bucketCookie = "slipway_bucket"

// bucket is drawn anew for each request, but a browser keeps its own while the
// traffic is split: a page and what it loads come from the same release.
func bucket(w http.ResponseWriter, r *http.Request, split bool) int {
	if !split {
		return 0
	}
	if c, err := r.Cookie(bucketCookie); err == nil {
		if n, err := strconv.Atoi(c.Value); err == nil && n >= 0 && n < buckets {
			return n
		}
	}
	var seed [8]byte
	_, _ = rand.Read(seed[:])
	n := int(binary.BigEndian.Uint64(seed[:]) % buckets)
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.SetCookie(w, &http.Cookie{Name: bucketCookie, Value: strconv.Itoa(n), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}) // #nosec G124 -- a number that decides nothing but which release answers; the edge speaks http, too
	}
	return n
}

// instances gives the reverse proxy what the director found.
type instances struct{}

var _ reverseproxy.UpstreamSource = instances{}

func (instances) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.upstreams.slipway", New: func() caddy.Module { return new(instances) }}
}

func (instances) GetUpstreams(r *http.Request) ([]*reverseproxy.Upstream, error) {
	b, ok := r.Context().Value(backendKey{}).(*backend)
	if !ok {
		return nil, errors.New("the request was not looked up")
	}
	upstreams := make([]*reverseproxy.Upstream, 0, len(b.upstreams))
	for _, door := range b.upstreams {
		if port, open := b.doors.Load(door); open {
			upstreams = append(upstreams, &reverseproxy.Upstream{Dial: fmt.Sprintf("127.0.0.1:%d", port)})
		}
	}
	return upstreams, nil
}

// opened is how many of a backend's instances take requests.
func (b *backend) opened() (n int) {
	for _, door := range b.upstreams {
		if _, open := b.doors.Load(door); open {
			n++
		}
	}
	return n
}

// reply notes the status and says which deployment answered, whatever the
// service says.
type reply struct {
	*caddyhttp.ResponseWriterWrapper
	deployment string
	status     int
	rest       *body // of the request
}

func (a *reply) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
		a.Header().Set(slipway.ReleaseHeader, a.deployment)
		if a.rest != nil {
			a.rest.answered()
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *reply) Write(text []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(text)
}

func (a *reply) ReadFrom(r io.Reader) (int64, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriterWrapper.ReadFrom(r)
}
