package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/event"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/step"
	"github.com/slipway-dev/slipway/store"
)

// Bell wakes those who watch a promotion when there is news of it.
type Bell struct {
	mu      sync.Mutex
	waiting map[int]chan struct{}
	kept    map[spot]*progress // of the last moments
}

// NewBell is one that nobody listens to yet.
func NewBell() *Bell { return &Bell{waiting: map[int]chan struct{}{}, kept: map[spot]*progress{}} }

// listen returns a channel that is closed at the next ring. Listen before
// looking, or what happens in between goes unheard.
func (b *Bell) listen(id int) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting[id] == nil {
		b.waiting[id] = make(chan struct{})
	}
	return b.waiting[id]
}

// Ring wakes who listens for news of a promotion.
func (b *Bell) Ring(id int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.waiting[id]; c != nil {
		close(c)
		delete(b.waiting, id)
	}
}

// LiveEvent is news of a promotion: exactly one of Step, Promotion and Log is set.
type LiveEvent struct {
	ID        string // for resuming after it
	Step      *ent.Step
	Promotion *ent.Promotion
	Log       *ent.LogChunk
}

// Kind is step, promotion or log.
func (e LiveEvent) Kind() string {
	switch {
	case e.Step != nil:
		return "step"
	case e.Promotion != nil:
		return "promotion"
	}
	return "log"
}

const (
	watchBatch = 200
	// watchPoll is how soon news from another process is seen.
	watchPoll = time.Second
)

// Watch calls deliver with the news of a promotion in order, from its beginning
// or after the event with the id after, until the promotion is over and all was
// delivered, deliver returns an error, or ctx ends. Events outlive the process:
// an id of before a restart is good.
func (rep *Reports) Watch(ctx context.Context, id, after string, deliver func(LiveEvent) error) error {
	row, err := rep.promotion(ctx, id)
	if err != nil {
		return err
	}
	at, err := parsePosition(after)
	if err != nil {
		return err
	}
	tick := time.NewTicker(watchPoll)
	defer tick.Stop()
	for {
		woken := rep.bell.listen(row.ID)
		g, err := rep.progress(ctx, spot{row.ID, at, woken})
		if err != nil {
			return err
		}
		news, err := rep.news(ctx, row, g, &at)
		if err != nil {
			return err
		}
		for _, e := range news {
			if err := deliver(e); err != nil {
				return err
			}
		}
		if len(news) > 0 {
			continue
		}
		if g.over {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-woken:
		case <-tick.C:
		}
	}
}

// position is how far a watcher is: the last event and the last log chunk.
type position struct{ event, chunk int }

func (at position) String() string { return fmt.Sprintf("%d.%d", at.event, at.chunk) }

func parsePosition(text string) (at position, err error) {
	if text == "" {
		return at, nil
	}
	first, second, _ := strings.Cut(text, ".")
	if at.event, err = strconv.Atoi(first); err == nil {
		at.chunk, err = strconv.Atoi(second)
	}
	if err != nil || at.event < 0 || at.chunk < 0 {
		return at, slipway.Errorf(slipway.Invalid, "%q is not the id of an event; leave it out to begin at the start", store.Printable(text)).At("Last-Event-ID")
	}
	return at, nil
}

// entry is an event or a chunk of the log.
type entry struct {
	at    time.Time
	rank  int // what begins comes before the log of the same moment, what ends after it
	event *ent.Event
	chunk *ent.LogChunk
}

// news puts what was read after a position into the order in which it happened.
// Events and log are numbered apart; so what one of them may still hold before
// the last of the other is left for the next time.
func (rep *Reports) news(ctx context.Context, row *ent.Promotion, g *progress, at *position) ([]LiveEvent, error) {
	events, chunks, more := slices.Clone(g.events), slices.Clone(g.chunks), g.next // others read them too
	if len(more) > 0 {
		chunks = slices.DeleteFunc(chunks, func(c *ent.LogChunk) bool { return c.At.After(more[0].At) })
	} else if len(chunks) == watchBatch {
		until := chunks[len(chunks)-1].At
		events = slices.DeleteFunc(events, func(e *ent.Event) bool { return e.At.After(until) })
	}
	var entries []entry
	for _, e := range events {
		rank := 0
		if slipway.StepState(e.Data["state"]) != slipway.StepRunning {
			rank = 2
		}
		entries = append(entries, entry{at: e.At, rank: rank, event: e})
	}
	for _, c := range chunks {
		entries = append(entries, entry{at: c.At, rank: 1, chunk: c})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.rank, b.rank)) })
	out := make([]LiveEvent, 0, len(entries))
	for _, e := range entries {
		live := LiveEvent{Log: e.chunk}
		if e.chunk != nil {
			at.chunk = max(at.chunk, e.chunk.ID)
		} else {
			at.event = max(at.event, e.event.ID)
			var err error
			if live, err = rep.told(ctx, row, e.event); err != nil {
				return nil, err
			}
		}
		live.ID = at.String()
		out = append(out, live)
	}
	return out, nil
}

func (rep *Reports) events(ctx context.Context, id, after, limit int) ([]*ent.Event, error) {
	return rep.db.Event.Query().Where(event.PromotionID(id), event.IDGT(after), event.KindIn(StepChanged, PromotionChanged)).
		Order(event.ByID()).Limit(limit).All(ctx)
}

// told turns a recorded event into the thing as it was then.
func (rep *Reports) told(ctx context.Context, row *ent.Promotion, e *ent.Event) (LiveEvent, error) {
	if e.Kind == PromotionChanged {
		now, err := rep.promotion(ctx, strconv.Itoa(row.ID))
		if err != nil {
			return LiveEvent{}, err
		}
		now.State, now.EndedAtStep, now.Reason = promotion.State(e.Data["state"]), e.Data["step"], e.Data["reason"]
		if !slipway.PromotionState(now.State).Over() {
			now.EndedAt = nil
		}
		return LiveEvent{Promotion: now}, nil
	}
	s := &ent.Step{PromotionID: row.ID, Name: step.Name(e.Data["step"]), State: step.State(e.Data["state"]), Reason: e.Data["reason"]}
	s.Attempt, _ = strconv.Atoi(e.Data["attempt"])
	if until, err := time.Parse(time.RFC3339, e.Data["until"]); err == nil {
		s.Until = &until
	}
	for _, known := range row.Edges.Steps {
		if known.Name == s.Name {
			s.ID, s.Position = known.ID, known.Position
			s.StartedAt = known.StartedAt
		}
	}
	when := e.At
	if s.State == step.StateRunning {
		s.StartedAt = &when
		for _, known := range row.Edges.Steps {
			if known.Name == s.Name {
				known.StartedAt = &when
			}
		}
	} else {
		s.EndedAt = &when
	}
	return LiveEvent{Step: s}, nil
}

// Kinds of a promotion's events that Watch delivers.
const (
	StepChanged      = "promotion.step"
	PromotionChanged = "promotion.state"
)
