package edge

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/slipway-dev/slipway/internal/addresstest"
)

// BenchmarkEdge measures requests a second at 50 connections, beside Caddy's reverse
// proxy with the same route and nothing of ours, in turn in one process with the same
// server behind both. Each ratio is the middle one of those of two runs side by side; that
// of processor time, which includes the clients' and the server's, is steady on a machine
// that others use.
func BenchmarkEdge(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "hello")
	}))
	defer server.Close()
	at := server.Listener.Addr().String()
	for b.Loop() {
		of := map[string][]float64{}
		note := func(what string, value float64) { of[what] = append(of[what], value) }
		for range 9 {
			get, post := map[bool]load{}, map[bool]load{}
			e := edgeAlone(b, at)
			get[true], post[true] = rate(b, e.listen, ""), rate(b, e.listen, strings.Repeat("x", 2000))
			e.Close()
			bare := bareCaddy(b, at)
			get[false], post[false] = rate(b, bare, ""), rate(b, bare, strings.Repeat("x", 2000))
			if err := caddy.Stop(); err != nil {
				b.Fatal(err)
			}
			note("GET/s", get[true].rate)
			note("GET/bare-Caddy", get[true].rate/get[false].rate)
			note("GET-CPU/bare-Caddy", get[true].cpu/get[false].cpu)
			note("POST/s", post[true].rate)
			note("POST/bare-Caddy", post[true].rate/post[false].rate)
			note("POST-CPU/bare-Caddy", post[true].cpu/post[false].cpu)
		}
		for what, values := range of {
			slices.Sort(values)
			b.ReportMetric(values[len(values)/2], what)
		}
	}
}

// load is how many requests a second were answered, and what each took of the processor.
type load struct{ rate, cpu float64 }

func bareCaddy(b *testing.B, at string) (listen string) {
	listen = addresstest.Free(b)
	config, err := json.Marshal(object{
		"admin":   object{"disabled": true, "config": object{"persist": false}},
		"logging": object{"logs": object{"default": object{"level": "ERROR"}}},
		"apps": object{"http": object{"servers": object{"bare": object{
			"listen": []string{listen}, "automatic_https": object{"disable": true}, "protocols": []string{"h1"},
			"routes": []object{{
				"match":  []object{{"host": []string{"x.dev.localhost"}}},
				"handle": []object{{"handler": "reverse_proxy", "upstreams": []object{{"dial": at}}}},
			}},
		}}}},
	})
	if err == nil {
		err = caddy.Load(config, true)
	}
	if err != nil {
		b.Fatal(err)
	}
	return listen
}

// Rate asks for a second over 50 connections.
func rate(b *testing.B, listen, text string) load {
	transport := &http.Transport{MaxIdleConnsPerHost: 50, DialContext: (&net.Dialer{}).DialContext}
	defer transport.CloseIdleConnections()
	var clients sync.WaitGroup
	var answered atomic.Int64
	began, used := time.Now(), processorTime(b)
	for range 50 {
		clients.Go(func() {
			for time.Since(began) < time.Second {
				method := http.MethodGet
				if text != "" {
					method = http.MethodPost
				}
				req, err := http.NewRequest(method, "http://"+listen+"/", strings.NewReader(text))
				if err != nil {
					b.Error(err)
					return
				}
				req.Host = "x.dev.localhost"
				res, err := transport.RoundTrip(req)
				if err != nil {
					b.Error(err)
					return
				}
				if got, err := io.ReadAll(res.Body); err != nil || string(got) != "hello" {
					b.Errorf("%q %v", got, err)
				}
				_ = res.Body.Close()
				answered.Add(1)
			}
		})
	}
	clients.Wait()
	n := float64(answered.Load())
	return load{n / time.Since(began).Seconds(), (processorTime(b) - used).Seconds() / n}
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
