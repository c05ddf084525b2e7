package web_test

import (
	"context"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// largestPaint resolves to when the largest thing on the page was painted, in
// milliseconds from when the page was asked for.
const largestPaint = `new Promise(r => new PerformanceObserver(l => r(l.getEntries().at(-1).startTime)).observe({type: "largest-contentful-paint", buffered: true}))`

// BenchmarkLargestPaint measures when a real Chromium with an empty cache has
// painted the largest thing of a page, on a busy platform: the middle and the
// 95th of a hundred.
func BenchmarkLargestPaint(b *testing.B) {
	s := newSite(b)
	s.service("payments", "billing", "main")
	logged := crowd(b, s, 20)
	s.person("alice", true, nil)
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(
		chromedp.NoSandbox, chromedp.WindowSize(1280, 900), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-gpu", true)))
	defer cancel()
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		b.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			b.Fatal(err)
		}
	}
	do(chromedp.Navigate(s.url+"/login"), chromedp.WaitReady("main"),
		chromedp.SendKeys("main [name=name]", "alice"), chromedp.SendKeys("main [name=password]", password), chromedp.Submit("main [name=password]"), chromedp.WaitReady("#matrix"),
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
			return err
		}))
	for name, path := range map[string]string{"overview": "/", "service": "/services/service-0500", "promotion": "/promotions/1", "long-log": "/promotions/" + logged + "?step=test"} {
		b.Run(name, func(b *testing.B) {
			var took []float64
			for b.Loop() {
				do(chromedp.Navigate(s.url+path), chromedp.WaitReady("main"))
				ms, err := chromedp.Run(ctx, chromedp.Evaluate[float64](largestPaint, chromedp.EvalAwaitPromise))
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, ms)
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2], "ms-p50")
			b.ReportMetric(took[len(took)*95/100], "ms-p95")
		})
	}
}
