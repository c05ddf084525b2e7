package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway"
)

// statuses says which HTTP status a code has. A service's own red result is
// 422: the request was understood and the answer is no.
var statuses = map[slipway.Code]int{
	slipway.Invalid:         http.StatusBadRequest,
	slipway.NotFound:        http.StatusNotFound,
	slipway.Conflict:        http.StatusConflict,
	slipway.Outdated:        http.StatusPreconditionFailed,
	slipway.FactorMissing:   http.StatusForbidden,
	slipway.Denied:          http.StatusForbidden,
	slipway.Unauthenticated: http.StatusUnauthorized,
	slipway.Unproved:        http.StatusUnauthorized,
	slipway.Unavailable:     http.StatusServiceUnavailable,
	slipway.Limited:         http.StatusTooManyRequests,
	slipway.Refused:         http.StatusUnprocessableEntity,
	slipway.Unknown:         http.StatusInternalServerError,
	slipway.Internal:        http.StatusInternalServerError,
}

var titles = map[slipway.Code]string{
	slipway.Invalid:         "Invalid request",
	slipway.NotFound:        "Not found",
	slipway.Conflict:        "Conflict",
	slipway.Outdated:        "Changed in the meantime",
	slipway.FactorMissing:   "Second factor needed",
	slipway.Denied:          "Denied",
	slipway.Unauthenticated: "Not signed in",
	slipway.Unproved:        "Proof needed",
	slipway.Unavailable:     "Unavailable",
	slipway.Limited:         "Too many requests",
	slipway.Refused:         "Failed",
	slipway.Unknown:         "Unknown outcome",
	slipway.Internal:        "Internal error",
}

// refusal is an error of the HTTP layer: a status of its own, and fields.
type refusal struct {
	status int
	err    *slipway.Error
	fields []FieldError
	oauth  string // an error code of OAuth 2.0, at the token endpoint
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// refuse makes a refusal whose status differs from its code's.
func refuse(status int, code slipway.Code, format string, args ...any) *refusal {
	return &refusal{status: status, err: slipway.Errorf(code, format, args...)}
}

// problemOf says an error in the words of the API. What has no code is not
// shown: the caller logs it under the request's id.
func problemOf(err error) Problem {
	var r *refusal
	var h *echo.HTTPError
	var s *slipway.Error
	p := Problem{Code: slipway.Internal}
	switch {
	case errors.As(err, &r):
		p.Status, p.Code, p.Detail, p.Errors, p.Error = r.status, r.err.Code, r.err.Message, r.fields, r.oauth
	case errors.As(err, &s):
		p.Code, p.Detail = s.Code, s.Message
		if s.Field != "" {
			for _, e := range append([]*slipway.Error{s}, s.More...) {
				p.Errors = append(p.Errors, FieldError{Field: e.Field, Pointer: "/" + e.Field, Message: e.Message})
			}
		}
	case errors.As(err, &h):
		p = httpProblem(h)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		p.Code, p.Detail = slipway.Unavailable, "the request ended before the answer was there; try again"
	}
	if p.Status == 0 {
		p.Status = statuses[p.Code]
	}
	if p.Status == 0 { // a code that this table doesn't know
		p.Code, p.Status = slipway.Internal, http.StatusInternalServerError
	}
	if p.Code == slipway.Internal {
		p.Detail = "internal error"
	}
	p.Challenge = challengeOf(err)
	p.Title = titles[p.Code]
	p.Type = BasePath + "/#problem-" + string(p.Code)
	return p
}

// httpProblem says what the router or the binder refused.
func httpProblem(h *echo.HTTPError) Problem {
	p := Problem{Status: h.Code, Code: slipway.Invalid}
	switch h.Code {
	case http.StatusNotFound:
		p.Code, p.Detail = slipway.NotFound, "nothing is at this path; what there is stands at "+BasePath+"/"
	case http.StatusMethodNotAllowed:
		p.Detail = "this path does not take that method; the Allow header lists those that it takes"
	case http.StatusRequestEntityTooLarge:
		p.Detail = "the request body is too large"
	case http.StatusUnsupportedMediaType:
		p.Detail = "the request body must be application/json"
	default:
		if h.Code >= 500 {
			return Problem{Code: slipway.Internal}
		}
		p.Status, p.Detail = http.StatusBadRequest, "the request can't be read"
	}
	return p
}

// fail writes err as problem details. It is the only place that does.
func (s *Server) fail(err error, c echo.Context) {
	id := c.Response().Header().Get(echo.HeaderXRequestID)
	if id == "" {
		id = newRequestID()
		c.Response().Header().Set(echo.HeaderXRequestID, id)
	}
	p := problemOf(err)
	p.RequestId, p.Instance = id, c.Request().URL.Path
	for i := range p.Errors {
		p.Errors[i].Pointer = s.pointer(c, p.Errors[i])
	}
	if c.Path() == BasePath+"/token" && p.Status == http.StatusBadRequest && p.Error == "" {
		p.Error = "invalid_request"
	}
	if p.Code == slipway.Internal {
		s.log.Error("a request failed", "request_id", id, "method", c.Request().Method, "path", p.Instance, "error", fullError(err))
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
func (s *Server) pointer(c echo.Context, f FieldError) string {
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

func writeProblem(w http.ResponseWriter, p Problem) {
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

// fullError is an error with its causes, for the log.
func fullError(err error) string {
	text := err.Error()
	var s *slipway.Error
	if errors.As(err, &s) && s.Err != nil {
		text += ": " + s.Err.Error()
	}
	return text
}

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
