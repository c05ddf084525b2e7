package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestWhatTheEdgeTells: each answer of its own, and each that is cut, leaves a line that
// names the instance and the cause, and is counted.
func TestWhatTheEdgeTells(t *testing.T) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	at := serveConns(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		switch req.URL.Path {
		case "/closes":
		case "/resets":
			_ = c.(*net.TCPConn).SetLinger(0)
		case "/hangs":
			<-over
		case "/babbles":
			_, _ = io.WriteString(c, "what?\r\n\r\n")
		case "/short":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegins")
		case "/chunks":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n")
		case "/large":
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 64<<20)
			_, _ = c.Write(make([]byte, 64<<20))
		default:
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
		}
	})
	e := edgeAlone(t, at)
	_, port, _ := net.SplitHostPort(at)
	file := filepath.Join(t.TempDir(), "edge.log")
	e.mu.Lock()
	e.Patience, e.pace = 100*time.Millisecond, Pace{Idle: 300 * time.Millisecond, Grace: 300 * time.Millisecond, Rate: 1000}
	e.backends["1"].limit, e.backends["1"].release = 200*time.Millisecond, 7
	e.unserved["x.dev.localhost"] = &unserved{service: "x", environment: "dev", file: file}
	e.mu.Unlock()
	number, _ := strconv.Atoi(port)
	e.named.Store(number, "web.1")
	counted := map[string]int64{}
	for _, tc := range []struct {
		path, more string
		status     int
		cause      cause
		says       string
	}{
		{"/fine", "", 200, "", ""},
		{"/closes", "", 502, unfinished, "answered 502 for web.1 of release 7 (unfinished): it took the request and closed the connection"},
		{"/resets", "", 502, unfinished, "(unfinished): it took the request and"},
		{"/babbles", "", 502, unfinished, "(unfinished): what it answered is not HTTP"},
		{"/hangs", "", 504, late, "answered 504 for web.1 of release 7 (late): it took the request and did not begin to answer in time"},
		{"/short", "", 0, brokenOff, "cut an answer off for web.1 of release 7 (cut): the instance closed the connection in the middle"},
		{"/chunks", "", 0, brokenOff, ""},
		{"/large", "", 0, unread, "cut an answer off for web.1 of release 7 (unread): the client took nothing"},
		{"/", "Content-Length: 5\r\n", 408, slow, "answered 408 (slow): the client sent"},
	} {
		c := dialEdge(t, e)
		_ = c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x.dev.localhost\r\n%s\r\n", tc.path, tc.more)
		if tc.cause == unread {
			until(t, "it is let go", func() bool { return e.counts(unread) > 0 })
		} else if res, err := http.ReadResponse(c.r, nil); tc.status != 0 && (err != nil || res.StatusCode != tc.status) {
			t.Errorf("%s: %v %v", tc.path, res, err)
		} else if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
		}
		if tc.cause != "" {
			counted[fmt.Sprint("x dev ", tc.status, " ", tc.cause)]++
		}
		if text, _ := os.ReadFile(file); !strings.Contains(string(text), tc.says) {
			t.Errorf("%s: want %q in\n%s", tc.path, tc.says, text)
		}
	}
	e.doors.Clear()
	for host, of := range map[string]string{"x.dev.localhost": "x dev 503 unreached", "nobody.localhost": "  404 unknown"} {
		c := dialEdge(t, e)
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host)
		_, _, _ = c.answer()
		counted[of]++
	}
	all := e.Unserved()
	for _, u := range all {
		key := fmt.Sprint(u.Service, " ", u.Environment, " ", u.Status, " ", u.Cause)
		if counted[key] != u.Count {
			t.Errorf("%s: %d, want %d", key, u.Count, counted[key])
		}
		delete(counted, key)
	}
	if len(counted) > 0 {
		t.Errorf("not counted: %v", counted)
	}
	text, _ := os.ReadFile(file)
	line := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (answered \d{3}|cut an answer off)( for web\.1 of release 7)? \([a-z]+\): .+$`)
	for l := range strings.Lines(string(text)) {
		if !line.MatchString(strings.TrimSpace(l)) {
			t.Errorf("%q", l)
		}
	}
}

// counts is how often the edge answered by itself for a cause.
func (t *table) counts(why cause) (n int64) {
	_, u := t.find("x.dev.localhost")
	u.mu.Lock()
	defer u.mu.Unlock()
	for of, count := range u.counts {
		if of.cause == why {
			n += count
		}
	}
	return n
}

// TestAFloodIsToldInOneLine: what repeats is told as a number, and the log of what the
// edge answers by itself has a bound.
func TestAFloodIsToldInOneLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "edge.log")
	u := &unserved{file: file, together: 300 * time.Millisecond}
	read := func() string { text, _ := os.ReadFile(file); return string(text) }
	for range 413 {
		u.add(503, unreached, "", "")
	}
	if text := read(); strings.Count(text, "\n") != 1 {
		t.Fatalf("at once:\n%s", text)
	}
	until(t, "how many more", func() bool {
		return strings.Contains(read(), "(unreached): no instance took the request: and 412 more in 300ms\n")
	})
	until(t, "it is forgotten", func() bool { u.mu.Lock(); defer u.mu.Unlock(); return len(u.bursts) == 0 })
	for k := range 10_000 {
		u.add(502, unfinished, fmt.Sprintf("web.%d of release 1", k), "")
	}
	u.end()
	if text := read(); strings.Count(text, "\n") > 2+unservedKinds+2 || !strings.Contains(text, "several instances") {
		t.Errorf("%d lines\n%.600s", strings.Count(text, "\n"), text)
	}
	if err := os.Truncate(file, unservedMost+1); err != nil {
		t.Fatal(err)
	}
	u.add(502, unfinished, "", "")
	if text := read(); strings.Count(text, "\n") != 1 {
		t.Errorf("it goes on in a full log")
	}
}
