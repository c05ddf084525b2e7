package workflows

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// LongestBuild is the most that a platform may let a build, or a run of the tests,
// take: it must end, with its turn, within the engine's patience.
const LongestBuild = 4 * time.Hour

// awaiting is how many builds and tests a worker takes from the engine to give
// them their turns. What is beyond waits in the engine, which lets teams take
// turns as well.
const awaiting = 1000

// slots lets few builds and tests run at once. Teams take turns, and within a team
// its services, however many promotions each has waiting. Where several teams
// share the machine, one slot is kept for those that have none running: a build
// may take an hour, and turns alone would make the others wait for its end.
type slots struct {
	size   int
	shared func(context.Context) bool // several teams have services; nil is never

	mu      sync.Mutex
	kept    bool // one slot is
	running map[int]int
	busy    int
	waiting []*turn
	served  map[any]int // when a team, or a service, began last
	clock   int
}

type turn struct {
	team    int
	service string
	mine    chan struct{} // closed when it has come
}

func newSlots(size int, shared func(context.Context) bool) *slots {
	return &slots{size: size, shared: shared, running: map[int]int{}, served: map[any]int{}}
}

// take waits for a turn, beating as an activity must.
func (s *slots) take(ctx context.Context, team int, service string) (give func(), err error) {
	if s == nil { // outside of a worker
		return func() {}, nil
	}
	kept := s.size > 1 && s.shared != nil && s.shared(ctx)
	t := &turn{team: team, service: service, mine: make(chan struct{})}
	s.mu.Lock()
	s.kept = kept
	s.waiting = append(s.waiting, t)
	s.deal()
	s.mu.Unlock()
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	for {
		select {
		case <-t.mine:
			return sync.OnceFunc(func() { s.give(team) }), nil
		case <-ctx.Done():
			s.leave(t)
			return nil, ctx.Err()
		case <-beat.C:
			activity.RecordHeartbeat(ctx)
		}
	}
}

func (s *slots) give(team int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	if s.running[team]--; s.running[team] == 0 {
		delete(s.running, team)
	}
	s.deal()
}

// leave takes a turn out of the line, or gives it back when it has just come.
func (s *slots) leave(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.waiting {
		if other == t {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			return
		}
	}
	s.busy--
	if s.running[t.team]--; s.running[t.team] == 0 {
		delete(s.running, t.team)
	}
	s.deal()
}

// deal gives free slots away.
func (s *slots) deal() {
	for s.busy < s.size {
		i := s.next()
		if i < 0 {
			return
		}
		t := s.waiting[i]
		s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
		s.busy++
		s.running[t.team]++
		s.clock++
		s.served[t.team], s.served[t.service] = s.clock, s.clock
		close(t.mine)
	}
	if len(s.waiting) == 0 && s.busy == 0 { // nobody is before anybody
		clear(s.served)
	}
}

// next is whose turn it is, -1 when it is nobody's: that of the team that has
// fewest running, then of the one that began longest ago, and so with its services.
func (s *slots) next() int {
	best := -1
	for i, t := range s.waiting {
		if s.kept && s.busy == s.size-1 && s.running[t.team] > 0 {
			continue // the last one is kept
		}
		if best < 0 || s.before(t, s.waiting[best]) {
			best = i
		}
	}
	return best
}

func (s *slots) before(a, b *turn) bool {
	switch {
	case a.team != b.team && s.running[a.team] != s.running[b.team]:
		return s.running[a.team] < s.running[b.team]
	case a.team != b.team:
		return s.served[a.team] < s.served[b.team]
	}
	return s.served[a.service] < s.served[b.service]
}

// inTurn carries out a step that needs a slot.
func (s *Steps) inTurn(ctx context.Context, in StepInput, step func() error) error {
	if err := s.warrant(ctx, in, ""); err != nil { // what nobody ordered takes no turn
		return err
	}
	give, err := s.slots.take(ctx, in.Team, in.Service)
	if err != nil {
		return err
	}
	defer give()
	return step()
}
