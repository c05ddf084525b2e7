package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/slipway-dev/slipway/api/operations"
)

// FuzzPath: what the router and the contract say of a path agrees, and no path
// makes either fall.
func FuzzPath(f *testing.F) {
	doc, err := loadSpec()
	if err != nil {
		f.Fatal(err)
	}
	s := &Server{spec: doc}
	for _, seed := range []string{"", "/", "/services", "/services/", "/services/billing/plan", "//", "/services/%00", "/promotions/1/steps/build/log"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = operations.BasePath + path
		c := echo.New().NewContext(r, httptest.NewRecorder())
		err := s.elsewhere(c)
		status := operations.ProblemOf(err).Status
		if allow := c.Response().Header().Get(echo.HeaderAllow); status != http.StatusNotFound && (status != http.StatusMethodNotAllowed || allow == "") {
			t.Errorf("%q: %d, allowed %q", path, status, allow)
		}
	})
}
