package api

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// FuzzIfMatch: whatever stands in If-Match, only a strong tag or * lets a change through.
func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{"", "*", `"3"`, `W/"3"`, `"3", "4"`, `"3`, `"`, `""`, `,,`, `"a,b"`, "\"\x00\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		only := onlyIf(header)
		if slices.Contains(only, "3") && !strings.Contains(header, `"3"`) {
			t.Errorf("%q stands for revision 3", header)
		}
		if only == nil && strings.Trim(header, ", \t\r\n\v\f\u0085\u00a0") != "" && !strings.Contains(header, "*") && strings.ContainsAny(header, `"`) {
			t.Errorf("%q asks for nothing", header)
		}
		if back := onlyIf(tagged("3")); len(back) != 1 || back[0] != "3" {
			t.Errorf("a tag comes back as %q", back)
		}
	})
}

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
		r.URL.Path = BasePath + path
		c := echo.New().NewContext(r, httptest.NewRecorder())
		err := s.elsewhere(c)
		status := problemOf(err).Status
		if allow := c.Response().Header().Get(echo.HeaderAllow); status != http.StatusNotFound && (status != http.StatusMethodNotAllowed || allow == "") {
			t.Errorf("%q: %d, allowed %q", path, status, allow)
		}
	})
}
