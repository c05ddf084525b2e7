package operations

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/report"
)

// heartbeat is how often a silent stream says that it is alive.
const heartbeat = 15 * time.Second

// FollowPromotion streams what happens to a promotion.
func (h *handlers) FollowPromotion(ctx context.Context, r FollowPromotionRequestObject) (FollowPromotionResponseObject, error) {
	id := strconv.Itoa(r.Promotion)
	if _, err := h.platform.Promotion(ctx, id); err != nil { // a refusal must come before the headers
		return nil, err
	}
	return &eventStream{ctx: ctx, handlers: h, promotion: id, after: r.Params.LastEventID}, nil
}

// eventStream is the answer of FollowPromotion.
type eventStream struct {
	*handlers
	ctx       context.Context
	promotion string
	after     string

	mu   sync.Mutex // heartbeats and events are written by turns
	out  *live
	over bool // the event with the final state was sent
}

// VisitFollowPromotionResponse sends events until the promotion is over, the
// reader leaves, or the server stops; then the reader comes back with
// Last-Event-ID.
func (s *eventStream) VisitFollowPromotionResponse(w http.ResponseWriter) error {
	ctx, cancel, err := s.streaming(s.ctx)
	if err != nil {
		return err
	}
	defer cancel()
	s.out = newLive(w, "text/event-stream")
	if err := s.out.begin(); err != nil {
		return nil // the reader has left
	}
	var beating sync.WaitGroup
	beating.Go(func() { s.beat(ctx, cancel) })
	err = s.platform.Watch(ctx, s.promotion, s.after, s.deliver)
	if err == nil && !s.over {
		// Resumed behind the end, or the end left no event: a reader waits for one.
		err = s.final(ctx)
	}
	cancel()
	beating.Wait()
	if err != nil && s.ctx.Err() == nil && ctx.Err() == nil {
		s.log.Error("an event stream ended early", "promotion", s.promotion, "error", WithCauses(err))
	}
	return nil
}

// beat ends the stream when a heartbeat can't be written.
func (s *eventStream) beat(ctx context.Context, cancel context.CancelFunc) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.write(": still here\n\n"); err != nil {
				cancel()
				return
			}
		}
	}
}

func (s *eventStream) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.out.Write([]byte(text))
	return err
}

func (s *eventStream) deliver(e report.LiveEvent) error {
	switch {
	case e.Step != nil:
		return s.send(e.ID, "step", step(e.Step))
	case e.Promotion != nil:
		p := s.handlers.promotion(e.Promotion)
		if p.State.Over() {
			s.over = true
		}
		return s.send(e.ID, "promotion", p)
	case e.Log != nil:
		return s.send(e.ID, "log", chunk(e.Log))
	}
	return nil
}

// final sends the promotion as it ended.
func (s *eventStream) final(ctx context.Context) error {
	p, err := s.platform.Promotion(ctx, s.promotion)
	if err != nil {
		return err
	}
	if !slipway.PromotionState(p.State).Over() {
		return nil
	}
	return s.send(s.after, "promotion", s.handlers.promotion(p))
}

func (s *eventStream) send(id, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var b strings.Builder
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", name, data) // JSON holds no line break
	return s.write(b.String())
}
