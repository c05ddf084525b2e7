package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Held are the routes of edgeAlone while requests wait.
func held() []Route {
	return []Route{{Host: "x.dev.localhost", Names: []string{"x.dev.localhost"}, Held: true, Branches: []Branch{{Deployment: "1", Home: "1", Weight: 100, Upstreams: []string{"door0"}}}}}
}

// asked are requests of each kind that clients send.
func asked() map[string]string {
	all := map[string]string{"without a body": "GET / HTTP/1.1\r\nHost: x.dev.localhost\r\n\r\n"}
	for kind, request := range posts {
		all[kind] = request
	}
	return all
}

// counts answers with its name and how much of a request's body it has got.
func counts(t *testing.T, name string) string {
	return serveConns(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			n, _ := io.Copy(io.Discard, req.Body)
			text := fmt.Sprint(name, " ", n)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		}
	})
}

// until waits for a state.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(HoldWithin / 2)
	for !ok() {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// TestHeldRequests wait, reach nobody meanwhile, and then get where the routes lead by
// then, with all of their bodies.
func TestHeldRequests(t *testing.T) {
	e := edgeAlone(t, counts(t, "old"), counts(t, "new"))
	e.Set(held())
	e.Patience = 0 // the time for which they are held is none of it
	var all sync.WaitGroup
	many := int64(0)
	for kind, request := range asked() {
		for range 20 {
			many++
			c := dialEdge(t, e)
			all.Go(func() {
				if _, err := io.WriteString(c, request); err != nil {
					t.Error(err)
				}
				want := fmt.Sprint("new ", map[string]int{"small": 2000, "large": 70000, "chunked": 2000}[kind])
				if status, text, err := c.answer(); status != 200 || string(text) != want || err != nil {
					t.Errorf("%s: %d %q %v, not %q", kind, status, text, err, want)
				}
			})
		}
	}
	until(t, "all wait", func() bool { return e.Backend("1").waiting.Load() == many })
	first := e.Backend("1")
	next := held()
	next[0].Branches[0] = Branch{Deployment: "2", Home: "2", Weight: 100, Upstreams: []string{"door1"}}
	e.Set(next)
	next[0].Held = false
	e.Set(next)
	all.Wait()
	if n := first.waiting.Load() + e.Backend("2").waiting.Load(); n != 0 {
		t.Errorf("%d are said to wait", n)
	}
}

// TestHeldTooLong, or with too many others: it is said that the request can be sent again.
func TestHeldTooLong(t *testing.T) {
	e := edgeAlone(t, counts(t, "old"))
	e.Set(held())
	refused := func(name string) {
		for kind, request := range asked() {
			c := dialEdge(t, e)
			go func() { _, _ = io.WriteString(c, request) }()
			res, err := http.ReadResponse(c.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(string(text), "did not reach it") {
				t.Errorf("%s, %s: %d %q %v", name, kind, res.StatusCode, text, res.Header)
			}
		}
	}
	e.Backend("1").waiting.Store(holdMost)
	refused("too many")
	e.Backend("1").waiting.Store(0)
	e.Hold = 50 * time.Millisecond
	refused("too long")
	counted := int64(0)
	for _, slice := range e.Traffic("x.dev.localhost", time.Now().Add(-time.Minute), time.Now())["1"] {
		counted += slice.Requests
	}
	if want := int64(2 * len(asked())); counted != want {
		t.Errorf("%d are counted of %d", counted, want)
	}
}

// TestHeldClientsLeave: a client that goes away waits no longer, also where the edge has
// not read all that it has sent.
func TestHeldClientsLeave(t *testing.T) {
	e := edgeAlone(t, counts(t, "old"))
	e.Set(held())
	for kind, request := range asked() {
		c := dialEdge(t, e)
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		until(t, kind+" waits", func() bool { return e.Backend("1").waiting.Load() == 1 })
		_ = c.Close()
		until(t, kind+" has left", func() bool { return e.Backend("1").waiting.Load() == 0 })
	}
}
