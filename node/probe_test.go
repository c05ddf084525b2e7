package node

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestProbesTellAClosedConnectionFromSilence against servers that do each.
func TestProbesTellAClosedConnectionFromSilence(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	for says, serve := range map[string]func(net.Conn, *bufio.Reader){
		"closed the connection without an answer to":         func(_ net.Conn, r *bufio.Reader) { _, _ = http.ReadRequest(r) },
		"took the connection, and within 5 s did not answer": func(net.Conn, *bufio.Reader) { <-over },
		"gave no answer that is HTTP to":                     func(c net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(c, "220 mail.example ESMTP\r\n\r\n") },
	} {
		c := http.Client{Timeout: 300 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			serve(conn, bufio.NewReader(conn))
		}()
		res, err := c.Get("http://" + l.Addr().String())
		if err == nil {
			_ = res.Body.Close()
			t.Fatalf("%s: it answered %d", says, res.StatusCode)
		}
		if got := unansweredProbe(err); got != says {
			t.Errorf("%v: said %q, want %q", err, got, says)
		}
	}
}
