package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// announced is the head of a request with so long a body.
func announced(length int) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nContent-Length: %d\r\n\r\n", length)
}

// alone answers one request after the other, as a server with one thread does, with how
// much of a body it has got.
func alone(t *testing.T) string {
	var turn sync.Mutex
	return serveConns(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			turn.Lock()
			n, _ := io.Copy(io.Discard, req.Body)
			turn.Unlock()
			text := fmt.Sprint(n)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		}
	})
}

// TestSlowUploads cost the service nothing, whatever their size: it gets them whole.
func TestSlowUploads(t *testing.T) {
	e := edgeAlone(t, alone(t))
	s := e.spoolOf("x.dev.localhost")
	type upload struct {
		*client
		length int
	}
	var all []upload
	for k := range 60 {
		u := upload{dialEdge(t, e), []int{1000, 200_000, 3_000_000}[k%3]}
		if _, err := io.WriteString(u, announced(u.length)+strings.Repeat("x", u.length/2)); err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	ask := func() {
		c := dialEdge(t, e)
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x.dev.localhost\r\n\r\n")
		if status, text, err := c.answer(); status != 200 || string(text) != "0" || err != nil {
			t.Errorf("%d %q %v", status, text, err)
		}
	}
	until(t, "what they sent is kept", func() bool {
		return s.disk.Load() > 20*1_400_000 && s.memory.Load() >= 20*500 && s.memory.Load() <= 40*smallBody+20*1000
	})
	ask()
	for _, u := range all {
		if _, err := io.WriteString(u, strings.Repeat("x", u.length-u.length/2)); err != nil {
			t.Fatal(err)
		}
		if status, text, err := u.answer(); status != 200 || string(text) != fmt.Sprint(u.length) || err != nil {
			t.Errorf("%d: %d %q %v", u.length, status, text, err)
		}
	}
	until(t, "nothing is kept", func() bool { return s.disk.Load() == 0 && s.memory.Load() == 0 })
	if left, err := os.ReadDir(e.dir); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
}

// TestNoRoomForUploads: what has no room goes to the instance as it comes, and whole.
func TestNoRoomForUploads(t *testing.T) {
	for name, full := range map[string][2]int64{
		"memory is full":        {spoolMemory, 0},
		"the disk is full":      {0, spoolDisk},
		"both are full":         {spoolMemory, spoolDisk},
		"full after some of it": {0, spoolDisk - 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			e := edgeAlone(t, alone(t))
			s := e.spoolOf("x.dev.localhost")
			s.memory.Store(full[0])
			s.disk.Store(full[1])
			for _, length := range []int{1, 1000, 65536, 65537, 500_000} {
				c := dialEdge(t, e)
				go func() { _, _ = io.WriteString(c, announced(length)+strings.Repeat("x", length)) }()
				if status, text, err := c.answer(); status != 200 || string(text) != fmt.Sprint(length) || err != nil {
					t.Errorf("%d: %d %q %v", length, status, text, err)
				}
			}
			until(t, "nothing more is kept", func() bool { return s.memory.Load() == full[0] && s.disk.Load() == full[1] })
		})
	}
}

// TestTooSlow: a body that doesn't come is waited for no longer than it may take, and one
// that comes is.
func TestTooSlow(t *testing.T) {
	e := edgeAlone(t, alone(t))
	e.mu.Lock()
	e.pace = Pace{Idle: 400 * time.Millisecond, Grace: 600 * time.Millisecond, Rate: 100}
	e.mu.Unlock()
	for name, tc := range map[string]struct {
		head   string
		piece  string // sent twenty times, 50 ms apart, and after pause
		pause  time.Duration
		status int
	}{
		"it stops":              {announced(1000), "", 0, 408},
		"it drips":              {announced(1000), "x", 0, 408},
		"it comes":              {announced(1000), strings.Repeat("x", 50), 0, 200},
		"chunks that stop":      {"POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0, 408},
		"chunks, however few":   {"POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 0, 200},
		"it pauses for a while": {announced(1000), strings.Repeat("x", 50), 250 * time.Millisecond, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dialEdge(t, e)
			_, _ = io.WriteString(c, tc.head)
			go func() {
				<-time.After(tc.pause)
				for range 20 {
					_, _ = io.WriteString(c, tc.piece)
					<-time.After(50 * time.Millisecond)
				}
				if strings.Contains(tc.head, "chunked") && tc.piece != "" {
					_, _ = io.WriteString(c, "0\r\n\r\n")
				}
			}()
			res, err := http.ReadResponse(c.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			if res.StatusCode != tc.status || tc.status == 408 && !res.Close {
				t.Errorf("%d %q, close %v", res.StatusCode, text, res.Close)
			}
		})
	}
}

// TestSlowReaders: who takes nothing of an answer that has no room at the edge is let go, and the instance with it; who
// takes it slowly, or waits for the next piece of a stream, gets all of it.
func TestSlowReaders(t *testing.T) {
	const large = 16 << 20
	written := make(chan error, 1)
	e := edgeAlone(t, serveConns(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if req.URL.Path == "/stream" {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
			<-time.After(700 * time.Millisecond) // longer than a client may take nothing
			_, _ = io.WriteString(c, "1\r\ny\r\n0\r\n\r\n")
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", large)
		_, err = c.Write(make([]byte, large))
		written <- err
	}))
	e.mu.Lock()
	e.pace.Idle = 300 * time.Millisecond
	e.mu.Unlock()
	full := e.answersOf("x.dev.localhost")
	full.memory.Store(spoolMemory)
	full.disk.Store(spoolDisk)
	get := func(path string) *client {
		c := dialEdge(t, e)
		_ = c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x.dev.localhost\r\n\r\n")
		return c
	}
	get("/")
	if err := <-written; err == nil {
		t.Error("the instance wrote all to a client that takes nothing")
	}
	c := get("/")
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for err == nil {
		var n int64
		n, err = io.CopyN(io.Discard, res.Body, 1<<20)
		total += n
		<-time.After(50 * time.Millisecond) // 0.8 s in all
	}
	if total != large {
		t.Errorf("%d of %d bytes, %v", total, large, err)
	}
	<-written
	c = get("/stream")
	for range 2 { // the second over the same connection has no deadline of the first's
		if status, text, err := c.answer(); status != 200 || string(text) != "xy" || err != nil {
			t.Errorf("%d %q %v", status, text, err)
		}
		<-time.After(400 * time.Millisecond)
		_, _ = io.WriteString(c, "GET /stream HTTP/1.1\r\nHost: x.dev.localhost\r\n\r\n")
	}
	_, _, _ = c.answer()
	<-time.After(400 * time.Millisecond)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n")
	if status, _, err := c.answer(); status != 404 || err != nil {
		t.Errorf("what the edge answers by itself over it: %d %v", status, err)
	}
}
