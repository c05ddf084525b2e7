//go:build long

package node_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestLongPosts sends a million POSTs through the edge to each of the servers of which
// it once cut answers, over connections that are kept. SLIPWAY_EDGE_POSTS is another number.
func TestLongPosts(t *testing.T) {
	many := int64(1_000_000)
	if n, err := strconv.ParseInt(os.Getenv("SLIPWAY_EDGE_POSTS"), 10, 64); err == nil {
		many = n
	}
	venv := environmentWith(t, "waitress==3.0.2", "uvicorn[standard]==0.54.0", "gunicorn==27.0.1")
	for _, command := range []string{
		"gunicorn app:app --worker-class gthread --threads 8", "waitress-serve --listen=127.0.0.1:$PORT --threads 8 app:app", "uvicorn app:asgi --port $PORT --no-access-log",
	} {
		t.Run(strings.Fields(command)[0], func(t *testing.T) {
			b := newBench(t)
			b.must(b.serving(venv, command))
			var load sync.WaitGroup
			var left, lost atomic.Int64
			left.Store(many)
			for k := range 16 {
				load.Go(func() {
					if err := b.posts(&left, []int{300, 2000, 70000}[k%3*(k%2)]); err != nil {
						lost.Add(1)
						t.Error(err)
					}
				})
			}
			load.Wait()
			t.Logf("%d POSTs, %d lost or short", many, lost.Load())
		})
	}
}

// posts sends requests with a body of a size over one connection while some are left.
func (b *bench) posts(left *atomic.Int64, size int) error {
	c, err := net.Dial("tcp", b.edge)
	if err != nil {
		return err
	}
	defer c.Close()
	request := fmt.Sprintf("POST / HTTP/1.1\r\nHost: shop.dev.localhost\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
	for r := bufio.NewReader(c); left.Add(-1) >= 0; {
		if _, err := io.WriteString(c, request); err != nil {
			return err
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 || string(text) != "done" {
			return fmt.Errorf("%d %q %v", res.StatusCode, text, err)
		}
	}
	return nil
}
