package edge

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// shortAnswer is how long an answer may be that isn't read ahead of its client: the
	// kernel takes it of the instance at once.
	shortAnswer = 64 << 10
	// aheadMemory is how much of an answer is in memory, before the rest is put on disk.
	aheadMemory = 256 << 10
	// aheadShare is the part of a service's room on disk that one answer may take.
	aheadShare = 4
	// crowdedIdle is how long a client may take nothing of its answer where there is no
	// room for others: they would hold the instance. crowdedLook is how often that is
	// looked at.
	crowdedIdle = 5 * time.Second
	crowdedLook = 50 * time.Millisecond
)

// ahead is an answer that is taken of its instance as fast as that gives it, and kept
// for its client in memory, then on disk, as far as there is room. So a slow reader costs
// the edge, and the instance has a thread free. What has come is handed on at once.
type ahead struct {
	of     *spool
	most   Bounds
	from   io.ReadCloser
	client *http.ResponseController
	taken  atomic.Int64 // when its client took some last, in nanoseconds
	let    atomic.Bool  // it is cut

	mu     sync.Mutex
	news   *sync.Cond
	memory bytes.Buffer
	file   *os.File // holds what comes behind memory; unlinked
	begin  int64    // of what is unread in the file
	end    int64    // of the file
	over   error    // how from has ended
	closed bool
}

var pieces = sync.Pool{New: func() any { piece := make([]byte, 32<<10); return &piece }}

// readAhead has an answer read ahead where that is of use: not one that fits into what
// the kernel takes, nor one that has no end, nor what is no answer any more.
func readAhead(res *http.Response, s *spool, most Bounds, client *http.ResponseController) {
	events := strings.HasPrefix(strings.ToLower(res.Header.Get("Content-Type")), "text/event-stream")
	if events || res.StatusCode == http.StatusSwitchingProtocols || res.Body == http.NoBody || res.ContentLength >= 0 && res.ContentLength <= shortAnswer {
		return
	}
	a := &ahead{of: s, most: most, from: res.Body, client: client}
	a.news = sync.NewCond(&a.mu)
	a.taken.Store(time.Now().UnixNano())
	res.Body = a
	s.mu.Lock()
	if s.answers == nil {
		s.answers = map[*ahead]bool{}
	}
	s.answers[a] = true
	s.mu.Unlock()
	go a.take()
}

// take reads the instance's answer to its end, and lets the instance go.
func (a *ahead) take() {
	piece := pieces.Get().(*[]byte)
	defer pieces.Put(piece)
	defer a.from.Close()
	for {
		n, err := a.from.Read(*piece)
		a.mu.Lock()
		for rest := (*piece)[:n]; len(rest) > 0 && !a.closed; {
			kept, crowded := a.keep(rest)
			if kept {
				break
			}
			var look *time.Timer
			if crowded {
				a.of.relieve()
				look = time.AfterFunc(crowdedLook, func() { a.mu.Lock(); defer a.mu.Unlock(); a.news.Broadcast() })
			}
			a.news.Wait() // until the client has taken some
			if crowded {
				look.Stop()
			}
		}
		a.over = err
		a.news.Broadcast()
		done := a.closed || err != nil
		a.mu.Unlock()
		if done {
			return
		}
	}
}

// relieve cuts the answer of which nothing was taken for longest, if that is long enough.
func (s *spool) relieve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var longest *ahead
	for a := range s.answers {
		if !a.let.Load() && (longest == nil || a.taken.Load() < longest.taken.Load()) {
			longest = a
		}
	}
	if longest != nil && longest.client != nil && time.Since(time.Unix(0, longest.taken.Load())) > crowdedIdle {
		longest.let.Store(true)
		_ = longest.client.SetWriteDeadline(time.Now())
	}
}

// keep puts a piece behind what is there. Where there is no room it is kept only when
// nothing else is; crowded says that others take it.
func (a *ahead) keep(piece []byte) (kept, crowded bool) {
	n := int64(len(piece))
	if a.begin == a.end {
		if a.memory.Len()+len(piece) <= aheadMemory {
			if a.of.memory.Add(n) <= a.most.Memory || a.memory.Len() == 0 {
				a.memory.Write(piece)
				return true, false
			}
			a.of.memory.Add(-n)
		}
	}
	if a.end+n > a.most.Disk/aheadShare {
		return false, false // until all of the file is taken
	}
	if a.of.disk.Add(n) > a.most.Disk || !a.open() {
		a.of.disk.Add(-n)
		return false, true
	}
	if _, err := a.file.WriteAt(piece, a.end); err != nil { // the disk is full
		a.of.disk.Add(-n)
		return false, true
	}
	a.end += n
	return true, false
}

func (a *ahead) open() bool {
	if a.file == nil {
		a.file = unlinked(a.of.dir, "answer-")
	}
	return a.file != nil
}

// Read gives what has come, and waits for more where nothing has.
func (a *ahead) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		switch {
		case a.closed:
			return 0, os.ErrClosed
		case a.memory.Len() > 0:
			n, _ := a.memory.Read(p)
			a.taken.Store(time.Now().UnixNano())
			a.of.memory.Add(-int64(n))
			a.news.Broadcast()
			return n, nil
		case a.begin < a.end:
			a.taken.Store(time.Now().UnixNano())
			n, err := a.file.ReadAt(p[:min(int64(len(p)), a.end-a.begin)], a.begin)
			if a.begin += int64(n); a.begin == a.end {
				a.empty()
			}
			a.news.Broadcast()
			if n > 0 {
				err = nil
			}
			return n, err
		case a.over != nil:
			return 0, a.over
		}
		a.taken.Store(math.MaxInt64) // it waits for the instance
		a.news.Wait()
	}
}

// empty gives back what the file takes.
func (a *ahead) empty() {
	a.of.disk.Add(-a.end)
	a.begin, a.end = 0, 0
	_ = a.file.Truncate(0)
}

// Close lets the instance go, and gives back what is kept.
func (a *ahead) Close() error {
	a.of.mu.Lock()
	delete(a.of.answers, a)
	a.of.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed = true
	a.news.Broadcast()
	a.of.memory.Add(-int64(a.memory.Len()))
	a.memory = bytes.Buffer{}
	if a.file != nil {
		a.empty()
		_ = a.file.Close()
	}
	return a.from.Close()
}
