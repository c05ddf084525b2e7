package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/operations"
)

// TestThePortalAnswersNothingBelowTheAPI asks for what is not there beside a
// portal, which takes every path that nobody else does.
func TestThePortalAnswersNothingBelowTheAPI(t *testing.T) {
	w := apitest.New(t)
	portal := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	handler := apitest.NewServer(t, api.Options{Platform: w.Platform, Portal: portal})
	server := httptest.NewServer(handler)
	defer server.Close()
	for _, c := range []struct {
		method, path string
		status       int
		code         slipway.Code
		allow        string
	}{
		{"GET", "/api", 404, slipway.NotFound, ""},
		{"GET", "/api/v2/services", 404, slipway.NotFound, ""},
		{"GET", "/api/v1/nosuch", 404, slipway.NotFound, ""},
		{"GET", "/api/v1/services/", 404, slipway.NotFound, ""},
		{"POST", "/api/v1/services/x/nosuch", 404, slipway.NotFound, ""},
		{"GET", "/api/v1x", 404, slipway.NotFound, ""},
		{"DELETE", "/api/v1/services", 405, slipway.Invalid, "GET, POST"},
		{"PUT", "/api/v1/services/x", 405, slipway.Invalid, "DELETE, GET, PATCH"},
		{"DELETE", "/api/v1", 404, slipway.NotFound, ""},
		{"OPTIONS", "/api/v1/services", 405, slipway.Invalid, "GET, POST"},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+w.Token)
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var p operations.Problem
			if err := json.NewDecoder(res.Body).Decode(&p); err != nil || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json") {
				t.Fatalf("%d %s: %v", res.StatusCode, res.Header.Get("Content-Type"), err)
			}
			if res.StatusCode != c.status || p.Status != c.status || p.Code != c.code || p.Detail == "" || res.Header.Get("Allow") != c.allow {
				t.Errorf("%d, Allow %q: %+v", res.StatusCode, res.Header.Get("Allow"), p)
			}
		})
	}
	for _, path := range []string{"/", "/apis", "/services"} {
		if res, err := http.Get(server.URL + path); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s is not the portal's: %v %v", path, res, err)
		}
	}
}
