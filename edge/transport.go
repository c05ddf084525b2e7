package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// transport is the reverse proxy's, with a look at whom each new connection has
// reached. It uses a connection once more only where the server is known to keep it.
type transport struct {
	*reverseproxy.HTTPTransport
	Edge  string          `json:"edge"`
	once  *http.Transport // each connection for one request
	fresh *http.Transport // for what is not sent again: connections that are idle for a moment at most
	table *table
}

// freshFor is how long a connection may have been idle over which a request goes that is
// not sent again. Servers keep one for a second or two (uvicorn can be told one, gunicorn has
// two), and a machine that is busy may let a part of that pass before the request is written.
const freshFor = 200 * time.Millisecond

func (transport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.transport.slipway", New: func() caddy.Module { return &transport{HTTPTransport: new(reverseproxy.HTTPTransport)} }}
}

// Provision makes the transport.
func (t *transport) Provision(ctx caddy.Context) error {
	found, there := tables.Load(t.Edge)
	if !there {
		return fmt.Errorf("no edge on %s", t.Edge)
	}
	t.table = found.(*table)
	if err := t.HTTPTransport.Provision(ctx); err != nil {
		return err
	}
	dial := t.Transport.DialContext
	// The kind of error after which the proxy turns to another instance, or waits,
	// can't be made outside of its package, and comes of an address that is none.
	_, refused := dial(context.Background(), "tcp", "")
	t.Transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			if conn, err = t.table.check(conn); err != nil {
				err = refused
			}
		}
		if s, ok := ctx.Value(sendingKey{}).(*sending); ok && err != nil && s.sent.Load() {
			// It went over a kept connection to a server that closed it, and is gone by
			// now: of all that may have ended it, this request is the likeliest.
			return nil, errSentBefore
		}
		return conn, err
	}
	t.once, t.fresh = t.Transport.Clone(), t.Transport.Clone()
	t.once.DisableKeepAlives = true
	t.fresh.IdleConnTimeout = freshFor
	return nil
}

// attempt is one at sending a request to an instance, over one connection after the
// other where the first ones turn out to be closed.
type attempt struct {
	sent  atomic.Bool   // some of it, over one of them
	fault atomic.Value  // the cause that its client gave: its body ended before its end, or can't be read
	limit time.Duration // for the instance to take more of it, or to begin an answer; 0 for none

	mu   sync.Mutex
	late *time.Timer // runs while it is the instance's turn
	over bool        // there is an answer, or there will be none
}

var (
	errSentBefore = errors.New("the instance closed the connection and is gone: it may have got the request, which is not sent again")
	// The reverse proxy takes these for a client that went away, and passes nobody over for
	// them: one request that takes long says nothing of others, nor does what a client sends.
	errLate   = fmt.Errorf("the instance did not answer in time: %w", context.Canceled)
	errBroken = fmt.Errorf("the client broke its body off, or wrote it wrongly: %w", context.Canceled)
)

// RoundTrip sends a request to the instance at its URL's port.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	s := sendingOf(req.Context())
	if s == nil {
		return nil, errNotLookedUp
	}
	a := &s.attempt
	if a.limit = s.Backend.limit; expectsEvents(req) {
		a.limit = 0
	}
	// The proxy's own trace, of this request alone, is told of more: to lay another one
	// over it takes as long as all the rest here.
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil {
		trace.WroteHeaders = func() { a.sent.Store(true) }
	}
	ctx, cancel := context.WithCancelCause(context.WithValue(req.Context(), sendingKey{}, s)) // ends with the request's own
	a.late = time.AfterFunc(cmp.Or(a.limit, math.MaxInt64), func() { cancel(errLate) })
	defer a.end()
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody && !s.small {
		req.Body = &turns{ReadCloser: req.Body, of: a}
	}
	t.SetScheme(req)
	by := t.once
	port, _ := strconv.Atoi(req.URL.Port())
	if name, known := t.table.named.Load(port); known {
		s.by = name.(string)
	}
	if _, kept := t.table.kept.Load(port); kept {
		if by = t.fresh; repeatable(req) {
			by = t.Transport
		}
	}
	res, err := by.RoundTrip(req)
	if err != nil && context.Cause(ctx) == errLate {
		s.why, err = late, errLate
	} else if fault, bad := a.fault.Load().(cause); bad && err != nil { // of which the transport's error need not tell
		s.why, err = fault, errBroken
	}
	if err == nil {
		t.table.streams.follow(res, port, cancel)
		if req.Method != http.MethodHead {
			readAhead(res, t.table.answersOf(s.host), s.bounds, s.client)
		}
		if res.StatusCode != http.StatusSwitchingProtocols {
			res.Body = &whole{res.Body, s}
		}
	}
	return res, err
}

// repeatable tells whether Go's transport sends a request once more where the server has
// closed the kept connection that it was written to.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return req.Body == nil || req.Body == http.NoBody
	}
	return false
}

// whole notes whether an instance breaks its answer off.
type whole struct {
	io.ReadCloser
	of *sending
}

func (w *whole) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	// One that is cancelled is its client's, or the edge's own doing.
	if err != nil && err != io.EOF && !errors.Is(err, context.Canceled) {
		w.of.cut = true
	}
	return n, err
}

// expectsEvents tells whether the client asks for a stream of events. Servers that send an
// answer's head with its first piece begin it when something happens, and not before.
func expectsEvents(req *http.Request) bool {
	return slices.ContainsFunc(req.Header.Values("Accept"), func(kinds string) bool {
		return strings.Contains(strings.ToLower(kinds), "text/event-stream")
	})
}

// end stops the clock for good.
func (a *attempt) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	a.late.Stop()
}

// turns stops an attempt's clock while the client is waited for, and notes whether what
// comes of it is whole.
type turns struct {
	io.ReadCloser
	of *attempt
}

func (t *turns) Read(p []byte) (int, error) {
	t.of.late.Stop()
	n, err := t.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		t.of.fault.Store(faultOf(err))
	}
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	if !t.of.over {
		t.of.late.Reset(cmp.Or(t.of.limit, math.MaxInt64))
	}
	return n, err
}
