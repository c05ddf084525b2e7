package api

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/operations"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/socket"
)

// Options are what a server needs.
type Options struct {
	Platform *platform.Platform
	Log      *slog.Logger // nil discards
	Version  string
	Commit   string
	Listen   string // the address that is listened on; its host is an allowed Host header
	// PublicURL is what people open, such as https://slipway.example.com; "" when
	// the platform answers on its own machine only. No other host is answered from
	// outside, and browsers are told to stay with https when it is.
	PublicURL string
	// Front stands before everything else, when it is there: it says who asks when
	// proxies are between. Requests reach it as they came.
	Front func(http.Handler) http.Handler
	// Connected says more of a connection to those who answer its requests; it may be nil.
	Connected func(context.Context, net.Conn) context.Context
	// Portal answers what is outside the API; nil sends people to the reference page.
	Portal http.Handler
	// RequestsPerMinute bounds each account, and five times as many each
	// address; 0 is RatePerMinute, less is no bound.
	RequestsPerMinute int
	// SocketKey opens what comes by a unix socket; without it nobody comes in there.
	SocketKey socket.Key
}

// Server is the REST API. It is an http.Handler; Serve runs it with the limits
// that a server on a network needs.
type Server struct {
	echo     *echo.Echo
	platform *platform.Platform
	log      *slog.Logger
	spec     *openapi3.T
	version  operations.Version
	listen   string
	public   string // the public URL's origin and its host
	host     string
	front    http.Handler
	joined   func(context.Context, net.Conn) context.Context
	key      socket.Key

	metrics   *metrics
	accounts  *rates
	addresses *rates

	draining chan struct{} // closed when streams should end
	drain    sync.Once
}

// NewServer connects the API to a platform.
func NewServer(o Options) (*Server, error) {
	doc, err := loadSpec()
	if err != nil {
		return nil, err
	}
	s := &Server{
		echo: echo.New(), platform: o.Platform, log: o.Log, spec: doc, listen: o.Listen, key: o.SocketKey, joined: o.Connected,
		version: operations.Version{Version: o.Version, Commit: o.Commit, Go: goVersion()}, draining: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.version.Version == "" {
		s.version.Version = "devel"
	}
	s.metrics, s.accounts, s.addresses = newMetrics(s.version), newRates(o.RequestsPerMinute), newRates(5*o.RequestsPerMinute)
	if o.RequestsPerMinute == 0 {
		s.addresses = newRates(5 * RatePerMinute)
	}
	if o.PublicURL != "" {
		u, err := url.Parse(o.PublicURL)
		if err != nil {
			return nil, slipway.Wrap(slipway.Invalid, err, "the public URL %q can't be read", o.PublicURL)
		}
		s.public, s.host = u.Scheme+"://"+u.Host, u.Hostname()
	}
	s.front = s.echo
	if o.Front != nil {
		s.front = o.Front(s.echo)
	}
	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.fail
	e.Pre(requestID, s.accessLog, s.recovered, s.securityHeaders, s.keyed, s.knownHost, s.sameSite, s.limited, bodyLimit)
	e.Use(s.measured, s.authenticated, s.validated, s.once)
	operations.RegisterHandlersWithBaseURL(e, operations.NewStrictHandler(operations.New(s.platform, s.log, s.version, s.draining), nil), operations.BasePath)
	s.concrete()

	contract, err := referencePage()
	if err != nil {
		return nil, err
	}
	page := contract.at(cmp.Or(s.public, "http://"+cmp.Or(o.Listen, "127.0.0.1:7070")))
	reference := func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", contract.policy)
		return c.HTMLBlob(http.StatusOK, page)
	}
	e.GET(operations.BasePath, func(c echo.Context) error { return c.Redirect(http.StatusFound, operations.BasePath+"/") })
	e.GET(operations.BasePath+"/", reference)
	e.GET(operations.BasePath+"/openapi.yaml", func(c echo.Context) error {
		return c.Blob(http.StatusOK, "application/yaml; charset=utf-8", Spec)
	})
	e.Any(operations.BasePath+"/*", s.elsewhere)
	e.GET("/.well-known/jwks.json", s.publicKeys)
	e.GET("/metrics", s.exposition)
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), 3*time.Second)
		defer cancel()
		if err := s.platform.Ready(ctx); err != nil {
			return slipway.Wrap(slipway.Unavailable, err, "the platform is not ready: %s", operations.ProblemOf(err).Detail)
		}
		return c.String(http.StatusOK, "ready\n")
	})
	if o.Portal != nil {
		portal := echo.WrapHandler(o.Portal)
		e.Any("/*", func(c echo.Context) error {
			if at := c.Request().URL.Path; at == "/api" || strings.HasPrefix(at, "/api/") {
				return s.elsewhere(c) // programs ask there: pages are no answer
			}
			return portal(c)
		})
	} else {
		e.GET("/", func(c echo.Context) error { return c.Redirect(http.StatusFound, operations.BasePath+"/") })
	}
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.front.ServeHTTP(w, r) }

// HTTP is an http.Server with timeouts and limits for this API. Streams
// lengthen the write deadline as they go and end when it is shut down.
func (s *Server) HTTP() *http.Server {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if s.joined != nil {
				ctx = s.joined(ctx, c)
			}
			if _, ok := c.(*net.UnixConn); ok {
				return context.WithValue(ctx, operatorKey{}, true)
			}
			return ctx
		},
	}
	srv.RegisterOnShutdown(func() { s.drain.Do(func() { close(s.draining) }) })
	return srv
}

// Serve answers on all listeners until ctx ends, then lets requests under way
// finish for a short while. Who comes by a unix socket and has its key is the
// operator.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	srv := s.HTTP()
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ended <- srv.Serve(l) }()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := srv.Shutdown(grace)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		return errors.Join(err, served)
	}
	return err
}
