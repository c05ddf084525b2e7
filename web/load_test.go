package web_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
)

// BenchmarkOpenPages measures what two hundred open overviews cost while a
// promotion runs every second: the share of one core, readers included.
func BenchmarkOpenPages(b *testing.B) {
	s := newSite(b)
	s.service("payments", "billing", "main")
	defer s.opened(b, 200, "/live")()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	spent := since()
	for b.Loop() {
		s.promote(platform.PromoteInput{Service: "payments", Ref: "two"})
		<-second.C
	}
	b.ReportMetric(spent(), "%core")
}

// BenchmarkOpenPromotion measures what two hundred people cost who follow the
// same promotion while it prints a line every second.
func BenchmarkOpenPromotion(b *testing.B) {
	s := newSite(b)
	s.service("payments", "billing", "main")
	s.Hold = make(chan struct{})
	q, err := s.Promote(as(), platform.PromoteInput{Service: "payments", Ref: "two"})
	if err != nil {
		b.Fatal(err)
	}
	id := strconv.Itoa(q.ID)
	leave := s.opened(b, 200, "/promotions/"+id+"/live")
	second := time.NewTicker(time.Second)
	defer second.Stop()
	spent, n := since(), 100
	for b.Loop() {
		if err := s.Ledger.Log(as(), id, slipway.StepFetch, 1, n, "one more line\n"); err != nil {
			b.Fatal(err)
		}
		n++
		<-second.C
	}
	b.ReportMetric(spent(), "%core")
	leave()
	close(s.Hold)
}

// opened opens streams and reads them until what it returns is called.
func (s *site) opened(b *testing.B, n int, path string) (leave func()) {
	b.Helper()
	s.Streams = -1 // more than one person opens
	who := s.person("vera", false, map[string]slipway.Role{"billing": slipway.RoleViewer})
	ctx, stop := context.WithCancel(context.Background())
	var open sync.WaitGroup
	for range n {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
		a, err := (&http.Client{Jar: who.http.Jar}).Do(r)
		if err != nil {
			b.Fatal(err)
		}
		open.Go(func() {
			buffer := make([]byte, 4096)
			for {
				if _, err := a.Body.Read(buffer); err != nil {
					_ = a.Body.Close()
					return
				}
			}
		})
	}
	return func() { stop(); open.Wait() }
}

// since tells how much of a core this process takes from now on.
func since() (percent func() float64) {
	spent := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began, before := time.Now(), spent()
	return func() float64 { return 100 * float64(spent()-before) / float64(time.Since(began)) }
}
