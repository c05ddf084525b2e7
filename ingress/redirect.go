package ingress

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// serveRedirect answers in clear, and only two things: where the platform is,
// and the authority's question whether the host is ours.
func (e *Entrance) serveRedirect(ctx context.Context) {
	var handler http.Handler = http.HandlerFunc(e.inClear)
	if e.acme != nil {
		handler = e.acme.proves(handler)
	}
	s := &http.Server{
		Handler:           http.MaxBytesHandler(handler, 4<<10),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(e.log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(e.redirect); err != nil && ctx.Err() == nil && !errors.Is(err, http.ErrServerClosed) {
		e.log.Error("the redirecting address has stopped", "error", err)
	}
}
