package edge

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
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

// director is the handler that looks a request up in the table. It has reverse proxies of
// its own: Caddy puts a route's handlers together anew for each request.
type director struct {
	Edge    string          `json:"edge"`
	Several json.RawMessage `json:"several" caddy:"namespace=http.handlers inline_key=handler"` // where there is another instance to turn to
	Alone   json.RawMessage `json:"alone" caddy:"namespace=http.handlers inline_key=handler"`

	several, alone caddyhttp.MiddlewareHandler
	table          *table
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
	for field, proxy := range map[string]*caddyhttp.MiddlewareHandler{"Several": &d.several, "Alone": &d.alone} {
		loaded, err := ctx.LoadModule(d, field)
		if err != nil {
			return err
		}
		*proxy = loaded.(caddyhttp.MiddlewareHandler)
	}
	return nil
}

// sending is a request on its way to a backend.
type sending struct {
	*Backend
	attempt
	// by is the instance that it went to last, and cut whether that broke its answer off.
	by     string
	cut    bool
	client *http.ResponseController
	bounds Bounds
	small  bool // its body is in memory: nobody waits for the client
	// why it has no answer, where the reverse proxy was told that its client went away:
	// so nothing is held against the instance.
	why cause
}

// sendingVar is where a request has its sending: Caddy keeps such values in a map, so
// that no request is copied for it. A dial, which can outlive the request and must not
// look into that map, has it by sendingKey.
const sendingVar = "slipway.sending"

type sendingKey struct{}

// sendingOf is nil for a request that was not looked up.
func sendingOf(ctx context.Context) *sending {
	s, _ := caddyhttp.GetVar(ctx, sendingVar).(*sending)
	return s
}

var errNotLookedUp = errors.New("the request was not looked up")

func (d *director) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	select {
	case <-d.table.ready:
	case <-r.Context().Done():
		return r.Context().Err()
	}
	control := http.NewResponseController(w)
	if r.Header.Get("Expect") != "" {
		_ = control.SetWriteDeadline(time.Time{}) // the instance asks for the body when it likes
	} else { // that of the last answer may be over
		_ = control.SetWriteDeadline(time.Now().Add(d.table.pace.Idle))
	}
	host := hostOf(r)
	drawn := -1
	draw := func(split bool) int {
		if drawn < 0 {
			drawn = bucket(w, r, split)
		}
		return drawn
	}
	at, own := d.table.find(host)
	if c, file := at.static(r, draw); file != nil {
		_ = control.SetWriteDeadline(time.Time{})
		return c.serve(w, r, file)
	}
	answer := func(why cause, b *Backend, by, detail string) error {
		own.add(why.status(), why, by, detail)
		return why.say(w, b)
	}
	most := d.table.bounds(at)
	if headerSize(r.Header, len(r.Method)+len(r.RequestURI)+len(r.Host)) > most.Header {
		return answer(tooMuch, nil, "", "")
	}
	var rest *body
	small := false
	if len(at.Branches) > 0 { // else its body is of no use to anybody
		if most.Body > 0 && r.ContentLength > most.Body {
			return answer(large, nil, "", "")
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &paced{ReadCloser: r.Body, Pace: most.Pace, control: control, known: r.ContentLength > 0, most: most.Body}
		}
		kept, inMemory, release, err := takeBody(r, d.table.spoolOf(at.Host), most)
		if err != nil {
			return answer(faultOf(err), nil, "", "")
		}
		defer release()
		rest, small = kept, inMemory
	}
	setForwarded(r)
	began := time.Now()
	let := began // when it was last kept from being sent
	for {
		b, deployment, err := d.table.take(host, draw)
		if errors.Is(err, errHeld) {
			switch why := d.table.wait(r, host, b, most.Waiting, began.Add(most.Hold)); why {
			case again:
				let = time.Now()
				continue
			case "":
				return context.Canceled
			default:
				b.tally.add(time.Now(), why.status(), time.Since(began))
				return answer(why, b, "", fmt.Sprintf("one release makes room for another, and took longer than %s, or too many requests wait", most.Hold))
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
		sent := &sending{Backend: b, client: control, bounds: most, small: small}
		reply := &reply{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, deployment: deployment, rest: rest, control: control, idle: most.AnswerIdle}
		why, detail := d.try(reply, r, sent, own, began, let)
		switch {
		case why == again:
			if !b.queue(most.Waiting) {
				b.tally.add(time.Now(), unreached.status(), time.Since(began))
				return answer(unreached, b, "", fmt.Sprintf("more than %d requests wait for an instance", most.Waiting))
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
func (d *director) try(reply *reply, r *http.Request, s *sending, own *unserved, began, let time.Time) (why cause, detail string) {
	b := s.Backend
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
		proxy := d.alone
		if opened > 1 {
			proxy = d.several
		}
		caddyhttp.SetVar(r.Context(), sendingVar, s)
		err := proxy.ServeHTTP(reply, r, nobody)
		why, detail = cmp.Or(s.why, causeOf(err)), detailOf(err)
	}
	if why != unreached {
		return why, detail
	} else if time.Since(let) < d.table.Patience {
		return again, ""
	}
	return why, fmt.Sprintf("for %s no instance took it: none listens, or none is healthy", d.table.Patience)
}

// nobody comes after the reverse proxies.
var nobody = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })

func say(w http.ResponseWriter, status int, text string) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(clientIdle)) // it may have waited for long
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
	s := sendingOf(r.Context())
	if s == nil {
		return nil, errNotLookedUp
	}
	upstreams := make([]*reverseproxy.Upstream, 0, len(s.upstreams))
	for _, door := range s.upstreams {
		if port, open := s.doors.Load(door); open {
			upstreams = append(upstreams, &reverseproxy.Upstream{Dial: "127.0.0.1:" + strconv.Itoa(port.(int))})
		}
	}
	return upstreams, nil
}

// opened is how many of a backend's instances take requests.
func (b *Backend) opened() (n int) {
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
	caddyhttp.ResponseWriterWrapper
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
		_ = a.control.SetWriteDeadline(time.Now().Add(a.idle)) // the head may go out by itself
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
