package node

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
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/slipway-dev/slipway/internal/addresstest"
)

// BenchmarkEdge measures requests a second at 50 connections, beside Caddy's reverse
// proxy with the same route and nothing of ours, in turn in one process with the same
// server behind both.
func BenchmarkEdge(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "hello")
	}))
	defer server.Close()
	at := server.Listener.Addr().String()
	for b.Loop() {
		rates := map[string][]float64{}
		for range 5 {
			e := edgeAlone(b, at)
			rates["edge GET"] = append(rates["edge GET"], rate(b, e.listen, ""))
			rates["edge POST"] = append(rates["edge POST"], rate(b, e.listen, strings.Repeat("x", 2000)))
			e.close()
			bare := bareCaddy(b, at)
			rates["bare GET"] = append(rates["bare GET"], rate(b, bare, ""))
			rates["bare POST"] = append(rates["bare POST"], rate(b, bare, strings.Repeat("x", 2000)))
			if err := caddy.Stop(); err != nil {
				b.Fatal(err)
			}
		}
		middle := func(of string) float64 { slices.Sort(rates[of]); return rates[of][2] }
		b.ReportMetric(middle("edge GET"), "GET/s")
		b.ReportMetric(middle("edge GET")/middle("bare GET"), "GET/bare-Caddy")
		b.ReportMetric(middle("edge POST"), "POST/s")
		b.ReportMetric(middle("edge POST")/middle("bare POST"), "POST/bare-Caddy")
	}
}

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

// rate asks for two seconds over 50 connections.
func rate(b *testing.B, listen, text string) float64 {
	transport := &http.Transport{MaxIdleConnsPerHost: 50, DialContext: (&net.Dialer{}).DialContext}
	defer transport.CloseIdleConnections()
	var load sync.WaitGroup
	var answered atomic.Int64
	began := time.Now()
	for range 50 {
		load.Go(func() {
			for time.Since(began) < 2*time.Second {
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
	load.Wait()
	return float64(answered.Load()) / time.Since(began).Seconds()
}
