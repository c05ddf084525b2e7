package operations

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
)

// Statuses says which HTTP status a code has. A service's own red result is
// 422: the request was understood and the answer is no.
var Statuses = map[slipway.Code]int{
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

// Titles says what a code is called; every code has one.
var Titles = map[slipway.Code]string{
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

// Refusal is an error of the HTTP layer: a status of its own, and fields.
type Refusal struct {
	Status int
	Err    *slipway.Error
	Fields []FieldError
	oauth  string // an error code of OAuth 2.0, at the token endpoint
}

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Refuse makes a refusal whose status differs from its code's.
func Refuse(status int, code slipway.Code, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Err: slipway.Errorf(code, format, args...)}
}

// ProblemOf says an error in the words of the API. What has no code is not
// shown: the caller logs it under the request's id.
func ProblemOf(err error) Problem {
	var r *Refusal
	var h *echo.HTTPError
	var s *slipway.Error
	p := Problem{Code: slipway.Internal}
	switch {
	case errors.As(err, &r):
		p.Status, p.Code, p.Detail, p.Errors, p.Error = r.Status, r.Err.Code, r.Err.Message, r.Fields, r.oauth
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
		p.Status = Statuses[p.Code]
	}
	if p.Status == 0 { // a code that this table doesn't know
		p.Code, p.Status = slipway.Internal, http.StatusInternalServerError
	}
	if p.Code == slipway.Internal {
		p.Detail = "internal error"
	}
	p.Challenge = challengeOf(err)
	p.Title = Titles[p.Code]
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

// challengeOf is the second step of a sign-in that an error asks for; nil for none.
func challengeOf(err error) *SignInChallenge {
	var needed *identity.FactorNeeded
	if !errors.As(err, &needed) {
		return nil
	}
	return &SignInChallenge{Token: needed.Challenge.Reveal(), Factors: needed.Factors, ExpiresAt: needed.Expires.UTC()}
}

// WithCauses is an error with its causes, for the log.
func WithCauses(err error) string {
	text := err.Error()
	var s *slipway.Error
	if errors.As(err, &s) && s.Err != nil {
		text += ": " + s.Err.Error()
	}
	return text
}
