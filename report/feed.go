package report

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/event"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// feedPoll is how often a feed looks whether anything happened, and so the
// longest that its readers wait for news.
const feedPoll = 500 * time.Millisecond

const (
	// feedWait bounds how long the news may take to be read.
	feedWait = 30 * time.Second
	// mostNews is how many batches are kept until there is newer news.
	mostNews = 100
)

// Feed tells many readers what happens as it happens. However many there are,
// one query looks for news, and one more reads it for all readers who see the
// same and are equally far. Nothing is asked while nobody reads.
type Feed struct {
	reports *Reports

	mu      sync.Mutex
	readers int
	last    int
	woken   chan struct{} // closed when there is news
	stop    context.CancelFunc
	kept    map[question]*newsBatch // of the latest news
}

// question is what a reader wants to know: the events in (after, last] of a
// service, "" for all, that somebody of this sight may see.
type question struct {
	sight, service string
	after, last    int
}

// newsBatch is the answer, once read is closed. Its rows are shared.
type newsBatch struct {
	read chan struct{}
	rows []*ent.Event
	err  error
}

// NewFeed makes a feed of a platform's events.
func NewFeed(p *Reports) *Feed { return &Feed{reports: p, woken: make(chan struct{})} }

// Last is the id of the newest event; Read goes on after it. Ask before what
// is shown is read.
func (f *Feed) Last(ctx context.Context) (int, error) {
	if _, err := f.reports.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return 0, err
	}
	return f.newest(ctx)
}

func (f *Feed) newest(ctx context.Context) (int, error) {
	ids, err := f.reports.db.Event.Query().Order(ent.Desc(event.FieldID)).Limit(1).IDs(store.AsSystem(ctx))
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}

// Read calls deliver with the events after one, oldest first and in batches,
// that the viewer may see: of one service, unless that is "". It returns when
// deliver returns an error or ctx ends. last is the newest event that there was,
// whether the viewer sees it or not. Other readers get the same rows: deliver
// only reads them.
func (f *Feed) Read(ctx context.Context, serviceName string, after int, deliver func(events []*ent.Event, last int) error) error {
	if _, err := f.reports.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return err
	}
	if serviceName != "" {
		if _, err := f.reports.catalog.Service(ctx, serviceName); err != nil {
			return err
		}
	}
	f.enter()
	defer f.leave()
	// The watch may have begun just now, and know of nothing yet.
	first, err := f.newest(ctx)
	if err != nil {
		return err
	}
	for {
		last, woken := f.listen()
		if last = max(last, first); last > after {
			rows, err := f.news(ctx, serviceName, after, last)
			if err != nil {
				return err
			}
			if len(rows) == store.MaxPage {
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

// news reads events once for all who ask the same.
func (f *Feed) news(ctx context.Context, service string, after, last int) ([]*ent.Event, error) {
	v := slipway.ViewerFrom(ctx)
	q := question{identity.SightOf(v).Key(), service, after, last}
	f.mu.Lock()
	b, asked := f.kept[q]
	if !asked {
		b = &newsBatch{read: make(chan struct{})}
		if f.kept == nil || len(f.kept) >= mostNews {
			f.kept = map[question]*newsBatch{}
		}
		f.kept[q] = b
	}
	f.mu.Unlock()
	if !asked {
		// For everybody who waits, so it doesn't end with the one who asked first.
		go func() {
			defer close(b.read)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), feedWait)
			defer cancel()
			where := []predicate.Event{event.IDGT(after), event.IDLTE(last)}
			if service != "" {
				where = append(where, event.Service(service))
			}
			if !v.Admin {
				where = append(where, ofVisible(ctx))
			}
			if b.rows, b.err = f.reports.db.Event.Query().Where(where...).Order(event.ByID()).Limit(store.MaxPage).All(ctx); b.err != nil {
				f.mu.Lock()
				delete(f.kept, q)
				f.mu.Unlock()
			}
		}()
	}
	select {
	case <-b.read:
		return b.rows, b.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// listen returns the newest event that is known of, and what is closed when
// there is a newer one.
func (f *Feed) listen() (last int, woken <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last, f.woken
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
		f.kept = nil
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
			f.kept = nil // what was asked of the news before
			close(f.woken)
			f.woken = make(chan struct{})
		}
		f.mu.Unlock()
	}
}
