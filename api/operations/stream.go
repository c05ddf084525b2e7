package operations

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

// document is a body that is passed on as it is.
type document struct {
	kind string
	body io.Reader
	size int64
}

// VisitGetReleaseSbomResponse writes the document.
func (d document) VisitGetReleaseSbomResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", d.kind)
	w.Header().Set("Content-Length", strconv.FormatInt(d.size, 10))
	w.WriteHeader(http.StatusOK)
	_, err := io.Copy(w, d.body)
	return err
}

// patience is how long one write of a stream may take: a reader that has gone
// to sleep doesn't hold a connection for ever.
const patience = 30 * time.Second

// live is a response body that is sent as it is written. Nothing is sent
// before the first write, so that an error until then is still a problem.
type live struct {
	w       http.ResponseWriter
	control *http.ResponseController
	kind    string
	begun   bool
}

func newLive(w http.ResponseWriter, kind string) *live {
	return &live{w: w, control: http.NewResponseController(w), kind: kind}
}

// begin sends the headers.
func (l *live) begin() error {
	if l.begun {
		return nil
	}
	l.begun = true
	h := l.w.Header()
	h.Set("Content-Type", l.kind)
	h.Set("X-Accel-Buffering", "no") // proxies hold streams back otherwise
	l.extend()
	l.w.WriteHeader(http.StatusOK)
	return l.control.Flush()
}

// extend gives the next write its time. A writer without deadlines, as in
// tests, needs none.
func (l *live) extend() { _ = l.control.SetWriteDeadline(time.Now().Add(patience)) }

func (l *live) Write(p []byte) (int, error) {
	if err := l.begin(); err != nil {
		return 0, err
	}
	l.extend()
	n, err := l.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, l.control.Flush()
}

// streaming is ctx, ended also when the server is told to stop: whoever follows
// comes back to the next one. It is counted: Limited says that the caller has too
// many open. And it ends when the caller's access does.
func (h *handlers) streaming(ctx context.Context) (context.Context, context.CancelFunc, error) {
	ctx, cancel, err := h.platform.Follow(ctx)
	if err != nil {
		return nil, nil, err
	}
	go func() {
		select {
		case <-h.draining:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel, nil
}
