package platform

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/store"
)

// Tending says how often what nobody asks for is looked at.
type Tending struct {
	Branches   time.Duration // that environments take pushes of; 0 means every 20 seconds
	Conditions time.Duration // of what is deployed; 0 means every 10 seconds
	Lines      time.Duration // in which promotions stand; 0 means every minute
	Retention  time.Duration // of artifacts; 0 means every hour
	Names      time.Duration // of hosts, which another server may have changed; 0 means every 2 seconds
	Deliveries time.Duration // to webhooks, which other servers may have left; 0 means every second
}

// Tend looks at branches, at what runs and for deliveries, again and again until ctx ends. With
// several servers on one database each may do it: what was done is not done twice.
func (p *Platform) Tend(ctx context.Context, every Tending) {
	if every.Branches <= 0 {
		every.Branches = 20 * time.Second
	}
	if every.Conditions <= 0 {
		every.Conditions = 10 * time.Second
	}
	if every.Lines <= 0 {
		every.Lines = time.Minute
	}
	if every.Retention <= 0 {
		every.Retention = time.Hour
	}
	if every.Deliveries <= 0 {
		every.Deliveries = time.Second
	}
	if every.Names <= 0 {
		every.Names = 2 * time.Second
	}
	ctx = store.AsSystem(ctx)
	var all sync.WaitGroup
	all.Go(func() { p.again(ctx, every.Branches, "the branches could not be looked at", p.TakePushes) })
	all.Go(func() { p.again(ctx, every.Conditions, "what runs could not be looked at", p.Inspect) })
	all.Go(func() { p.again(ctx, every.Names, "the edge could not be told of host names", p.Answer) })
	all.Go(func() { p.again(ctx, every.Lines, "the promotions in line could not be looked at", p.ExpireQueued) })
	all.Go(func() {
		p.again(ctx, every.Retention, "old artifacts could not be removed", func(ctx context.Context) error { return p.Retain(ctx, 24*time.Hour) })
	})
	all.Go(func() { p.Dispatch(ctx, every.Deliveries) })
	all.Wait()
}

func (p *Platform) again(ctx context.Context, every time.Duration, failed string, do func(context.Context) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := do(ctx); err != nil && ctx.Err() == nil {
			p.Log.Warn(failed, "error", err)
		}
	}
}
