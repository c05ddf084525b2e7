package shell

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
)

const (
	// heartbeat is how often a silent stream says that it is alive, and asks
	// whether its reader still has a session.
	heartbeat = 15 * time.Second
	// patience is how long one write may take.
	patience = 30 * time.Second
)

// Stream is a page's connection for news.
type Stream struct {
	call    *Call
	control *http.ResponseController
	mu      sync.Mutex
}

// Stream opens the connection. It ends with ctx: when the reader leaves, or
// isn't signed in any more; then the browser comes back, and is asked who it is.
// Limited, before anything is answered, says that too many are open.
func (c *Call) Stream() (*Stream, context.Context, context.CancelFunc, error) {
	followed, done, err := c.portal.Follow(c.Ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	s := &Stream{call: c, control: http.NewResponseController(c.W)}
	h := c.W.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	c.W.WriteHeader(http.StatusOK)
	if err := s.write("retry: 1000\n: hello\n\n"); err != nil {
		done()
		return nil, nil, nil, err
	}
	ctx, cancel := context.WithCancel(followed)
	draining := c.portal.drained(c.R)
	access := slipway.NewSecret(c.portal.Cookie(c.R, accessCookie))
	if access.Reveal() == "" {
		access = slipway.NewSecret(sentCookie(c.W, c.portal.cookieName(c.R, accessCookie)))
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		defer cancel()
		for {
			select {
			case <-ctx.Done():
				return
			case <-draining:
				return
			case <-tick.C:
			}
			if _, err := c.portal.Identify(ctx, access, CallerOf(c.R)); err != nil {
				return
			}
			if err := s.write(": still here\n\n"); err != nil {
				return
			}
		}
	}()
	// The answer is the server's again when the handler returns: nothing may
	// write to it after that.
	return s, ctx, func() { cancel(); <-ended; done() }, nil
}

// StreamRefused is the answer to who gets no stream; a reader who has left gets none.
func StreamRefused(err error) error {
	if slipway.CodeOf(err) == slipway.Limited {
		return err
	}
	return nil
}

// drained returns a channel that is closed when the server that answers r is
// told to stop, so that open pages don't keep it up; they come back to the next.
func (p *Portal) drained(r *http.Request) <-chan struct{} {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	p.serversMu.Lock()
	defer p.serversMu.Unlock()
	stopped, ok := p.servers[server]
	if !ok {
		stopped = make(chan struct{})
		p.servers[server] = stopped
		if server != nil {
			server.RegisterOnShutdown(func() { close(stopped) })
		}
	}
	return stopped
}

// sentCookie is a cookie that this very answer sets.
func sentCookie(w http.ResponseWriter, name string) string {
	for _, line := range w.Header().Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (s *Stream) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.control.SetWriteDeadline(time.Now().Add(patience)) // a writer without deadlines needs none
	if _, err := s.call.W.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}

// Send writes one event; data may hold several lines.
func (s *Stream) Send(id, event, data string) error {
	var b strings.Builder
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "event: %s\n", event)
	for line := range strings.SplitSeq(strings.ReplaceAll(data, "\r", ""), "\n") {
		fmt.Fprintf(&b, "data: %s\n", line)
	}
	b.WriteString("\n")
	return s.write(b.String())
}

// Resume is from where a stream goes on: after what the browser has seen, or
// after what the page showed.
func (c *Call) Resume() string {
	if id := c.R.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return c.Query("after")
}

// FollowEvents tells a page which of its parts have changed.
func (p *Portal) FollowEvents(c *Call, service string) error {
	after, err := strconv.Atoi(c.Resume())
	if err != nil || after < 0 {
		if after, err = p.Feed.Last(c.Ctx); err != nil {
			return err
		}
	}
	if service != "" {
		if _, err := p.Service(c.Ctx, service); err != nil {
			return err
		}
	}
	s, ctx, cancel, err := c.Stream()
	if err != nil {
		return StreamRefused(err)
	}
	defer cancel()
	err = p.Feed.Read(ctx, service, after, func(events []*ent.Event, last int) error {
		return s.Send(strconv.Itoa(last), "changed", strings.Join(changed(events), " "))
	})
	if err != nil && ctx.Err() == nil {
		p.Log.Error("an event stream ended early", "path", c.R.URL.Path, "request_id", c.RequestID, "error", err)
	}
	return nil
}

// changed names the parts of pages that events are about.
func changed(events []*ent.Event) []string {
	var keys []string
	add := func(key string) {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for _, e := range events {
		if e.Service != "" {
			add("service:" + e.Service)
		}
		if e.PromotionID != nil {
			add("promotions")
		}
		add("activity")
	}
	return keys
}

// LogNews is what a stream tells a page about a step's output.
type LogNews struct {
	Step  string `json:"step"`
	Chunk int    `json:"chunk"`
	HTML  string `json:"html"`
}

// SendLog writes an event about a step's output.
func (s *Stream) SendLog(id string, n LogNews) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return s.Send(id, "log", string(text))
}
