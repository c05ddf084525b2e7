package node

import (
	"cmp"
	"time"
)

// bounds are what the requests to a service are held to. A field that is 0 holds as the
// table says, and one that is negative not at all.
type bounds struct {
	pace                       // of bodies
	answerIdle   time.Duration // for which a client may take nothing of an answer
	header       int           // bytes of a request's line and headers
	body         int64         // bytes of a request's
	memory, disk int64         // bytes that are kept of bodies at once, and as many of answers
	waiting      int64         // requests that wait at once
	hold         time.Duration // for which one waits at most where requests are held
}

const (
	// defaultHeader is the most of a request's line and headers unless a service says
	// otherwise. maxHeader is the most that the server reads: what has more it refuses by
	// itself, before anybody can see for whom it is.
	defaultHeader = 64 << 10
	maxHeader     = 128 << 10
)

// bounds are those of a route, with what the table says filled in.
func (t *table) bounds(at *route) bounds {
	b := at.bounds
	b.pace = pace{cmp.Or(b.pace.idle, t.pace.idle), cmp.Or(b.pace.grace, t.pace.grace), cmp.Or(b.pace.rate, t.pace.rate)}
	b.answerIdle, b.header, b.hold = cmp.Or(b.answerIdle, t.pace.idle), cmp.Or(b.header, defaultHeader), cmp.Or(b.hold, t.Hold)
	b.memory, b.disk, b.waiting = cmp.Or(b.memory, spoolMemory), cmp.Or(b.disk, spoolDisk), cmp.Or(b.waiting, holdMost)
	return b
}

// headerSize is about what a request's line and headers took on the wire.
func headerSize(h map[string][]string, line int) int {
	size := line
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	return size
}
