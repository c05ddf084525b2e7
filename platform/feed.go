package platform

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/event"
	"github.com/slipway-dev/slipway/ent/predicate"
)

// feedPoll is how often a feed looks whether anything happened, and so the
// longest that its readers wait for news.
const feedPoll = 500 * time.Millisecond

// Feed tells many readers what happens as it happens. However many there are,
// one query looks for news; each reader then reads what it may see. Nothing is
// asked while nobody reads.
type Feed struct {
	platform *Platform

	mu      sync.Mutex
	readers int
	last    int
	woken   chan struct{} // closed when there is news
	stop    context.CancelFunc
}

// NewFeed makes a feed of a platform's events.
func NewFeed(p *Platform) *Feed { return &Feed{platform: p, woken: make(chan struct{})} }

// Last is the id of the newest event; Read goes on after it. Ask before what
// is shown is read.
func (f *Feed) Last(ctx context.Context) (int, error) {
	if _, err := f.platform.signedIn(ctx, slipway.PermitSignedIn); err != nil {
		return 0, err
	}
	return f.newest(ctx)
}

func (f *Feed) newest(ctx context.Context) (int, error) {
	ids, err := f.platform.db.Event.Query().Order(ent.Desc(event.FieldID)).Limit(1).IDs(asSystem(ctx))
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}

// Read calls deliver with the events after one, oldest first and in batches,
// that the viewer may see: of one service, unless that is "". It returns when
// deliver returns an error or ctx ends. last is the newest event that there was,
// whether the viewer sees it or not.
func (f *Feed) Read(ctx context.Context, serviceName string, after int, deliver func(events []*ent.Event, last int) error) error {
	v, err := f.platform.signedIn(ctx, slipway.PermitSignedIn)
	if err != nil {
		return err
	}
	var where []predicate.Event
	if serviceName != "" {
		if _, err := f.platform.Service(ctx, serviceName); err != nil {
			return err
		}
		where = append(where, event.Service(serviceName))
	}
	if !v.Admin {
		where = append(where, ofVisible(ctx))
	}
	f.enter()
	defer f.leave()
	for {
		woken := f.listen()
		last, err := f.newest(ctx)
		if err != nil {
			return err
		}
		if last > after {
			rows, err := f.platform.db.Event.Query().Where(append([]predicate.Event{event.IDGT(after), event.IDLTE(last)}, where...)...).
				Order(event.ByID()).Limit(MaxPage).All(ctx)
			if err != nil {
				return err
			}
			if len(rows) == MaxPage {
				last = rows[len(rows)-1].ID
			}
			after = last
			if len(rows) > 0 {
				if err := deliver(rows, last); err != nil {
					return err
				}
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-woken:
		}
	}
}

func (f *Feed) listen() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.woken
}

func (f *Feed) enter() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers++; f.readers == 1 {
		ctx, stop := context.WithCancel(context.Background())
		f.stop = stop
		go f.watch(ctx)
	}
}

func (f *Feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers--; f.readers == 0 {
		f.stop()
	}
}

func (f *Feed) watch(ctx context.Context) {
	tick := time.NewTicker(feedPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		last, err := f.newest(ctx)
		if err != nil {
			continue // the readers ask again themselves, and hear of it
		}
		f.mu.Lock()
		if last != f.last {
			f.last = last
			close(f.woken)
			f.woken = make(chan struct{})
		}
		f.mu.Unlock()
	}
}
