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

// bounds are what a deployment states.
func (d *deployment) bounds() bounds {
	l := d.Manifest.LimitsIn(d.Environment)
	stated := func(key string, unit int64) int64 {
		switch n, stated := l.Limit(key); {
		case !stated:
			return 0
		case n == 0:
			return -1
		default:
			return int64(n) * unit
		}
	}
	seconds := func(key string) time.Duration { return time.Duration(stated(key, int64(time.Second))) }
	return bounds{
		pace:       pace{idle: seconds("body_idle_seconds"), grace: seconds("body_grace_seconds"), rate: stated("body_bytes_per_second", 1)},
		answerIdle: seconds("answer_idle_seconds"), header: int(stated("header_kilobytes", 1<<10)), body: stated("body_megabytes", 1<<20),
		memory: stated("memory_megabytes", 1<<20), disk: stated("disk_megabytes", 1<<20), waiting: stated("waiting_requests", 1), hold: seconds("waiting_seconds"),
	}
}

// limit is how long the deployment may take to begin an answer; 0 for as long as it takes.
func (d *deployment) limit() time.Duration {
	n, _ := d.Manifest.LimitsIn(d.Environment).Limit("answer_seconds")
	return time.Duration(n) * time.Second
}

// bounds are those of a route, with what the table says filled in.
func (t *table) bounds(at *route) bounds {
	b := at.bounds
	b.pace = pace{cmp.Or(b.pace.idle, t.pace.idle), cmp.Or(b.pace.grace, t.pace.grace), cmp.Or(b.pace.rate, t.pace.rate)}
	b.answerIdle, b.header, b.hold = cmp.Or(b.answerIdle, t.pace.idle), cmp.Or(b.header, defaultHeader), cmp.Or(b.hold, t.hold)
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
