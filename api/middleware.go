package api

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/operations"
)

// MaxBody bounds the body of a request.
const MaxBody = 1 << 20

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// requestID keeps a caller's sane X-Request-Id and makes one otherwise.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !requestIDForm.MatchString(id) {
			id = newRequestID()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

// recovered turns a panic into an internal error with its stack in the log.
func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch r := recover(); r {
			case nil:
			case http.ErrAbortHandler:
				panic(r)
			default:
				s.log.Error("a handler panicked", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
				err = fmt.Errorf("panic: %v", r)
			}
		}()
		return next(c)
	}
}

// accessLog writes one line per request. Query values stay out of it: they are
// the caller's business.
func (s *Server) accessLog(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		if err := next(c); err != nil {
			c.Error(err) // so that the status below is the one that was sent
		}
		r, w := c.Request(), c.Response()
		s.log.Info("request", "method", r.Method, "path", loggedPath(r.URL.Path), "status", w.Status, "bytes", w.Size,
			"millis", time.Since(start).Milliseconds(), "from", callerOf(r).Address, "request_id", w.Header().Get(echo.HeaderXRequestID))
		return nil
	}
}

// loggedPath leaves out what is a secret in a path: whoever reads the log could
// accept the invitation.
func loggedPath(path string) string {
	const secret = "/invitations/"
	if rest, ok := strings.CutPrefix(path, secret); ok && rest != "" {
		return secret + "..."
	}
	return path
}

// securityHeaders are right for everything that is served here; the reference
// page widens the policy by the hash of its style.
func (s *Server) securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		if strings.HasPrefix(s.public, "https://") && hostname(c.Request().Host) == s.host {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}

// knownHost refuses a Host that isn't this platform's: a web page that makes its
// own name resolve to this address would otherwise be same-origin with the API.
// Probes are answered under any name: they tell nothing, and whoever runs the
// platform asks by address.
func (s *Server) knownHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if s.hostAllowed(r) || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			return next(c)
		}
		if s.public != "" {
			return operations.Refuse(http.StatusMisdirectedRequest, slipway.Denied, "this host name is not Slipway's; use %s", s.public)
		}
		return operations.Refuse(http.StatusMisdirectedRequest, slipway.Denied, "this host name is not Slipway's; use localhost, 127.0.0.1 or [::1]")
	}
}

func (s *Server) hostAllowed(r *http.Request) bool {
	name := strings.ToLower(strings.TrimSuffix(hostname(r.Host), "."))
	if name == "" {
		return false
	}
	if s.host != "" && name == s.host {
		return true
	}
	ip := net.ParseIP(name)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback() {
		return s.public == "" || fromHere(r)
	}
	return name == strings.ToLower(hostname(s.listen)) && (ip == nil || !ip.IsUnspecified())
}

// fromHere tells whether a request came over this machine's loopback, or by a
// unix socket.
func fromHere(r *http.Request) bool {
	switch a := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// sameSite refuses what a browser sends here on behalf of another site. Under
// the public name, http is another site than https.
func (s *Server) sameSite(next echo.HandlerFunc) echo.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		r := c.Request()
		err := protection.Check(r)
		if from := r.Header.Get(echo.HeaderOrigin); err == nil && from != "" && s.host != "" && hostname(r.Host) == s.host &&
			r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions && from != s.public {
			err = errors.New("another scheme or port")
		}
		if err != nil {
			return slipway.Errorf(slipway.Denied, "a page of another site sent this request; open the API from its own address")
		}
		return next(c)
	}
}

// bodyLimit bounds what is read of a body, said or chunked. An operation that
// takes none reads nothing, and has nothing to refuse.
func bodyLimit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.ContentLength > MaxBody && !strings.HasPrefix(r.URL.Path, operations.BasePath+"/") {
			return errTooLarge()
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, MaxBody)
		return next(c)
	}
}

func errTooLarge() error {
	return operations.Refuse(http.StatusRequestEntityTooLarge, slipway.Invalid, "the request body is larger than 1 MiB")
}
