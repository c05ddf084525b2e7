package edge

import (
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
)

// tallyStep and CountedFor: answers are counted in slices of ten seconds, for an
// hour.
const (
	tallyStep  = 10 * time.Second
	CountedFor = time.Hour
	tallySlots = int(CountedFor / tallyStep)
)

// tally counts a deployment's answers.
type tally struct {
	mu    sync.Mutex
	slots []slot // a ring, made with the first answer
	when  time.Time
}

type slot struct {
	step   int64 // since 1970, in tallySteps
	counts slipway.Answers
}

func (t *tally) add(now time.Time, status int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slots == nil {
		t.slots = make([]slot, tallySlots)
	}
	t.when = now
	step := now.UnixNano() / int64(tallyStep)
	s := &t.slots[int(step%int64(tallySlots))]
	if s.step != step {
		*s = slot{step: step}
	}
	s.counts.Count(status, took)
}

func (t *tally) last() time.Time { t.mu.Lock(); defer t.mu.Unlock(); return t.when }

// since returns the slices that begin after a time, oldest first; empty ones are
// left out.
func (t *tally) since(from, now time.Time) []slipway.Slice {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slots == nil {
		return nil
	}
	var list []slipway.Slice
	end := now.UnixNano() / int64(tallyStep)
	for step := max(from.UnixNano()/int64(tallyStep), end-int64(tallySlots)+1); step <= end; step++ {
		if s := t.slots[int(step%int64(tallySlots))]; s.step == step {
			list = append(list, slipway.Slice{At: time.Unix(0, step*int64(tallyStep)).UTC(), Answers: s.counts})
		}
	}
	return list
}
