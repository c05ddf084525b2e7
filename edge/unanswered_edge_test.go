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
)

// TestWhatTheEdgeAnswers: each of its statuses means one thing.
func TestWhatTheEdgeAnswers(t *testing.T) {
	takes := func(then func(net.Conn, *http.Request)) string {
		return serveConns(t, func(c net.Conn, r *bufio.Reader) {
			if req, err := http.ReadRequest(r); err == nil {
				then(c, req)
			}
		})
	}
	over := make(chan bool)
	t.Cleanup(func() { close(over) })
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	closes := takes(func(net.Conn, *http.Request) {})
	hangs := takes(func(net.Conn, *http.Request) { <-over })
	babbles := takes(func(c net.Conn, _ *http.Request) { _, _ = io.WriteString(c, "what?\r\n\r\n") })
	deaf := takes(func(c net.Conn, r *http.Request) { _, _ = io.CopyN(io.Discard, r.Body, 1); <-over })
	large := "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nContent-Length: 33554432\r\n\r\n" + strings.Repeat("x", 33554432)
	for name, tc := range map[string]struct {
		backends []string
		request  string
		status   int
		says     string
		retry    string
	}{
		"nobody listens":          {[]string{nobody.Addr().String()}, "", 503, "did not reach it", "2"},
		"nobody of two":           {[]string{nobody.Addr().String(), nobody.Addr().String()}, "", 503, "did not reach it", "2"},
		"no instance":             {nil, "", 503, "did not reach it", "2"},
		"it ends":                 {[]string{closes}, "", 502, "may have had an effect", ""},
		"no answer in HTTP":       {[]string{babbles}, "", 502, "may have had an effect", ""},
		"it hangs":                {[]string{hangs}, "", 504, "within 200ms", ""},
		"it hangs, with a body":   {[]string{hangs}, posts["small"], 504, "within 200ms", ""},
		"it takes no more of one": {[]string{deaf}, large, 504, "within 200ms", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := edgeAlone(t, tc.backends...)
			e.Patience = 200 * time.Millisecond
			e.mu.Lock()
			e.backends["1"].limit = 200 * time.Millisecond
			e.mu.Unlock()
			c := dialEdge(t, e)
			request := tc.request
			if request == "" {
				request = "GET / HTTP/1.1\r\nHost: x.dev.localhost\r\n\r\n"
			}
			go func() { _, _ = io.WriteString(c, request) }()
			res, err := http.ReadResponse(c.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			if res.StatusCode != tc.status || !strings.Contains(string(text), tc.says) || res.Header.Get("Retry-After") != tc.retry {
				t.Errorf("%d %q, Retry-After %q", res.StatusCode, text, res.Header.Get("Retry-After"))
			}
		})
	}
}

// TestSlowClientsAreNotLate: the time that a client takes for its request, or an answer
// for its end, is not the instance's.
func TestSlowClientsAreNotLate(t *testing.T) {
	e := edgeAlone(t, serveConns(t, func(c net.Conn, r *bufio.Reader) {
		if req, err := http.ReadRequest(r); err == nil {
			n, _ := io.Copy(io.Discard, req.Body)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for range 4 {
				<-time.After(150 * time.Millisecond)
				fmt.Fprintf(c, "%x\r\n%d\r\n", len(fmt.Sprint(n)), n)
			}
			_, _ = io.WriteString(c, "0\r\n\r\n")
		}
	}))
	e.mu.Lock()
	e.backends["1"].limit = 400 * time.Millisecond
	e.mu.Unlock()
	c := dialEdge(t, e)
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range 4 {
		<-time.After(150 * time.Millisecond)
		_, _ = io.WriteString(c, "1\r\nx\r\n")
	}
	_, _ = io.WriteString(c, "0\r\n\r\n")
	if status, text, err := c.answer(); status != 200 || string(text) != "4444" || err != nil {
		t.Errorf("%d %q %v", status, text, err)
	}
}

// TestAskedToContinue: whether a client shall send its body is the application's word.
func TestAskedToContinue(t *testing.T) {
	e := edgeAlone(t, serveConns(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if req.URL.Path == "/refused" {
				_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
			n, _ := io.Copy(io.Discard, req.Body)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%4d", n)
		}
	}))
	head := func(path string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x.dev.localhost\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n"
	}
	c := dialEdge(t, e)
	_, _ = io.WriteString(c, head("/"))
	if line, err := c.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("%q %v", line, err)
	}
	_, _ = c.r.ReadString('\n')
	_, _ = io.WriteString(c, strings.Repeat("x", 2000))
	if status, text, err := c.answer(); status != 200 || string(text) != "2000" || err != nil {
		t.Errorf("%d %q %v", status, text, err)
	}
	_, _ = io.WriteString(c, head("/refused"))
	if status, text, err := c.answer(); status != 413 || string(text) != "no" || err != nil {
		t.Errorf("%d %q %v", status, text, err)
	}
}
