package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/web"
)

// TestPagesAreAtHomeOnly asks for every kind of thing by names that other
// programs of the machine share.
func TestPagesAreAtHomeOnly(t *testing.T) {
	w := apitest.New(t)
	portal, err := web.New(web.Options{Platform: w.Platform, Version: "test", OwnHost: "slipway.localhost"})
	if err != nil {
		t.Fatal(err)
	}
	server := apitest.NewServer(t, api.Options{Platform: w.Platform, Portal: portal})
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "shop.dev.localhost", "x.slipway.localhost", "slipway.localhost", "SLIPWAY.localhost."} {
		home := strings.HasPrefix(strings.ToLower(host), "slipway.")
		for _, path := range []string{"/login?next=%2Faudit", "/", "/promotions/1/live", "//evil.example/x", "/assets/nothing"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				r := httptest.NewRequest(method, path, nil)
				if strings.HasPrefix(path, "//") {
					r.URL.Host, r.URL.Path = "", path // as a server reads the line
				}
				r.Host = host + ":7171"
				r.AddCookie(&http.Cookie{Name: "slipway-said-7171", Value: "aGVsbG8"}) // that is taken back once it is said
				got := httptest.NewRecorder()
				server.ServeHTTP(got, r)
				to := got.Header().Get("Location")
				switch {
				case home && (strings.HasPrefix(to, "http") || got.Code == http.StatusMisdirectedRequest):
					t.Errorf("%s %s%s: %d %s", method, host, path, got.Code, to)
				case !home && len(got.Header()["Set-Cookie"]) > 0:
					t.Errorf("%s %s%s: %v", method, host, path, got.Header())
				case !home && method == http.MethodGet && (got.Code != http.StatusFound || to != "http://slipway.localhost:7171"+r.URL.RequestURI()):
					t.Errorf("%s %s%s: %d %s", method, host, path, got.Code, to)
				case !home && method == http.MethodPost && got.Code != http.StatusMisdirectedRequest:
					t.Errorf("%s %s%s: %d %s", method, host, path, got.Code, got.Body)
				}
			}
		}
	}
	// What stands in the place of the port doesn't make another host of ours.
	for _, host := range []string{"127.0.0.1:80@evil.example", "127.0.0.1:@evil.example", "localhost:70000", "127.0.0.1:"} {
		r := httptest.NewRequest(http.MethodGet, "/login", nil)
		r.Host = host
		got := httptest.NewRecorder()
		server.ServeHTTP(got, r)
		if to := got.Header().Get("Location"); to != "" && to != "http://slipway.localhost/login" {
			t.Errorf("%s: %d %s", host, got.Code, to)
		}
	}
}
