package workflows

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

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
	if l.total >= maxStepLog {
		return len(p), nil
	}
	l.total += len(p)
	l.pending.Write(p)
	if l.total >= maxStepLog {
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
		}
		if l.err = l.ledger.Log(l.ctx, l.promotion, l.step, l.attempt, l.seq, clean(string(chunk))); l.err != nil {
			return
		}
		l.seq++
		l.pending.Next(len(chunk))
	}
}

// clean keeps text, tabs, line ends and colours; a database and a terminal
// should see nothing else of what a tool prints.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' && r != '\t' && r != 0x1b || r == 0x7f {
			return -1
		}
		return r
	}, text)
}
