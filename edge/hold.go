package edge

import (
	"net/http"
	"time"
)

const (
	// HoldWithin is how long a request waits at the edge at most while one release ends
	// and the next one starts.
	HoldWithin = 30 * time.Second
	// holdMost is how many requests to a service wait at once: with what was read of their
	// bodies they take about 100 MB then.
	holdMost = 1000
	// holdLook is how often it is looked whether a client that waits is still there,
	// where the server doesn't see it.
	holdLook = 250 * time.Millisecond
)

// queue counts a request among those that wait for a service; false says that there are
// too many.
func (b *Backend) queue(most int64) bool {
	if b.waiting.Add(1) > most {
		b.waiting.Add(-1)
		return false
	}
	return true
}

// wait lets a request wait while those to host are held: again says that it can be looked
// up, unreached that it has waited for long enough, or that too many wait, and "" that
// its client has gone.
func (t *table) wait(r *http.Request, host string, b *Backend, most int64, until time.Time) cause {
	if !b.queue(most) {
		return unreached
	}
	defer b.waiting.Add(-1)
	over := time.NewTimer(time.Until(until))
	defer over.Stop()
	look := time.NewTicker(holdLook)
	defer look.Stop()
	for {
		t.mu.RLock()
		at, changed := t.routes[host], t.changed
		t.mu.RUnlock()
		if at == nil || !at.Held {
			return again
		}
		select {
		case <-changed:
		case <-over.C:
			return unreached
		case <-look.C:
			if hungUp(r.Context()) {
				return ""
			}
		case <-r.Context().Done():
			return ""
		}
	}
}
