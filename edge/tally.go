package edge

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
)

const (
	// tallyStep is how long a slice is in which answers are counted.
	tallyStep = 10 * time.Second
	// CountedFor is how long they are kept.
	CountedFor = time.Hour
	tallySlots = int(CountedFor / tallyStep)
)

// tally counts a deployment's answers: it has slices for the steps with answers alone, as
// many releases are taken over by the next one a moment after they began.
type tally struct {
	mu    sync.Mutex
	slots []slot // by step, of which there are at most tallySlots
	when  time.Time
}

type slot struct {
	step   int64 // since 1970, in tallySteps
	counts slipway.Answers
}

func (t *tally) add(now time.Time, status int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.when = now
	step := now.UnixNano() / int64(tallyStep)
	if n := len(t.slots); n > 0 && t.slots[n-1].step >= step { // a clock that was set back counts on
		t.slots[n-1].counts.Count(status, took)
		return
	}
	if n := len(t.slots); n > 0 && (n == tallySlots || t.slots[0].step <= step-int64(tallySlots)) {
		old, _ := slices.BinarySearchFunc(t.slots, step-int64(tallySlots)+1, func(s slot, first int64) int { return cmp.Compare(s.step, first) })
		t.slots = slices.Delete(t.slots, 0, old)
	}
	t.slots = append(t.slots, slot{step: step})
	t.slots[len(t.slots)-1].counts.Count(status, took)
}

func (t *tally) last() time.Time { t.mu.Lock(); defer t.mu.Unlock(); return t.when }

// since returns the slices that begin after a time, oldest first; empty ones are
// left out.
func (t *tally) since(from, now time.Time) []slipway.Slice {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []slipway.Slice
	end := now.UnixNano() / int64(tallyStep)
	first := max(from.UnixNano()/int64(tallyStep), end-int64(tallySlots)+1)
	for _, s := range t.slots {
		if s.step >= first && s.step <= end {
			list = append(list, slipway.Slice{At: time.Unix(0, s.step*int64(tallyStep)).UTC(), Answers: s.counts})
		}
	}
	return list
}
