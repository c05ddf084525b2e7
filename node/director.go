package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/slipway-dev/slipway"
)

// tables are those of the edges of this process by address.
var tables sync.Map

func init() {
	caddy.RegisterModule(director{})
	caddy.RegisterModule(instances{})
	caddy.RegisterModule(peers{})
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

func (d *director) Provision(ctx caddy.Context) error {
	t, there := tables.Load(d.Edge)
	if !there {
		return fmt.Errorf("no edge on %s", d.Edge)
	}
	if s, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		knowPeers(s)
	}
	d.table = t.(*table)
	return nil
}

// sending is a request on its way to a backend.
type sending struct {
	*backend
	// by is the instance that it went to last, and cut whether that broke its answer off.
	by     string
	cut    bool
	client *http.ResponseController
	// why it has no answer, where the reverse proxy was told that its client went away:
	// so nothing is held against the instance.
	why cause
}

type sendingKey struct{}

var errNotLookedUp = errors.New("the request was not looked up")

// severalVar says that there is another instance to turn to.
const severalVar = "slipway.several"

func (d *director) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	select {
	case <-d.table.ready:
	case <-r.Context().Done():
		return r.Context().Err()
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // that of the connection's last answer
	host := hostOf(r)
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
	own := d.table.unservedFor(host)
	answer := func(why cause, b *backend, by, detail string) error {
		own.add(why.status(), why, by, detail)
		return why.say(w, b)
	}
	var rest *body
	if service := d.table.routed(host); service != "" { // else its body is of no use to anybody
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &paced{ReadCloser: r.Body, pace: d.table.pace, control: control, known: r.ContentLength > 0}
		}
		kept, release, err := takeBody(r, d.table.spoolOf(service))
		if errors.Is(err, errSlow) {
			return answer(slow, nil, "", "")
		} else if err != nil {
			return answer(broken, nil, "", "")
		}
		defer release()
		rest = kept
	}
	setForwarded(r)
	began := time.Now()
	let := began // when it was last kept from being sent
	for {
		b, deployment, err := d.table.take(host, draw)
		if errors.Is(err, errHeld) {
			switch why := d.table.wait(r, host, b, began.Add(d.table.hold)); why {
			case again:
				let = time.Now()
				continue
			case "":
				return context.Canceled
			default:
				b.tally.add(time.Now(), why.status(), time.Since(began))
				return answer(why, b, "", fmt.Sprintf("one release makes room for another, and took longer than %s, or too many requests wait", d.table.hold))
			}
		}
		if err != nil {
			own.add(http.StatusNotFound, unknown, "", "")
			return say(w, http.StatusNotFound, "No service answers under this name. See what runs where with: slipway status\n")
		}
		if b == nil {
			own.add(http.StatusServiceUnavailable, closed, "", "")
			return say(w, http.StatusServiceUnavailable, deployment)
		}
		sent := &sending{backend: b, client: control}
		reply := &reply{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, deployment: deployment, rest: rest, control: control, idle: d.table.pace.idle}
		why, detail := d.try(reply, r, next, sent, own, began, let)
		switch {
		case why == again:
			if !b.queue() {
				b.tally.add(time.Now(), unreached.status(), time.Since(began))
				return answer(unreached, b, "", fmt.Sprintf("more than %d requests wait for an instance", holdMost))
			}
			stays := pause(r.Context())
			b.waiting.Add(-1)
			if !stays {
				return r.Context().Err()
			}
		case why == "" || reply.status != 0:
			return nil
		default:
			return answer(why, b, b.instance(sent.by), detail)
		}
	}
}

// try sends a request to one of a backend's instances.
func (d *director) try(reply *reply, r *http.Request, next caddyhttp.Handler, s *sending, own *unserved, began, let time.Time) (why cause, detail string) {
	b := s.backend
	defer func() { // also when the answer is cut, by either side, which is a panic
		if why == again {
			b.leave()
			return
		}
		status := reply.status
		if status == 0 {
			status = why.status()
		}
		if reply.unread {
			own.add(0, unread, b.instance(s.by), "")
		} else if s.cut {
			own.add(0, brokenOff, b.instance(s.by), "")
		}
		_ = reply.control.SetWriteDeadline(time.Now().Add(reply.idle)) // for what is written last
		b.done(status, time.Since(began))
	}()
	why = unreached
	if opened := b.opened(); opened > 0 {
		several := "no"
		if opened > 1 {
			several = "yes"
		}
		caddyhttp.SetVar(r.Context(), severalVar, several)
		err := next.ServeHTTP(reply, r.WithContext(context.WithValue(r.Context(), sendingKey{}, s)))
		why, detail = cmp.Or(s.why, causeOf(err)), detailOf(err)
	}
	if why != unreached {
		return why, detail
	} else if time.Since(let) < d.table.patience {
		return again, ""
	}
	return why, fmt.Sprintf("for %s no instance took it: none listens, or none is healthy", d.table.patience)
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
	s, ok := r.Context().Value(sendingKey{}).(*sending)
	if !ok {
		return nil, errNotLookedUp
	}
	upstreams := make([]*reverseproxy.Upstream, 0, len(s.upstreams))
	for _, door := range s.upstreams {
		if port, open := s.doors.Load(door); open {
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
	unread     bool  // its client took nothing of it for too long
	rest       *body // of the request
	control    *http.ResponseController
	idle       time.Duration // for which its client may take nothing of it
}

func (a *reply) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
		a.Header().Set(slipway.ReleaseHeader, a.deployment)
		if a.rest != nil {
			a.rest.answered()
		}
	}
	if status == http.StatusContinue {
		return // the server says it by itself when the body is asked for
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *reply) Write(text []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	_ = a.control.SetWriteDeadline(time.Now().Add(a.idle))
	n, err := a.ResponseWriter.Write(text)
	a.unread = a.unread || errors.Is(err, os.ErrDeadlineExceeded)
	return n, err
}

// ReadFrom is Write, piece by piece: each has its time.
func (a *reply) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{a}, r)
}
