package edge

import (
	"cmp"
	"time"
)

// Bounds are what the requests to a service are held to. A field that is 0 holds as the
// table says, and one that is negative not at all.
type Bounds struct {
	Pace                       // of bodies
	AnswerIdle   time.Duration // for which a client may take nothing of an answer
	Header       int           // bytes of a request's line and headers
	Body         int64         // bytes of a request's
	Memory, Disk int64         // bytes that are kept of bodies at once, and as many of answers
	Waiting      int64         // requests that wait at once
	Hold         time.Duration // for which one waits at most where requests are held
}

const (
	// defaultHeader is the most of a request's line and headers unless a service says
	// otherwise. maxHeader is the most that the server reads: what has more it refuses by
	// itself, before anybody can see for whom it is.
	defaultHeader = 64 << 10
	maxHeader     = 128 << 10
)

// bounds are those of a route, with what the table says filled in.
func (t *table) bounds(at *Route) Bounds {
	b := at.Bounds
	b.Pace = Pace{cmp.Or(b.Pace.Idle, t.pace.Idle), cmp.Or(b.Pace.Grace, t.pace.Grace), cmp.Or(b.Pace.Rate, t.pace.Rate)}
	b.AnswerIdle, b.Header, b.Hold = cmp.Or(b.AnswerIdle, t.pace.Idle), cmp.Or(b.Header, defaultHeader), cmp.Or(b.Hold, t.Hold)
	b.Memory, b.Disk, b.Waiting = cmp.Or(b.Memory, spoolMemory), cmp.Or(b.Disk, spoolDisk), cmp.Or(b.Waiting, holdMost)
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
