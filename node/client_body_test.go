package node

import (
	"io"
	"net"
	"strings"
	"testing"
)

// TestClientsOwnBadBodies: a body that a client writes wrongly or breaks off is neither
// counted against the release nor held against the instance that was to get it.
func TestClientsOwnBadBodies(t *testing.T) {
	const chunked = "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, request := range map[string]string{
		"no chunk":                    chunked + "ZZ\r\n",
		"no chunk after one":          chunked + "5\r\nhello\r\nZZ\r\n",
		"no chunk after much":         chunked + "11170\r\n" + strings.Repeat("x", 0x11170) + "\r\nZZ\r\n",
		"broken off within a chunk":   chunked + "50\r\nhello",
		"broken off between them":     chunked + "5\r\nhello\r\n",
		"broken off of a small":       "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nContent-Length: 2000\r\n\r\nhello",
		"broken off of a large":       "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nContent-Length: 200000\r\n\r\nhello",
		"broken off of a large, late": "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 150000),
	} {
		t.Run(name, func(t *testing.T) {
			e := named(t)
			c := dialEdge(t, e)
			_, _ = io.WriteString(c, request)
			_ = c.Conn.(*net.TCPConn).CloseWrite()
			if status, text, err := c.answer(); status != 400 || err != nil {
				t.Errorf("%d %q %v", status, text, err)
			}
			if n := failed(e); n != 0 {
				t.Errorf("%d failures are counted", n)
			}
			bothAnswer(t, e)
		})
	}
}
