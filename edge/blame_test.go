package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// named are two servers that answer with a name each, once they have the request's body,
// and hang where they are asked to.
func named(t *testing.T) *Edge {
	t.Helper()
	over := make(chan bool)
	t.Cleanup(func() { close(over) })
	var at []string
	for _, name := range []string{"a", "b"} {
		at = append(at, serveConns(t, func(c net.Conn, r *bufio.Reader) {
			for {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				if req.URL.Path == "/hang" {
					<-over
				}
				if _, err := io.Copy(io.Discard, req.Body); err != nil {
					return
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"+name)
			}
		}))
	}
	return edgeAlone(t, at...)
}

// bothAnswer wants requests at both servers, as neither is to be passed over.
func bothAnswer(t *testing.T, e *Edge) {
	t.Helper()
	seen := map[string]bool{}
	for c, n := dialEdge(t, e), 0; n < 40; n++ {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x.dev.localhost\r\n\r\n")
		status, text, err := c.answer()
		if status != 200 || err != nil {
			t.Fatalf("%d %q %v", status, text, err)
		}
		seen[string(text)] = true
	}
	if len(seen) != 2 {
		t.Errorf("only %v answer", seen)
	}
}

// failed is how many failures are counted for the deployment.
func failed(e *Edge) (n int64) {
	for _, slices := range e.Traffic("x.dev.localhost", time.Time{}, time.Now()) {
		for _, s := range slices {
			n += s.Answers.Failed
		}
	}
	return n
}

// TestLateAnswersPassNobodyOver: that one request takes too long says nothing of others.
func TestLateAnswersPassNobodyOver(t *testing.T) {
	e := named(t)
	e.mu.Lock()
	e.backends["1"].limit = 200 * time.Millisecond
	e.mu.Unlock()
	c := dialEdge(t, e)
	_, _ = io.WriteString(c, "GET /hang HTTP/1.1\r\nHost: x.dev.localhost\r\n\r\n")
	if status, text, err := c.answer(); status != 504 || err != nil {
		t.Errorf("%d %q %v", status, text, err)
	}
	if n := failed(e); n != 1 {
		t.Errorf("%d failures are counted", n)
	}
	bothAnswer(t, e)
}

// TestWhoMayTakeHisTime: there is no clock where the client expects events, which may be
// long in coming, and none where the release states no limit.
func TestWhoMayTakeHisTime(t *testing.T) {
	e := edgeAlone(t, serveConns(t, func(c net.Conn, r *bufio.Reader) {
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			<-time.After(500 * time.Millisecond)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		}
	}))
	e.mu.RLock()
	unstated := e.backends["1"].limit
	e.mu.RUnlock()
	if unstated != 0 {
		t.Errorf("a branch that states nothing is held to %s", unstated)
	}
	for name, tc := range map[string]struct {
		limit  time.Duration
		accept string
		status int
	}{
		"a page":            {200 * time.Millisecond, "text/html, */*;q=0.8", 504},
		"events":            {200 * time.Millisecond, "text/event-stream", 200},
		"events among else": {200 * time.Millisecond, "application/json, Text/Event-Stream;q=0.9", 200},
		"no limit":          {0, "*/*", 200},
	} {
		e.mu.Lock()
		e.backends["1"].limit = tc.limit
		e.mu.Unlock()
		c := dialEdge(t, e)
		_, _ = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x.dev.localhost\r\nAccept: %s\r\n\r\n", tc.accept)
		if status, text, err := c.answer(); status != tc.status || err != nil {
			t.Errorf("%s: %d %q %v", name, status, text, err)
		}
	}
}

// TestTheEdgesOwnFailure: what goes wrong before a request is sent anywhere is not told as
// a failure of the service.
func TestTheEdgesOwnFailure(t *testing.T) {
	e := named(t)
	config, err := e.config()
	if err != nil {
		t.Fatal(err)
	}
	failing := strings.Replace(string(config), `"edge":"`+e.listen+`","handler":"slipway_farewell"}`, `"handler":"error","error":"a static file went away"}`, 1)
	e.Close()
	l, err := OpenSocket(e.listen)
	if err != nil {
		t.Fatal(err)
	}
	edgeSockets.Store(e.listen, newEdgeSocket(l))
	tables.Store(e.listen, e.table)
	loading.Lock()
	err = caddy.Load([]byte(failing), true)
	loading.Unlock()
	if err != nil {
		t.Fatalf("%v\n%s", err, failing)
	}
	c := dialEdge(t, e)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x.dev.localhost\r\n\r\n")
	if status, text, err := c.answer(); status != 500 || !strings.Contains(string(text), "The edge failed") || err != nil {
		t.Errorf("%d %q %v", status, text, err)
	}
}
