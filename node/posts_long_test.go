//go:build long

package node_test

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestLongPosts sends a million POSTs through the edge to each of the servers of which
// it once cut answers, over connections that are kept, and a tenth of that to uWSGI,
// however that listens. SLIPWAY_EDGE_POSTS is another number.
func TestLongPosts(t *testing.T) {
	many := int64(1_000_000)
	if n, err := strconv.ParseInt(os.Getenv("SLIPWAY_EDGE_POSTS"), 10, 64); err == nil {
		many = n
	}
	venv := environmentWith(t, "waitress==3.0.2", "uvicorn[standard]==0.54.0", "gunicorn==27.0.1", "uWSGI==2.0.31")
	for _, command := range []string{
		"gunicorn app:app --worker-class gthread --threads 8", "waitress-serve --listen=127.0.0.1:$PORT --threads 8 app:app", "uvicorn app:asgi --port $PORT --no-access-log",
		"uwsgi --http 127.0.0.1:$PORT --need-app --disable-logging --module app:app", "uwsgi --http 127.0.0.1:$PORT --master --need-app --disable-logging --module app:app",
		"uwsgi --http-socket 127.0.0.1:$PORT --master --need-app --disable-logging --module app:app", "uwsgi --http11-socket 127.0.0.1:$PORT --master --need-app --disable-logging --module app:app",
	} {
		t.Run(strings.ReplaceAll(strings.Join(strings.Fields(command)[:4], " "), "127.0.0.1:$PORT", "PORT"), func(t *testing.T) {
			many := many
			if strings.HasPrefix(command, "uwsgi") {
				many /= 10
			}
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
