package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowly asks for a path, with little room for the answer, and takes nothing of it.
func slowly(t *testing.T, e *Edge, path string) *client {
	t.Helper()
	c := dialEdge(t, e)
	_ = c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x.dev.localhost\r\n\r\n", path)
	return c
}

// downloads answers one request after the other, and counts those that were answered.
func downloads(t *testing.T, size int) (at string, answered *atomic.Int64) {
	var turn sync.Mutex
	answered = new(atomic.Int64)
	piece := []byte(strings.Repeat("0123456789abcdef", 4<<10)) // 64 KiB
	return serveConns(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			turn.Lock()
			if req.URL.Path == "/chunks" {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			} else {
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
			}
			for left := size; left > 0 && err == nil; left -= len(piece) {
				if req.URL.Path == "/chunks" {
					_, err = fmt.Fprintf(c, "%x\r\n%s\r\n", min(left, len(piece)), piece[:min(left, len(piece))])
				} else {
					_, err = c.Write(piece[:min(left, len(piece))])
				}
			}
			if req.URL.Path == "/chunks" {
				_, _ = io.WriteString(c, "0\r\n\r\n")
			}
			turn.Unlock()
			if err == nil {
				answered.Add(1)
			}
		}
	}), answered
}

// TestSlowReadersCostTheEdge: an instance with one thread has answered all of them while
// they have taken nothing, and they get their answers whole.
func TestSlowReadersCostTheEdge(t *testing.T) {
	const size, many = 12_000_001, 20
	at, answered := downloads(t, size)
	e := edgeAlone(t, at)
	s := e.answersOf("x.dev.localhost")
	var all []*client
	for k := range many {
		all = append(all, slowly(t, e, []string{"/length", "/chunks"}[k%2]))
	}
	until(t, "all are answered", func() bool { return answered.Load() == many })
	t.Logf("%d MB are in memory, and %d MB on disk", s.memory.Load()>>20, s.disk.Load()>>20)
	if s.disk.Load() == 0 || s.memory.Load() > many*aheadMemory || s.disk.Load() > many*size {
		t.Errorf("%d bytes are in memory, and %d on disk", s.memory.Load(), s.disk.Load())
	}
	for k, c := range all[:many-2] {
		res, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if len(text) != size || err != nil || string(text[size-17:]) != "0123456789abcdef0" {
			t.Fatalf("%d: %d bytes, %v", k, len(text), err)
		}
	}
	for _, c := range all[many-2:] {
		_ = c.Close()
	}
	until(t, "nothing is kept", func() bool { return s.disk.Load() == 0 && s.memory.Load() == 0 })
	if left, err := filepath.Glob(filepath.Join(e.dir, "answer-*")); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
}

// TestNoRoomForAnswers: they come as they are taken, and whole.
func TestNoRoomForAnswers(t *testing.T) {
	const size = 12_000_001
	for name, full := range map[string][2]int64{
		"memory is full": {spoolMemory, 0}, "the disk is full": {0, spoolDisk}, "both are full": {spoolMemory, spoolDisk}, "full after some of it": {spoolMemory - 50_000, spoolDisk - 500_000},
	} {
		t.Run(name, func(t *testing.T) {
			at, _ := downloads(t, size)
			e := edgeAlone(t, at)
			s := e.answersOf("x.dev.localhost")
			s.memory.Store(full[0])
			s.disk.Store(full[1])
			for _, path := range []string{"/length", "/chunks"} {
				res, err := http.ReadResponse(slowly(t, e, path).r, nil)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(res.Body)
				if len(text) != size || err != nil || string(text[size-17:]) != "0123456789abcdef0" {
					t.Errorf("%s: %d bytes, %v", path, len(text), err)
				}
			}
			until(t, "nothing more is kept", func() bool { return s.memory.Load() == full[0] && s.disk.Load() == full[1] })
		})
	}
}

// TestWhatIsReadAheadFlows: what an instance sends is there at once, whatever kind of
// answer it is, and a WebSocket's frames are.
func TestWhatIsReadAheadFlows(t *testing.T) {
	next := make(chan string)
	e := edgeAlone(t, serveConns(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		switch req.URL.Path {
		case "/ws":
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			for text := range next {
				_, _ = io.WriteString(c, text)
			}
		case "/until-closed":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n")
			for text := range next {
				_, _ = io.WriteString(c, text)
			}
		default:
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", req.Header.Get("Accept"))
			for text := range next {
				fmt.Fprintf(c, "%x\r\n%s\r\n", len(text), text)
			}
			_, _ = io.WriteString(c, "0\r\n\r\n")
		}
	}))
	for _, head := range []string{
		"/events HTTP/1.1\r\nAccept: text/event-stream\r\n", "/lines HTTP/1.1\r\nAccept: application/x-ndjson\r\n", "/until-closed HTTP/1.1\r\n",
		"/ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
	} {
		c := dialEdge(t, e)
		fmt.Fprintf(c, "GET %sHost: x.dev.localhost\r\n\r\n", head)
		res, err := http.ReadResponse(c.r, &http.Request{Method: http.MethodGet})
		if err != nil {
			t.Fatal(head, err)
		}
		from := io.Reader(res.Body)
		if res.StatusCode == http.StatusSwitchingProtocols {
			from = c.r
		}
		for n := range 50 {
			text := fmt.Sprintf("piece %02d\n", n)
			next <- text
			got := make([]byte, len(text))
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second)) // the next piece comes when this one was seen
			if _, err := io.ReadFull(from, got); err != nil || string(got) != text {
				t.Fatalf("%s: %q, %v", head, got, err)
			}
		}
		close(next)
		next = make(chan string)
	}
}
