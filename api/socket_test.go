package api_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/operations"
	"github.com/slipway-dev/slipway/socket"
)

// TestTheOperatorShowsTheKey asks over the socket of the data directory with the
// key, and as a confined process does that can only connect.
func TestTheOperatorShowsTheKey(t *testing.T) {
	w := apitest.New(t)
	dir := t.TempDir()
	l, key, err := socket.Listen(dir, "api.sock")
	if err != nil {
		t.Fatal(err)
	}
	server := apitest.NewServer(t, api.Options{Platform: w.Platform, SocketKey: key})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-served })

	bare := &http.Transport{Dial: func(_, _ string) (net.Conn, error) { return net.Dial("unix", filepath.Join(dir, "api.sock")) }}
	t.Cleanup(bare.CloseIdleConnections)
	for _, path := range []string{"/api/v1/services", "/api/v1/audit", "/metrics", "/healthz", "/"} {
		for what, by := range map[string]http.RoundTripper{"the key": socket.Transport(dir, "api.sock"), "no key": bare} {
			for _, token := range []string{"", w.Token} {
				r, _ := http.NewRequest(http.MethodGet, "http://localhost"+path, nil)
				if token != "" {
					r.Header.Set("Authorization", "Bearer "+token)
				}
				resp, err := by.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				var p operations.Problem
				if what == "no key" {
					if json.NewDecoder(resp.Body).Decode(&p) != nil || resp.StatusCode != http.StatusUnauthorized || p.Code != slipway.Unauthenticated || !strings.Contains(p.Detail, "api.key") {
						t.Errorf("%s with no key: %d %+v", path, resp.StatusCode, p)
					}
				} else if resp.StatusCode >= 400 {
					t.Errorf("%s with the key: %d", path, resp.StatusCode)
				}
				_ = resp.Body.Close()
			}
		}
	}
}
