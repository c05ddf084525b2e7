package node

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"time"
)

// keptWithin is how long an instance has for the two answers by which it is learned
// whether it keeps connections.
const keptWithin = 10 * time.Second

// learnKept finds out whether the server at a port keeps a connection for another
// request. uWSGI for one closes it without a word after each answer: a POST that is sent
// over it meanwhile is lost, as nobody can tell whether it had an effect.
func (i *instance) learnKept(port int) {
	ctx, cancel := context.WithTimeout(i.ctx, keptWithin)
	defer cancel()
	if i.keeps(ctx) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if port == i.port() && port != i.closed {
			i.place.node.edge.Keeps(port)
		}
	}
}

// keeps asks the instance twice over one connection.
func (i *instance) keeps(ctx context.Context) bool {
	conn, err := i.dial(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	req, err := i.probeRequest(ctx)
	if err != nil {
		return false
	}
	answers := bufio.NewReader(conn)
	for range 2 {
		if err := req.Write(conn); err != nil {
			return false
		}
		res, err := http.ReadResponse(answers, req)
		if err != nil {
			return false
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.Close {
			return false
		}
	}
	return true
}
