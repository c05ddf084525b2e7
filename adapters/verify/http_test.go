package verify_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/verify"
)

func TestVerify(t *testing.T) {
	var asked atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "all is well") })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "database is away", 503) })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(80 * time.Millisecond):
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/flapping", func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%3 == 0 {
			w.WriteHeader(500)
		}
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "payments.dev.localhost" {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set(slipway.ReleaseHeader, "7")
		mux.ServeHTTP(w, r)
	}))
	defer server.Close()

	cases := []struct {
		name  string
		check slipway.Check
		want  string // "" passes
	}{
		{"ok", slipway.Check{Path: "/ok", Contains: "well"}, ""},
		{"a redirect is an answer", slipway.Check{Path: "/moved"}, ""},
		{"status", slipway.Check{Path: "/moved", Status: 200}, "answered 302, wanted 200"},
		{"broken", slipway.Check{Path: "/broken"}, `answered 503, wanted 200 to 399; the body begins "database is away"`},
		{"text", slipway.Check{Path: "/ok", Contains: "unwell"}, "without the text"},
		{"latency", slipway.Check{Path: "/slow", MaxMillis: 20}, "at most 20 are allowed"},
		{"never three in a row", slipway.Check{Path: "/flapping"}, "answered 500"},
		{"an endless body is bounded", slipway.Check{Path: "/endless"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.check.TimeoutSeconds = 1
			results, err := verify.New().Verify(context.Background(), slipway.VerifyRequest{
				URL: server.URL, Host: "payments.dev.localhost", Release: "7", Checks: []slipway.Check{c.check},
			}, io.Discard)
			if len(results) != 1 || results[0].Passed != (c.want == "") {
				t.Fatalf("%+v %v", results, err)
			}
			if c.want == "" && err != nil || c.want != "" && (slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("another deployment", func(t *testing.T) {
		_, err := verify.New().Verify(context.Background(), slipway.VerifyRequest{
			URL: server.URL, Host: "payments.dev.localhost", Release: "8", Checks: []slipway.Check{{Path: "/ok", TimeoutSeconds: 1}},
		}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "answered by deployment 7, not 8") {
			t.Errorf("%v", err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		_, err := verify.New().Verify(context.Background(), slipway.VerifyRequest{
			URL: gone.URL, Checks: []slipway.Check{{Path: "/", TimeoutSeconds: 1}},
		}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%v", err)
		}
	})
	t.Run("without checks it is seen serving", func(t *testing.T) {
		_, err := verify.New().Verify(context.Background(), slipway.VerifyRequest{URL: server.URL, Host: "payments.dev.localhost", Release: "7"}, io.Discard)
		if err != nil {
			t.Error(err)
		}
	})
}
