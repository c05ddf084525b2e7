package webhook

import (
	"context"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	// outAtOnce is how many messages are on their way to one receiver at once, and
	// ofTeam how many of one team are, and how many of it are in line: the rest of what
	// a worker carries is other teams'.
	outAtOnce = 4
	ofTeam    = 40
	// inLine is how many wait for a turn at a receiver that answers.
	inLine = 16
	// sluggish is how long an answer takes of a receiver that gets one message at a
	// time from then on, with nobody in line, until it is quicker. So does one that
	// didn't answer.
	sluggish = 2 * time.Second
	// lineTime is how long a message waits in line before it makes room.
	lineTime = 2 * time.Second
)

// lanes let messages to webhooks out by receiver and team, so that one that hangs
// holds up itself alone. What has no turn is told so at once, or within lineTime.
type lanes struct {
	mu        sync.Mutex
	receivers map[string]*lane
	out, line map[int]int // messages by team
}

// lane is the way to one receiver.
type lane struct {
	out     map[int]time.Time // on their way, since when
	number  int
	waiting int
	slow    bool          // by its last answer, or for want of one
	changed chan struct{} // closed when somebody came back
}

// receiver names who receives, within a team: what one does to a host shared by
// many holds up no other.
func receiver(team int, address string) string {
	host := address
	if u, err := url.Parse(address); err == nil {
		host = u.Host
	}
	return strconv.Itoa(team) + " " + host
}

// take asks for a turn. ok is false when there is none now; back is called when it
// is over, with whether there was an answer.
func (t *lanes) take(ctx context.Context, team int, to string) (back func(answered bool), ok bool) {
	late := time.NewTimer(lineTime)
	defer late.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.forget(team, to)
	if t.receivers == nil {
		t.receivers, t.out, t.line = map[string]*lane{}, map[int]int{}, map[int]int{}
	}
	l := t.receivers[to]
	if l == nil {
		l = &lane{out: map[int]time.Time{}, changed: make(chan struct{})}
		t.receivers[to] = l
	}
	for over := false; ; {
		if l.free() && t.out[team] < ofTeam {
			return t.let(l, team, to), true
		}
		if over || l.hangs() || l.waiting >= inLine || t.line[team] >= ofTeam {
			return nil, false
		}
		changed := l.changed
		l.waiting++
		t.line[team]++
		t.mu.Unlock()
		select {
		case <-changed:
		case <-late.C:
			over = true
		case <-ctx.Done():
			over = true
		}
		t.mu.Lock()
		l.waiting--
		t.line[team]--
	}
}

// forget drops what says nothing: a receiver with nothing on its way or in line
// that isn't known to be slow, and a team with nothing anywhere.
func (t *lanes) forget(team int, to string) {
	if l := t.receivers[to]; l != nil && len(l.out) == 0 && l.waiting == 0 && !l.slow {
		delete(t.receivers, to)
	}
	for _, count := range []map[int]int{t.out, t.line} {
		if count[team] == 0 {
			delete(count, team)
		}
	}
}

func (t *lanes) let(l *lane, team int, to string) (back func(answered bool)) {
	l.number++
	number, began := l.number, time.Now()
	l.out[number] = began
	t.out[team]++
	return func(answered bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		l.slow = !answered || time.Since(began) >= sluggish
		delete(l.out, number)
		t.out[team]--
		close(l.changed)
		l.changed = make(chan struct{})
		t.forget(team, to)
	}
}

func (l *lane) free() bool {
	if l.hangs() {
		return len(l.out) == 0
	}
	return len(l.out) < outAtOnce
}

// hangs tells whether a receiver is slow, by its last answer or by one that isn't
// there yet.
func (l *lane) hangs() bool {
	for _, since := range l.out {
		if time.Since(since) >= sluggish {
			return true
		}
	}
	return l.slow
}
