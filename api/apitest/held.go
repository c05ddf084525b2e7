package apitest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/slipway-dev/slipway/api"
)

// NewServer is api.NewServer for tests: an answer whose status, content type or
// headers the contract does not have for its operation fails the test, whether
// or not the test looks at it.
func NewServer(t testing.TB, o api.Options) *api.Server {
	t.Helper()
	front := o.Front
	o.Front = func(next http.Handler) http.Handler {
		next = held(t, next)
		if front != nil {
			next = front(next)
		}
		return next
	}
	s, err := api.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Router finds the operation of a request. It is read once: the contract is
// long, and every answer is held to it.
var Router = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// held holds what next answers to the contract.
func held(t testing.TB, next http.Handler) http.Handler {
	if _, measured := t.(*testing.B); measured {
		return next
	}
	router, err := Router()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route, _, err := router.FindRoute(&http.Request{Method: r.Method, URL: r.URL})
		if err != nil { // no operation
			next.ServeHTTP(w, r)
			return
		}
		seen := &answered{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		if wrong := undocumented(r.Context(), route, seen); wrong != "" {
			wrong = fmt.Sprintf("%s: %s", route.Operation.OperationID, wrong)
			if _, fuzzing := t.(*testing.F); fuzzing {
				panic(wrong) // a fuzz target's F can't be failed from within
			}
			t.Error(wrong)
		}
	})
}

// undocumented says what the contract doesn't have of an answer, "" for nothing.
func undocumented(ctx context.Context, route *routers.Route, a *answered) string {
	documented := route.Operation.Responses.Status(a.status)
	if documented == nil {
		return fmt.Sprintf("the contract does not say that it answers with %d", a.status)
	}
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	if content := documented.Value.Content; kind != "" && content[kind] == nil || kind == "" && len(content) > 0 {
		return fmt.Sprintf("the contract does not say that %d is of the type %q", a.status, kind)
	}
	for _, name := range owed {
		if a.header.Get(name) != "" && documented.Value.Headers[name] == nil {
			return fmt.Sprintf("the contract does not say that %d has the header %s", a.status, name)
		}
	}
	err := openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: &http.Request{}, Route: route},
		Status:                 a.status, Header: a.header, Options: &openapi3filter.Options{ExcludeResponseBody: true},
	})
	if err != nil {
		return fmt.Sprintf("%d: %s", a.status, err)
	}
	return ""
}

// owed are the headers that say what to do next: where one is sent, the contract tells of it.
var owed = []string{"ETag", "Location", "Retry-After", "WWW-Authenticate"}

// answered remembers what was sent first; what follows is not its affair.
type answered struct {
	http.ResponseWriter
	status int
	header http.Header
}

func (a *answered) WriteHeader(status int) {
	if a.status == 0 {
		a.status, a.header = status, a.Header().Clone()
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
