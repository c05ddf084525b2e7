package api_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
)

// TestNoPageBelowTheAPI: with a portal behind it, a path or method that the
// contract doesn't have is a problem all the same.
func TestNoPageBelowTheAPI(t *testing.T) {
	w := apitest.New(t)
	portal := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })
	server := apitest.NewServer(t, api.Options{Platform: w.Platform, Portal: portal})
	for path, want := range map[string]struct {
		status int
		allow  string
	}{
		"GET /api/v1/freezes/1":        {http.StatusMethodNotAllowed, "DELETE"},
		"GET /api/v1/invitations":      {http.StatusMethodNotAllowed, "POST"},
		"PUT /api/v1/services/billing": {http.StatusMethodNotAllowed, "DELETE, GET, PATCH"},
		"GET /api/v1/bundles/plan":     {http.StatusMethodNotAllowed, "POST"},
		"OPTIONS /api/v1/bundles/plan": {http.StatusMethodNotAllowed, "POST"},
		"DELETE /api/v1/bundles/12":    {http.StatusMethodNotAllowed, "GET"},
		"GET /api/v1/nothing":          {http.StatusNotFound, ""},
		"GET /elsewhere":               {http.StatusOK, ""},
	} {
		method, at, _ := strings.Cut(path, " ")
		answer := httptest.NewRecorder()
		request := httptest.NewRequest(method, "http://127.0.0.1"+at, nil)
		request = request.WithContext(context.WithValue(request.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}))
		server.ServeHTTP(answer, request)
		if answer.Code != want.status || want.status != http.StatusOK && answer.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
		if got := answer.Header().Get("Allow"); want.allow != "" && !sameWords(got, want.allow) {
			t.Errorf("%s allows %q, want %q", path, got, want.allow)
		}
	}
}

// sameWords: the router lists methods in an order of its own, and OPTIONS with them.
func sameWords(got, want string) bool {
	words := strings.Split(got, ", ")
	words = slices.DeleteFunc(words, func(m string) bool { return m == http.MethodOptions })
	slices.Sort(words)
	return strings.Join(words, ", ") == want
}
