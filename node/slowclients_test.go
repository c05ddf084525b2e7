package node_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// servesBesideSlow: 500 clients that take nothing of an answer, and as many that send
// nothing more of a body, keep none of the threads of the server that Slipway gives to
// WSGI: others are answered beside them, and the service stays healthy.
func servesBesideSlow(t *testing.T, venv string) {
	b := newBench(t)
	b.must(b.serving(venv, "gunicorn app:app --worker-class gthread --threads 8"))
	const many = 500
	began := time.Now()
	for k := range 2 * many {
		c, err := net.Dial("tcp", b.edge)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
			t.Fatal(err)
		}
		request := "GET /large HTTP/1.1\r\nHost: shop.dev.localhost\r\n\r\n"
		if k >= many {
			request = "POST / HTTP/1.1\r\nHost: shop.dev.localhost\r\nContent-Length: 1000\r\n\r\nx"
		}
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
	}
	sent := time.Since(began)
	b.eventually("others are answered at once", func() bool {
		asked := time.Now()
		for range 20 {
			if status, _, _ := b.get("/who"); status != 200 {
				return false
			}
		}
		return time.Since(asked) < 5*time.Second
	})
	own, err := b.node.Unserved(context.Background())
	if err != nil || slices.ContainsFunc(own, func(c slipway.EdgeCount) bool { return c.Cause != slipway.EdgeUnread }) {
		t.Errorf("the edge answered by itself: %+v %v", own, err)
	}
	t.Logf("all were sent after %s, others answered after %s; cut: %+v", sent.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), own)
	if i := b.instance("web.1"); fmt.Sprint(i.State) != "healthy" {
		t.Errorf("%+v", i)
	}
}
