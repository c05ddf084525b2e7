package node

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/socket"
)

// The node's API is the Target port over a unix socket: a request names the
// method and carries its argument as JSON; the answer is a stream of JSON lines,
// any number of {"log": text} and one {"error": ...} or {"result": ...} last.
// Whoever may open the socket and read the key beside it may do everything, so
// both lie in a directory of their owner's.

const socketName = "node.sock"

// Line is one line of an answer.
type Line struct {
	Log    string          `json:"log,omitempty"`
	Error  *LineError      `json:"error,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
}

// LineError is a slipway error on its way.
type LineError struct {
	Code    slipway.Code `json:"code"`
	Message string       `json:"message"`
}

type server struct {
	http   *http.Server
	failed chan error
	dir    string
}

// listen opens the socket. The key is anew with each agent: a platform reads it
// for each request.
func (n *Node) listen() (*server, error) {
	// We hold the lock: a socket that is there is a dead agent's.
	l, key, err := socket.Listen(n.dir, socketName)
	if errors.Is(err, syscall.ENOSPC) && os.Remove(n.reserveFile()) == nil {
		n.o.Log.Warn("the disk is full; what was kept back for this is used, so free some space now", "directory", n.dir)
		l, key, err = socket.Listen(n.dir, socketName)
	}
	if err != nil {
		return nil, err
	}
	s := &server{http: &http.Server{Handler: locked(key, n.handler()), ReadHeaderTimeout: 5 * time.Second}, failed: make(chan error, 1), dir: n.dir}
	go func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return s, nil
}

// locked answers 401 to whoever doesn't show the key, and nothing else.
func locked(key socket.Key, open http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key.Opens(r) {
			open.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		(&lines{to: bufio.NewWriter(w), flush: w.(http.Flusher)}).end(nil, socket.Refusal(socketName))
	})
}

func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
	}
	_ = os.Remove(filepath.Join(s.dir, socketName))
	_ = os.Remove(filepath.Join(s.dir, socket.KeyFile(socketName)))
}

// TrafficQuery asks for what the edge counted.
type TrafficQuery struct {
	Service, Environment string
	Since                time.Time
}

// RecallQuery names a deployment.
type RecallQuery struct{ Service, Environment, Deployment string }

func (n *Node) handler() http.Handler {
	mux := http.NewServeMux()
	type work func(context.Context, slipway.Deployment, io.Writer) error
	for name, do := range map[string]work{"release": n.Release, "deploy": n.Deploy, "revert": n.Revert} {
		handle(mux, name, func(ctx context.Context, d slipway.Deployment, log io.Writer) (any, error) {
			return nil, do(ctx, d, log)
		})
	}
	handle(mux, "rehearse", func(ctx context.Context, d slipway.Deployment, log io.Writer) (any, error) {
		return n.Rehearse(ctx, d, log)
	})
	handle(mux, "observe", func(ctx context.Context, q slipway.LogQuery, _ io.Writer) (any, error) {
		return n.Observe(ctx, q.Service, q.Environment)
	})
	handle(mux, "traffic", func(ctx context.Context, q TrafficQuery, _ io.Writer) (any, error) {
		return n.Traffic(ctx, q.Service, q.Environment, q.Since)
	})
	handle(mux, "logs", func(ctx context.Context, q slipway.LogQuery, log io.Writer) (any, error) {
		return nil, n.Logs(ctx, q, log)
	})
	handle(mux, "remove", func(ctx context.Context, q slipway.LogQuery, _ io.Writer) (any, error) {
		return nil, n.Remove(ctx, q.Service, q.Environment)
	})
	handle(mux, "names", func(ctx context.Context, d slipway.Domains, _ io.Writer) (any, error) {
		return nil, n.Answer(ctx, d)
	})
	handle(mux, "unserved", func(ctx context.Context, _ struct{}, _ io.Writer) (any, error) {
		return n.Unserved(ctx)
	})
	handle(mux, "running", func(ctx context.Context, _ struct{}, _ io.Writer) (any, error) {
		return n.Running(ctx)
	})
	handle(mux, "recall", func(ctx context.Context, q RecallQuery, _ io.Writer) (any, error) {
		return n.Recall(ctx, q.Service, q.Environment, q.Deployment)
	})
	handle(mux, "end", func(ctx context.Context, e slipway.Ending, log io.Writer) (any, error) {
		return nil, n.End(ctx, e, log)
	})
	handle(mux, "status", func(context.Context, struct{}, io.Writer) (any, error) {
		return n.Status(), nil
	})
	handle(mux, "shutdown", func(ctx context.Context, _ struct{}, _ io.Writer) (any, error) {
		return nil, n.Shutdown(context.WithoutCancel(ctx))
	})
	return mux
}

// handle serves one method. The request's context ends with its connection, so
// that a caller who goes away cancels what it asked for.
func handle[In any](mux *http.ServeMux, name string, do func(context.Context, In, io.Writer) (any, error)) {
	mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
		out := &lines{to: bufio.NewWriter(w), flush: w.(http.Flusher)}
		var in In
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<20)).Decode(&in); err != nil {
			out.end(nil, slipway.Errorf(slipway.Invalid, "the request to the node can't be read"))
			return
		}
		result, err := do(r.Context(), in, out)
		out.end(result, err)
	})
}

// lines writes an answer.
type lines struct {
	mu    sync.Mutex
	to    *bufio.Writer
	flush http.Flusher
}

func (l *lines) Write(p []byte) (int, error) {
	return len(p), l.send(Line{Log: string(p)})
}

func (l *lines) send(line Line) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := json.NewEncoder(l.to).Encode(line); err != nil {
		return err
	}
	if err := l.to.Flush(); err != nil {
		return err
	}
	l.flush.Flush()
	return nil
}

func (l *lines) end(result any, err error) {
	if err != nil {
		message := "the node has an internal error; its log says more"
		var known *slipway.Error
		if errors.As(err, &known) {
			message = known.Message
		}
		_ = l.send(Line{Error: &LineError{Code: slipway.CodeOf(err), Message: message}})
		return
	}
	text, err := json.Marshal(result)
	if err != nil {
		text = []byte(fmt.Sprintf("%q", "unreadable"))
	}
	_ = l.send(Line{Result: text})
}
