package report

import (
	"context"
	"maps"
	"time"

	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/logchunk"
	"github.com/slipway-dev/slipway/ent/promotion"
)

// spot is where a watcher of a promotion stands: how far it is, and what will
// wake it. Whoever stands at the same spot is told the same.
type spot struct {
	promotion int
	at        position
	woken     <-chan struct{}
}

// progress is what the store held after a position, once read is closed. Its rows
// are shared by all who stand at the spot.
type progress struct {
	read   chan struct{}
	began  time.Time
	over   bool // asked before reading: nothing comes after what was read then
	events []*ent.Event
	chunks []*ent.LogChunk
	next   []*ent.Event // the first event that is not among events
	err    error
}

const (
	// progressLife is how long a progress serves others: half as long as a watcher
	// waits for news from another process, so that none waits much longer.
	progressLife = watchPoll / 2
	glanceWait   = 30 * time.Second
)

// progress reads what stands after a spot, once for all who stand there. It is as
// new as its channel: what was told in this process since would have closed that.
func (rep *Reports) progress(ctx context.Context, s spot) (*progress, error) {
	b := rep.bell
	b.mu.Lock()
	g, ok := b.kept[s]
	if now := time.Now(); !ok || now.Sub(g.began) > progressLife {
		maps.DeleteFunc(b.kept, func(_ spot, old *progress) bool { return now.Sub(old.began) > progressLife })
		g = &progress{read: make(chan struct{}), began: now}
		b.kept[s] = g
		// For everybody who waits, so it doesn't end with the one who asked first.
		go func() {
			defer close(g.read)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), glanceWait)
			defer cancel()
			g.err = rep.read(ctx, s, g)
		}()
	}
	b.mu.Unlock()
	select {
	case <-g.read:
		return g, g.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (rep *Reports) read(ctx context.Context, s spot, g *progress) error {
	under, err := rep.db.Promotion.Query().Where(promotion.ID(s.promotion), promotion.StateIn(catalog.UnderWay...)).Exist(ctx)
	if err != nil {
		return err
	}
	g.over = !under
	if g.events, err = rep.events(ctx, s.promotion, s.at.event, watchBatch); err != nil {
		return err
	}
	if g.chunks, err = rep.db.LogChunk.Query().Where(logchunk.PromotionID(s.promotion), logchunk.IDGT(s.at.chunk)).Order(logchunk.ByID()).Limit(watchBatch).All(ctx); err != nil {
		return err
	}
	last := s.at.event
	if len(g.events) > 0 {
		last = g.events[len(g.events)-1].ID
	}
	g.next, err = rep.events(ctx, s.promotion, last, 1)
	return err
}
