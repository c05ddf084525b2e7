package api

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/operations"
)

// fail writes err as problem details. It is the only place that does.
func (s *Server) fail(err error, c echo.Context) {
	id := c.Response().Header().Get(echo.HeaderXRequestID)
	if id == "" {
		id = newRequestID()
		c.Response().Header().Set(echo.HeaderXRequestID, id)
	}
	p := operations.ProblemOf(err)
	p.RequestId, p.Instance = id, c.Request().URL.Path
	for i := range p.Errors {
		p.Errors[i].Pointer = s.pointer(c, p.Errors[i])
	}
	if c.Path() == operations.BasePath+"/token" && p.Status == http.StatusBadRequest && p.Error == "" {
		p.Error = "invalid_request"
	}
	if p.Code == slipway.Internal {
		s.log.Error("a request failed", "request_id", id, "method", c.Request().Method, "path", p.Instance, "error", operations.WithCauses(err))
	}
	if c.Response().Committed {
		return
	}
	h := c.Response().Header()
	switch p.Status {
	case http.StatusUnauthorized: // which says how, whoever found it out (RFC 9110, 15.5.2)
		how := `Bearer realm="slipway"`
		if p.Code == slipway.Unproved { // RFC 9470
			how += `, error="insufficient_user_authentication", max_age="600"`
		}
		h.Set(echo.HeaderWWWAuthenticate, how)
	case http.StatusServiceUnavailable:
		h.Set(echo.HeaderRetryAfter, "2")
	case http.StatusTooManyRequests:
		h.Set(echo.HeaderRetryAfter, strconv.Itoa(secondsUntil(err)))
	}
	writeProblem(c.Response(), p)
}

// secondsUntil is when to try again what came too often.
func secondsUntil(err error) int {
	var limited *slipway.Error
	if errors.As(err, &limited) {
		return max(1, int(limited.After.Seconds()))
	}
	return 1
}

// pointer corrects where a field stands: the platform knows its name alone, and
// some fields are parameters here.
func (s *Server) pointer(c echo.Context, f operations.FieldError) string {
	if f.Pointer != "/"+f.Field {
		return f.Pointer
	}
	item := s.spec.Paths.Value(specPath(c.Path()))
	if item == nil || item.GetOperation(c.Request().Method) == nil {
		return f.Pointer
	}
	for _, p := range slices.Concat(item.Parameters, item.GetOperation(c.Request().Method).Parameters) {
		if p.Value.Name == f.Field {
			return p.Value.In + "/" + f.Field
		}
	}
	return f.Pointer
}

func writeProblem(w http.ResponseWriter, p operations.Problem) {
	text, err := json.Marshal(p)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(text, '\n')) // the client may be gone; nothing is left to tell it
}

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
