package workflows

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/slipway-dev/slipway"
)

const (
	flushBytes = 32 << 10
	flushEvery = 200 * time.Millisecond
	// maxStepLog bounds one attempt's output, in bytes.
	maxStepLog = 8 << 20
)

// stepLog collects a step's output into chunks of whole lines for the ledger.
// A ledger that is away for a moment doesn't stop the step: the lines wait.
type stepLog struct {
	ctx       context.Context
	ledger    slipway.Ledger
	promotion string
	step      slipway.StepName
	attempt   int

	mu      sync.Mutex
	pending bytes.Buffer
	seq     int
	total   int
	full    bool // what comes is not kept any more
	timer   *time.Timer
	err     error
}

func newStepLog(ctx context.Context, ledger slipway.Ledger, promotion string, step slipway.StepName, attempt int) *stepLog {
	return &stepLog{ctx: context.WithoutCancel(ctx), ledger: ledger, promotion: promotion, step: step, attempt: attempt}
}

// Write never fails: a log must not break what it tells of.
func (l *stepLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return len(p), nil
	}
	kept := p
	if room := maxStepLog - l.total; len(p) > room {
		kept, l.full = whole(p[:room]), true
	}
	l.total += len(kept)
	l.pending.Write(kept)
	if l.full {
		fmt.Fprintf(&l.pending, "\n[the output goes on; only the first %d MiB are kept]\n", maxStepLog>>20)
	}
	if l.pending.Len() >= flushBytes {
		l.flush(false)
	} else if l.timer == nil {
		l.timer = time.AfterFunc(flushEvery, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.timer = nil
			l.flush(false)
		})
	}
	return len(p), nil
}

// Close writes what is left, a last line without an end included.
func (l *stepLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.flush(true)
	return l.err
}

// flush sends the whole lines that are there. With all, the rest too.
func (l *stepLog) flush(all bool) {
	for l.pending.Len() > 0 {
		chunk := l.pending.Bytes()
		chunk = chunk[:min(len(chunk), flushBytes)]
		if end := bytes.LastIndexByte(chunk, '\n'); end >= 0 {
			chunk = chunk[:end+1]
		} else if !all && len(chunk) < flushBytes {
			return
		} else if len(chunk) < l.pending.Len() {
			chunk = whole(chunk)
		}
		if l.err = l.ledger.Log(l.ctx, l.promotion, l.step, l.attempt, l.seq, slipway.CleanOutput(string(chunk))); l.err != nil {
			return
		}
		l.seq++
		l.pending.Next(len(chunk))
	}
}

// whole cuts what was cut in the middle off the end: a character, or an escape
// sequence, which are short.
func whole(p []byte) []byte {
	for back := 1; back <= utf8.UTFMax && back < len(p); back++ {
		if utf8.RuneStart(p[len(p)-back]) {
			if !utf8.FullRune(p[len(p)-back:]) {
				p = p[:len(p)-back]
			}
			break
		}
	}
	if i := bytes.LastIndexByte(p, 0x1b); i > 0 && len(p)-i < 32 && !slipway.WholeEscape(p[i:]) {
		p = p[:i]
	}
	return p
}
