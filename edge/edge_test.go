package edge

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/internal/addresstest"
)

// openEdge opens the socket. What comes in before the first routes are set waits
// for them.
func openEdge(listen, storage string, check func(net.Conn) (net.Conn, error)) (*Edge, error) {
	l, err := OpenSocket(listen)
	if err != nil {
		return nil, err
	}
	return Serve(l, listen, storage, check)
}

// edgeAlone is an edge without a node, with the route x.dev.localhost to servers of
// the test's.
func edgeAlone(t testing.TB, backends ...string) *Edge {
	t.Helper()
	e, err := openEdge(addresstest.Free(t), filepath.Join(t.TempDir(), "edge"), func(c net.Conn) (net.Conn, error) { return c, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	b := Branch{Deployment: "1", Home: "1", Weight: 100}
	for n, at := range backends {
		door := "door" + strconv.Itoa(n)
		_, port, err := net.SplitHostPort(at)
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		e.doors.Store(door, number)
		e.kept.Store(number, true)
		b.Upstreams = append(b.Upstreams, door)
	}
	e.Set([]Route{{Host: "x.dev.localhost", Names: []string{"x.dev.localhost"}, Branches: []Branch{b}}})
	return e
}

// serveConns gives each connection to a server of the test's, and returns where that is.
func serveConns(t *testing.T, serve func(net.Conn, *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c, bufio.NewReader(c))
			}()
		}
	}()
	return l.Addr().String()
}

// client is one connection to the edge.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dialEdge(t *testing.T, e *Edge) *client {
	t.Helper()
	c, err := net.Dial("tcp", e.listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &client{Conn: c, r: bufio.NewReader(c)}
}

// answer reads an answer whole.
func (c *client) answer() (status int, text []byte, err error) {
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, nil, err
	}
	text, err = io.ReadAll(res.Body)
	return res.StatusCode, text, err
}

// posts are requests with a body, as clients send them.
var posts = map[string]string{
	"small":   "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("s", 2000),
	"large":   "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("l", 70000),
	"chunked": "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + strings.Repeat("c", 2000) + "\r\n0\r\n\r\n",
}

// TestAnswersToPostsAreWhole: what a server answers reaches the client whole, however
// soon its head comes after the body. It is a matter of microseconds, so there are many.
func TestAnswersToPostsAreWhole(t *testing.T) {
	many := 2000
	if n, err := strconv.Atoi(os.Getenv("SLIPWAY_EDGE_POSTS")); err == nil {
		many = n
	}
	e := edgeAlone(t, serveConns(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			n, _ := io.Copy(io.Discard, req.Body)
			// The head by itself, and what it announces in a piece of its own.
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 97\r\nRead: %d\r\n\r\n", n)
			_, _ = c.Write(make([]byte, 97))
		}
	}))
	for kind, request := range posts {
		var load sync.WaitGroup
		var left, short atomic.Int64
		left.Store(int64(many))
		for range 8 {
			c := dialEdge(t, e)
			load.Go(func() {
				for left.Add(-1) >= 0 {
					if _, err := io.WriteString(c, request); err != nil {
						t.Error(err)
						return
					}
					if status, text, err := c.answer(); err != nil || status != 200 || len(text) != 97 {
						short.Add(1)
						t.Errorf("%s: %d, %d bytes of 97, %v", kind, status, len(text), err)
						return
					}
				}
			})
		}
		load.Wait()
		t.Logf("%s: %d of %d were short", kind, short.Load(), many)
	}
}

// TestAnswersBeforeTheRequestsEnd: an answer that begins while the request is on its way
// is whole as well, and so is the request.
func TestAnswersBeforeTheRequestsEnd(t *testing.T) {
	const length = 300000
	announced := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nContent-Length: %d\r\n", length)
	for name, tc := range map[string]struct {
		head   string
		chunks bool // how the answer comes
		last   int  // of the request, that comes when the answer has begun
	}{
		"one byte left":            {announced, false, 1},
		"one byte left, a stream":  {announced, true, 1},
		"some left":                {announced, false, 100000},
		"some left, a stream":      {announced, true, 100000},
		"much left, a stream":      {announced, true, 290000},
		"chunks, one left":         {"POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nTransfer-Encoding: chunked\r\n", true, 1},
		"chunks, some left":        {"POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nTransfer-Encoding: chunked\r\n", true, 100000},
		"chunks, an announced end": {"POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nTransfer-Encoding: chunked\r\n", false, 100000},
	} {
		t.Run(name, func(t *testing.T) {
			began := make(chan bool, 1)
			e := edgeAlone(t, serveConns(t, func(c net.Conn, r *bufio.Reader) {
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					n, _ := io.CopyN(io.Discard, req.Body, length-int64(tc.last))
					if tc.chunks {
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
					} else {
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
					}
					began <- true
					rest, _ := io.Copy(io.Discard, req.Body)
					if tc.chunks {
						fmt.Fprintf(c, "6\r\n%d\r\n0\r\n\r\n", n+rest)
					} else {
						fmt.Fprint(c, n+rest)
					}
				}
			}))
			full := e.spoolOf("x.dev.localhost") // else the edge waits for all of what is announced
			full.memory.Store(spoolMemory)
			full.disk.Store(spoolDisk)
			frame := func(n int) string {
				if strings.Contains(tc.head, "chunked") {
					return fmt.Sprintf("%x\r\n%s\r\n", n, strings.Repeat("x", n))
				}
				return strings.Repeat("x", n)
			}
			end := ""
			if strings.Contains(tc.head, "chunked") {
				end = "0\r\n\r\n"
			}
			for n := range 40 {
				c := dialEdge(t, e)
				if _, err := io.WriteString(c, tc.head+"\r\n"+frame(length-tc.last)); err != nil {
					t.Fatal(err)
				}
				<-began
				_, _ = io.WriteString(c, frame(tc.last)+end)
				if status, text, err := c.answer(); err != nil || status != 200 || string(text) != strconv.Itoa(length) {
					t.Fatalf("answer %d: %d, %q, %v", n, status, text, err)
				}
				_ = c.Close()
			}
		})
	}
}

// TestStreamsFlow: each piece of a stream reaches the client when it is written, also
// where a request with a body is answered by one.
func TestStreamsFlow(t *testing.T) {
	next := make(chan bool)
	t.Cleanup(func() { close(next) })
	e := edgeAlone(t, serveConns(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: "+req.Header.Get("Accept")+"\r\nTransfer-Encoding: chunked\r\n\r\n")
			for k := range 3 {
				if !<-next {
					return
				}
				fmt.Fprintf(c, "8\r\ndata: %d\n\r\n", k)
			}
			_, _ = io.WriteString(c, "0\r\n\r\n")
		}
	}))
	for _, kind := range []string{"text/event-stream", "application/x-ndjson"} {
		for name, request := range posts {
			c := dialEdge(t, e)
			_, _ = io.WriteString(c, strings.Replace(request, "\r\n", "\r\nAccept: "+kind+"\r\n", 1))
			res, err := http.ReadResponse(c.r, nil) // the head alone
			if err != nil {
				t.Fatal(err)
			}
			piece := make([]byte, 8)
			for k := range 3 {
				next <- true
				if _, err := io.ReadFull(res.Body, piece); err != nil || !bytes.HasSuffix(piece, []byte(fmt.Sprintf("%d\n", k))) {
					t.Errorf("%s, %s: piece %d is %q, %v", name, kind, k, piece, err)
				}
			}
			if rest, err := io.ReadAll(res.Body); err != nil || len(rest) != 0 {
				t.Errorf("%q %v", rest, err)
			}
		}
	}
}
