// Package verifytest is the conformance suite of the Verifier port: every
// adapter runs it, against real servers.
package verifytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

const (
	host    = "payments.dev.localhost"
	release = "7"
)

// service is what a deployment behind an edge looks like.
func service(t *testing.T) *httptest.Server {
	t.Helper()
	var asked, started atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "all is well "+r.URL.RawQuery) }) // #nosec G705 -- a service of a test
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/broken", http.StatusFound) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "database is away", 503) })
	mux.HandleFunc("/silent", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { pause(r, 80*time.Millisecond) })
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) { pause(r, time.Minute) })
	mux.HandleFunc("/flapping", func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%3 == 0 {
			w.WriteHeader(500)
		}
	})
	mux.HandleFunc("/starting", func(w http.ResponseWriter, _ *http.Request) {
		if started.Add(1) < 4 {
			w.WriteHeader(502)
		}
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "data: tick\n\n")
			_ = http.NewResponseController(w).Flush()
			pause(r, 50*time.Millisecond)
		}
	})
	mux.HandleFunc("/torn", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set(slipway.ReleaseHeader, release)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server
}

func pause(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

// Run holds a verifier to the port's contract.
func Run(t *testing.T, open func(t *testing.T) slipway.Verifier) {
	ctx := context.Background()
	ask := func(t *testing.T, url string, checks ...slipway.Check) ([]slipway.CheckResult, error) {
		t.Helper()
		return open(t).Verify(ctx, slipway.VerifyRequest{URL: url, Host: host, Release: release, Checks: checks}, &bytes.Buffer{})
	}
	t.Run("checks", func(t *testing.T) {
		url := service(t).URL
		for _, c := range []struct {
			name  string
			check slipway.Check
			want  string // "" passes
		}{
			{"ok", slipway.Check{Path: "/ok", Contains: "well"}, ""},
			{"without a slash", slipway.Check{Path: "ok"}, ""},
			{"with a query", slipway.Check{Path: "/ok?a=b", Contains: "a=b"}, ""},
			{"a redirect is an answer", slipway.Check{Path: "/moved"}, ""},
			{"a wanted failure", slipway.Check{Path: "/broken", Status: 503}, ""},
			{"it comes up", slipway.Check{Path: "/starting", TimeoutSeconds: 5}, ""},
			{"an endless body is bounded", slipway.Check{Path: "/endless"}, ""},
			{"a stream", slipway.Check{Path: "/stream", Successes: 1, TimeoutSeconds: 5}, ""},
			{"text in a stream", slipway.Check{Path: "/stream", Contains: "tick"}, ""},
			{"status", slipway.Check{Path: "/moved", Status: 200}, "answered 302, wanted 200"},
			{"broken", slipway.Check{Path: "/broken"}, `GET /broken answered 503, wanted 200 to 399; the body begins "database is away"`},
			{"an empty body", slipway.Check{Path: "/silent"}, "the body is empty"},
			{"text", slipway.Check{Path: "/ok", Contains: "unwell"}, "without the text"},
			{"text beyond the bound", slipway.Check{Path: "/endless", Contains: "y"}, "without the text"},
			{"latency", slipway.Check{Path: "/slow", MaxMillis: 20}, "at most 20 are allowed"},
			{"never three in a row", slipway.Check{Path: "/flapping"}, "2 right answers in a row were the most, wanted 3"},
			{"no answer", slipway.Check{Path: "/hangs"}, "no answer"},
			{"a torn body", slipway.Check{Path: "/torn"}, "broke off"},
			{"another host", slipway.Check{Path: "@evil.example/"}, "404"},
			{"not a path", slipway.Check{Path: "/a b\r\nX: y"}, "not a path"},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				if c.check.TimeoutSeconds == 0 {
					c.check.TimeoutSeconds = 1
				}
				began := time.Now()
				results, err := ask(t, url, c.check)
				if len(results) != 1 || results[0].Passed != (c.want == "") || results[0].Path != c.check.Path {
					t.Fatalf("%+v %v", results, err)
				}
				if c.want == "" && err != nil || c.want != "" && (slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%v", err)
				}
				if took := time.Since(began); took > time.Duration(c.check.TimeoutSeconds)*time.Second+3*time.Second || len(fmt.Sprint(err)) > 600 {
					t.Errorf("%s, %v", took, err)
				}
			})
		}
	})
	t.Run("pages", func(t *testing.T) { runPages(t, open) })
	t.Run("stops at the first that fails", func(t *testing.T) {
		results, err := ask(t, service(t).URL, slipway.Check{Path: "/ok"}, slipway.Check{Path: "/broken", TimeoutSeconds: 1}, slipway.Check{Path: "/ok"})
		if slipway.CodeOf(err) != slipway.Refused || len(results) != 2 || !results[0].Passed || results[0].Requests != 3 || results[1].Passed || results[1].Reason == "" {
			t.Errorf("%+v %v", results, err)
		}
	})
	t.Run("an error that stays", func(t *testing.T) {
		began := time.Now()
		results, err := ask(t, service(t).URL, slipway.Check{Path: "/silent"})
		if slipway.CodeOf(err) != slipway.Refused || len(results) != 1 || results[0].Status != 500 {
			t.Errorf("%+v %v", results, err)
		}
		if took := time.Since(began); took > 10*time.Second || strings.Contains(fmt.Sprint(err), "in 30s") {
			t.Errorf("it was known after %s: %v", took, err)
		}
	})
	t.Run("another deployment", func(t *testing.T) {
		url := service(t).URL
		for want, says := range map[string]string{"8": `answered by deployment "7", not 8`} {
			_, err := open(t).Verify(ctx, slipway.VerifyRequest{URL: url, Host: host, Release: want, Checks: []slipway.Check{{Path: "/ok", TimeoutSeconds: 1}}}, &bytes.Buffer{})
			if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), says) {
				t.Errorf("%v", err)
			}
		}
		_, err := open(t).Verify(ctx, slipway.VerifyRequest{URL: url, Host: "other.localhost", Release: release, Checks: []slipway.Check{{Path: "/ok", TimeoutSeconds: 1}}}, &bytes.Buffer{})
		if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "the edge itself said 421") {
			t.Errorf("%v", err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		_, err := ask(t, gone.URL, slipway.Check{Path: "/", TimeoutSeconds: 1})
		if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%v", err)
		}
	})
	t.Run("its own host name is refused", func(t *testing.T) {
		refuse := func(body string, but ...string) *httptest.Server {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(slipway.ReleaseHeader, release)
				if slices.Contains(but, r.URL.Path) {
					return
				}
				http.Error(w, body, http.StatusBadRequest)
			}))
			t.Cleanup(server.Close)
			return server
		}
		const django, starlette = "<!doctype html><html><body>\n  <h1>Bad Request (400)</h1><p></p>\n</body></html>", "Invalid host header"
		for _, c := range []struct {
			name   string
			server *httptest.Server
			health string
			checks []slipway.Check
			want   string // "" passes
			status int
		}{
			{"the health path too", refuse("no"), "/healthz", nil, host + ": give it another name", 0},
			{"what a check says of it", refuse("no"), "/healthz", []slipway.Check{{Path: "/ok", TimeoutSeconds: 1}}, host + ": give it another name", 0},
			{"Django's page", refuse(django), "", nil, host + ": give it another name", 0},
			{"Starlette's", refuse(starlette), "", nil, host + ": give it another name", 0},
			{"the root wants something else", refuse("the parameter q is missing", "/healthz"), "/healthz", nil, "", 0},
			{"nothing is known of it", refuse("the parameter q is missing"), "", nil, "", 0},
			{"a check wants 400", refuse("the parameter q is missing"), "/healthz", []slipway.Check{{Path: "/ok", Status: 400}}, "", 0},
			{"a check sees another 400", refuse("the parameter q is missing", "/healthz"), "/healthz", []slipway.Check{{Path: "/ok", TimeoutSeconds: 1}}, "answered 400, wanted 200 to 399", 0},
			{"its routes are bound to hosts", refuse("no"), "", nil, host + ": give it another name", 400},
		} {
			results, err := open(t).Verify(ctx, slipway.VerifyRequest{URL: c.server.URL, Host: host, Release: release, Checks: c.checks, Health: c.health, Refusal: "give it another name", HostStatus: c.status}, &bytes.Buffer{})
			if len(results) != 1 || results[0].Passed != (c.want == "") || c.want == "" && err != nil {
				t.Errorf("%s: %+v %v", c.name, results, err)
			}
			if c.want != "" && (slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), c.want) || !strings.Contains(results[0].Reason, c.want)) {
				t.Errorf("%s: %+v %v", c.name, results, err)
			}
		}
	})
	t.Run("without checks it is seen serving", func(t *testing.T) {
		results, err := ask(t, service(t).URL) // the service has no /, and says 404
		if err != nil || len(results) != 1 || !results[0].Passed || results[0].Requests != 1 {
			t.Errorf("%+v %v", results, err)
		}
	})
	t.Run("an ended context ends it", func(t *testing.T) {
		url := service(t).URL
		ended, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		_, err := open(t).Verify(ended, slipway.VerifyRequest{URL: url, Host: host, Release: release, Checks: []slipway.Check{{Path: "/broken"}}}, &bytes.Buffer{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
	t.Run("at once", func(t *testing.T) {
		v, url := open(t), service(t).URL
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := v.Verify(ctx, slipway.VerifyRequest{URL: url, Host: host, Release: release, Checks: []slipway.Check{{Path: "/ok"}}}, &bytes.Buffer{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}
