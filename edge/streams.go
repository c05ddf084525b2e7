package edge

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// streamsEnd is how long what is open to an instance may take to end when it is told to.
const streamsEnd = 1200 * time.Millisecond

// streams are the answers without an end that instances give, by their ports: what the
// edge ends before it lets an instance be stopped, which would wait for them.
type streams struct {
	mu   sync.Mutex
	open map[int][]endless
}

// endless is an answer that doesn't end by itself.
type endless interface {
	end()                 // tells both sides, and doesn't wait
	ended() chan struct{} // closed when it is over
	kind() string
}

// stream is an answer that doesn't say how long it is.
type stream struct {
	io.ReadCloser
	cancel func() // ends the connection to the instance
	told   atomic.Bool
	events bool
	once   sync.Once
	over   chan struct{}
}

func (s *stream) ended() chan struct{} { return s.over }
func (s *stream) end()                 { s.told.Store(true); s.cancel() }
func (s *stream) kind() string         { return "stream" }

// Read ends a stream of events in order, as its clients come back by themselves. Of
// anything else a client must see that it is not all.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && s.told.Load() && s.events {
		err = io.EOF
	}
	return n, err
}

func (s *stream) Close() error {
	s.once.Do(func() { close(s.over) })
	return s.ReadCloser.Close()
}

// follow has an answer ended with its instance when it doesn't end by itself. cancel
// ends the connection to the instance.
func (s *streams) follow(res *http.Response, port int, cancel context.CancelCauseFunc) {
	var e endless
	if conn, ok := res.Body.(io.ReadWriteCloser); ok && res.StatusCode == http.StatusSwitchingProtocols {
		u := &upgraded{ReadWriteCloser: conn, websocket: strings.EqualFold(res.Header.Get("Upgrade"), "websocket"), over: make(chan struct{})}
		res.Body, e = u, u
	} else if res.ContentLength < 0 {
		b := &stream{ReadCloser: res.Body, cancel: func() { cancel(context.Canceled) }, events: strings.HasPrefix(strings.ToLower(res.Header.Get("Content-Type")), "text/event-stream"), over: make(chan struct{})}
		res.Body, e = b, b
	} else {
		return
	}
	s.mu.Lock()
	if s.open == nil {
		s.open = map[int][]endless{}
	}
	// Those that are over go here, and not each by itself, for which it would have to be
	// looked for.
	if all := s.open[port]; len(all) == cap(all) {
		s.open[port] = slices.DeleteFunc(all, over)
	}
	s.open[port] = append(s.open[port], e)
	s.mu.Unlock()
}

func over(e endless) bool {
	select {
	case <-e.ended():
		return true
	default:
		return false
	}
}

// forget drops what was open to an instance that has ended.
func (s *streams) forget(port int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, port)
}

// endAll ends what is open to the instance at a port, waits a moment until it is over,
// and says what that was.
func (s *streams) endAll(port int) string {
	s.mu.Lock()
	all := slices.DeleteFunc(s.open[port], over)
	delete(s.open, port)
	s.mu.Unlock()
	counts := map[string]int{}
	for _, e := range all {
		counts[e.kind()]++
		go e.end()
	}
	late := time.After(streamsEnd)
	for _, e := range all {
		select {
		case <-e.ended():
		case <-late:
			late = nil // the others are looked at no more
		}
		if late == nil {
			break
		}
	}
	var said []string
	for _, kind := range []string{"WebSocket", "connection", "stream"} {
		if n := counts[kind]; n == 1 {
			said = append(said, "one "+kind)
		} else if n > 1 {
			said = append(said, fmt.Sprintf("%d %ss", n, kind))
		}
	}
	return strings.Join(said, " and ")
}
