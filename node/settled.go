package node

import (
	"context"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/slipway-dev/slipway"
)

// A worker has no port to ask. It is healthy when it has run for workerLeast and
// then rests: what a worker does at its start, and most of what it fails by, keeps
// a processor busy, or waits for one, however long that takes on a machine with little
// to spare. One that has had work from its first moment is healthy after workerMost, for
// which what it waits for a processor doesn't count; and after workerEver whatever it does.
const (
	workerLeast = 2 * time.Second
	workerMost  = 10 * time.Second
	workerEver  = time.Minute
	workerLook  = 250 * time.Millisecond
	restLooks   = 4  // that a rest lasts: a second
	restTicks   = 20 // of processor time, in hundredths of a second, that a rest may have
)

// awaitWorker waits through a worker's first seconds.
func (i *instance) awaitWorker(ctx context.Context) error {
	tick := time.NewTicker(workerLook)
	defer tick.Stop()
	began := time.Now()
	seen := rest{at: began}
	for {
		select {
		case <-i.exits:
			return i.exitError("in its first seconds")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		pid := i.report().PID
		if pid == 0 {
			continue // it isn't started yet
		}
		seen.look(groupTime(pid))
		up := time.Since(began)
		if up >= workerLeast && seen.rests() || seen.up >= workerMost || up >= workerEver {
			i.set(slipway.InstanceHealthy, "")
			return nil
		}
	}
}

// rest follows what a process group takes of a processor.
type rest struct {
	used []int64       // by all of its looks, in hundredths of a second
	ran  []bool        // at each look: it ran, or waited to
	at   time.Time     // of the last look, or of its start
	up   time.Duration // since its start, without what it waited for a processor
}

func (r *rest) look(used int64, runs bool) {
	now := time.Now()
	up := now.Sub(r.at)
	if had := time.Duration(used-r.last()) * 10 * time.Millisecond; runs && had < up {
		up = had
	}
	r.used, r.ran, r.at, r.up = append(r.used, used), append(r.ran, runs), now, r.up+up
}

func (r *rest) last() int64 {
	if len(r.used) == 0 {
		return 0
	}
	return r.used[len(r.used)-1]
}

// rests tells whether it has used little for restLooks, and not because others kept it
// from a processor: what rests is hardly ever found to run.
func (r *rest) rests() bool {
	n := len(r.used)
	if n <= restLooks || r.used[n-1]-r.used[n-1-restLooks] >= restTicks {
		return false
	}
	running := 0
	for _, ran := range r.ran[n-restLooks:] {
		if ran {
			running++
		}
	}
	return running <= 1
}

// steady follows a wrong answer of probes.
type steady struct {
	status int
	since  time.Time
	row    int
}

// settled tells whether the answer has been the same one for so long that it is
// known now how this ends. Answers by which a service says that it isn't ready yet
// are none, nor those of what stands before it.
func (s *steady) settled(a answer) bool {
	final := a.err == nil && (a.status == http.StatusInternalServerError || a.status >= 400 && a.status < 500 &&
		a.status != http.StatusRequestTimeout && a.status != http.StatusTooEarly && a.status != http.StatusTooManyRequests)
	if !final || a.status != s.status {
		*s = steady{status: a.status, since: time.Now()}
		if !final {
			s.status = 0
		}
		return false
	}
	s.row++
	return s.row >= settledRow && time.Since(s.since) >= settledFor
}

// inDetail says what a wrong answer was, with the last exception in the instance's
// log when that may be the reason.
func (i *instance) inDetail(a answer) string {
	words := i.words(a)
	if a.status < 500 {
		return words
	}
	secrets, err := i.place.node.secrets(i.ctx, i.of().Deployment)
	if err != nil {
		return words
	}
	text, _, err := tail(i.logFile(), 200)
	if err != nil {
		return words
	}
	return words + i.of().Cause(slipway.Scrub(text, secrets))
}

// because adds to an error, nil as well, what has been printed of its reason.
func because(err error, printed string, secrets []slipway.Secret, d slipway.Deployment) error {
	if err == nil {
		return nil
	}
	if says := d.Cause(slipway.Scrub(printed, secrets)); says != "" {
		return slipway.Errorf(slipway.CodeOf(err), "%w%s", err, says)
	}
	return err
}

// lastOf is the end of a file that may have been removed since it was opened.
func lastOf(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	const most = 64 << 10
	text, _ := io.ReadAll(io.NewSectionReader(f, max(info.Size()-most, 0), most))
	return string(text)
}
