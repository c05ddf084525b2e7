package edge

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// TestBodiesWithoutALengthHaveBounds: one that grows beyond what a service takes is
// answered for, and counted, when that is seen; what it states besides holds as well.
func TestBodiesWithoutALengthHaveBounds(t *testing.T) {
	e := edgeAlone(t, alone(t))
	e.bound(Bounds{Body: 1000, Pace: Pace{Idle: 300 * time.Millisecond}, Memory: 400})
	for _, tc := range []struct {
		name, request, rest string
		status              int
		why                 cause
	}{
		{"within", "Transfer-Encoding: chunked\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", 1000, strings.Repeat("x", 1000)), 200, ""},
		{"beyond", "Transfer-Encoding: chunked\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", 3000, strings.Repeat("x", 3000)), 413, large},
		{"announced", "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n", "", 413, large},
		{"on disk", "Content-Length: 1000\r\n\r\n", strings.Repeat("x", 1000), 200, ""},
		{"a client that pauses", "Content-Length: 1000\r\n\r\n", "x", 408, slow},
	} {
		before := e.counts(tc.why)
		c := dialEdge(t, e)
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\n"+tc.request+tc.rest)
		if status, text, err := c.answer(); status != tc.status || err != nil {
			t.Errorf("%s: %d %q %v", tc.name, status, text, err)
		}
		if n := e.counts(tc.why) - before; tc.why != "" && n != 1 {
			t.Errorf("%s: counted %d times", tc.name, n)
		}
	}
}

// bound gives the test's route bounds.
func (e *Edge) bound(b Bounds) {
	at, _ := e.find("x.dev.localhost")
	next := *at
	next.Bounds = b
	e.Set([]Route{next})
}
