package web_test

import (
	"context"
	"net/http"
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
	who := s.person("vera", false, map[string]slipway.Role{"billing": slipway.RoleViewer})
	ctx, stop := context.WithCancel(context.Background())
	var open sync.WaitGroup
	for range 200 {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/live", nil)
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
	spent := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	began, before := time.Now(), spent()
	for b.Loop() {
		s.promote(platform.PromoteInput{Service: "payments", Ref: "two"})
		<-second.C
	}
	b.ReportMetric(100*float64(spent()-before)/float64(time.Since(began)), "%core")
	stop()
	open.Wait()
}
