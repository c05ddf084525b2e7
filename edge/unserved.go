package edge

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
)

const (
	// unservedTogether is for how long what the edge answers by itself for one cause is
	// counted before it is told in one line; the first of them is told at once.
	unservedTogether = 10 * time.Second
	// unservedMost is how much of that is kept of a service, twice.
	unservedMost = 1 << 20
	// unservedOlder ends the name of the older half, as of the logs beside it.
	unservedOlder = ".1"
	// unservedKinds is how many different ones are told apart at once.
	unservedKinds = 32
)

// unserved is what the edge answered by itself for a service in an environment, or did
// not bring to its end: counted, and told in a log of its own beside those of the
// instances, so that it neither tears a line of theirs nor hides their last one.
type unserved struct {
	service, environment string
	file                 string // "" for none
	together             time.Duration

	mu     sync.Mutex
	counts map[unservedCount]int64
	bursts map[unservedKind]*burst
}

type unservedCount struct {
	status int
	cause  cause
}

// unservedKind is what is told in one line.
type unservedKind struct {
	unservedCount
	by, detail string
}

// burst is what came of a kind since its last line.
type burst struct {
	more int
	tell *time.Timer
}

// add counts an answer, and tells of the first of its kind.
func (u *unserved) add(status int, why cause, by, detail string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts, u.bursts = map[unservedCount]int64{}, map[unservedKind]*burst{}
	}
	kind := unservedKind{unservedCount{status, why}, by, detail}
	u.counts[kind.unservedCount]++
	if u.file == "" {
		return
	}
	if b := u.bursts[kind]; b != nil {
		b.more++
		return
	}
	if len(u.bursts) >= unservedKinds {
		kind.by, kind.detail = "", "several instances, or for several reasons"
		if b := u.bursts[kind]; b != nil {
			b.more++
			return
		}
	}
	u.write(kind.line())
	u.bursts[kind] = &burst{tell: time.AfterFunc(cmp.Or(u.together, unservedTogether), func() { u.more(kind) })}
}

// more tells how many others of a kind there were.
func (u *unserved) more(kind unservedKind) {
	u.mu.Lock()
	defer u.mu.Unlock()
	b := u.bursts[kind]
	if b == nil {
		return
	}
	if b.more == 0 {
		delete(u.bursts, kind)
		return
	}
	together := cmp.Or(u.together, unservedTogether)
	u.write(fmt.Sprintf("%s: and %d more in %s", kind.line(), b.more, together))
	b.more = 0
	b.tell.Reset(together)
}

// end tells what was counted and not told yet.
func (u *unserved) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for kind, b := range u.bursts {
		if b.tell.Stop(); b.more > 0 {
			u.write(fmt.Sprintf("%s: and %d more", kind.line(), b.more))
		}
	}
	u.bursts = map[unservedKind]*burst{}
}

func (k unservedKind) line() string {
	said := fmt.Sprintf("answered %d", k.status)
	if k.status == 0 {
		said = "cut an answer off"
	}
	if k.by != "" {
		said += " for " + k.by
	}
	return fmt.Sprintf("%s (%s): %s", said, k.cause, cmp.Or(k.detail, k.cause.words()))
}

// write puts a line into the log, which it doesn't make a directory for: where there is
// none the service has been removed.
func (u *unserved) write(line string) {
	if info, err := os.Stat(u.file); err == nil && info.Size() > unservedMost {
		_ = os.Rename(u.file, u.file+unservedOlder)
	}
	f, err := os.OpenFile(u.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) // #nosec G304 -- of the node's own directory
	if err != nil {
		return
	}
	_, _ = fmt.Fprintf(f, "%s %s\n", time.Now().UTC().Format(time.RFC3339), line)
	_ = f.Close()
}

// Unserved counts what the edge answered by itself, in order.
func (t *table) Unserved() []slipway.EdgeCount {
	t.mu.RLock()
	all := []*unserved{&t.nobody}
	for _, u := range t.unserved {
		all = append(all, u)
	}
	t.mu.RUnlock()
	counts := []slipway.EdgeCount{}
	for _, u := range all {
		u.mu.Lock()
		for of, count := range u.counts {
			counts = append(counts, slipway.EdgeCount{Service: u.service, Environment: u.environment, Status: of.status, Cause: slipway.EdgeCause(of.cause), Count: count})
		}
		u.mu.Unlock()
	}
	slices.SortFunc(counts, func(a, b slipway.EdgeCount) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Cause, b.Cause))
	})
	return counts
}

// instance names one of a backend's for a log.
func (b *Backend) instance(id string) string {
	if id == "" {
		return ""
	}
	return fmt.Sprintf("%s of release %d", id, b.release)
}
