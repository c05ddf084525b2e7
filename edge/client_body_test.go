package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
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

// TestUploadsAreWholeOrFail: what the server throws away of an upload, when an answer
// begins long before its end, never goes missing from what the instance takes for whole.
func TestUploadsAreWholeOrFail(t *testing.T) {
	const chunk, chunks = 8 << 10, 256
	type upload struct {
		bytes int64
		err   error
	}
	got := make(chan upload, 1)
	e := edgeAlone(t, serveConns(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n.\r\n")
		n, err := io.Copy(io.Discard, req.Body)
		got <- upload{n, err}
		_, _ = io.WriteString(c, "0\r\n\r\n")
	}))
	c := dialEdge(t, e)
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x.dev.localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
	go func() { _, _ = io.Copy(io.Discard, c.r) }()
	for range chunks {
		if _, err := fmt.Fprintf(c, "%x\r\n%s\r\n", chunk, strings.Repeat("x", chunk)); err != nil {
			break // the edge wants no more of it
		}
	}
	_, _ = io.WriteString(c, "0\r\n\r\n")
	if u := <-got; u.err == nil && u.bytes != chunk*chunks {
		t.Errorf("the instance takes %d bytes of %d for the whole", u.bytes, chunk*chunks)
	}
	if n := failed(e); n != 0 {
		t.Errorf("%d failures are counted", n)
	}
}
