package edge

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
)

const (
	// spoolMemory is how much of the bodies of requests to a service is in memory at once,
	// unless it says otherwise; the rest is on disk.
	spoolMemory = 64 << 20
	// spoolDisk is how much of them is on disk at once. What comes beyond it goes to the
	// instance as it comes.
	spoolDisk = 1 << 30
)

// spool is where the bodies of requests to a service are until they are whole.
type spool struct {
	dir          string
	memory, disk atomic.Int64 // in use

	mu      sync.Mutex
	answers map[*ahead]bool // that are kept here
}

// spooled is what was read of a body before its request goes anywhere.
type spooled struct {
	of    *spool
	most  Bounds
	head  bytes.Buffer // at most smallBody
	file  *os.File     // unlinked; nil where there is nothing in it
	size  int64        // of the file
	tail  []byte       // could not be put into the file
	taken [2]int64     // of memory and disk
}

// read takes length bytes of a body, or as many as there is room for.
func (s *spool) read(from io.Reader, length int64, most Bounds) (*spooled, error) {
	b := &spooled{of: s, most: most}
	piece := pieces.Get().(*[]byte)
	defer pieces.Put(piece)
	for length > 0 && b.tail == nil {
		n, err := from.Read((*piece)[:min(length, int64(len(*piece)))])
		length -= int64(n)
		if n > 0 {
			b.keep((*piece)[:n])
		}
		if length > 0 && err != nil {
			b.release()
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return b, nil
}

// keep puts a piece into memory, then into the file. What has no room in either is the
// tail.
func (b *spooled) keep(piece []byte) {
	n := int64(len(piece))
	if b.file == nil && b.head.Len()+len(piece) <= smallBody {
		if b.of.memory.Add(n) <= b.most.Memory {
			b.taken[0] += n
			b.head.Write(piece)
			return
		}
		b.of.memory.Add(-n)
	}
	if b.of.disk.Add(n) > b.most.Disk || !b.open() {
		b.of.disk.Add(-n)
		b.tail = bytes.Clone(piece)
		return
	}
	b.taken[1] += n
	written, err := b.file.Write(piece)
	b.size += int64(written)
	if err != nil { // the disk is full
		b.tail = bytes.Clone(piece[written:])
	}
}

// open makes the file, of which nothing stays whatever happens.
func (b *spooled) open() bool {
	if b.file == nil {
		b.file = unlinked(b.of.dir, "body-")
	}
	return b.file != nil
}

// unlinked is a new file without a name; nil where none can be made.
func unlinked(dir, prefix string) *os.File {
	f, err := os.CreateTemp(dir, prefix)
	if err != nil {
		return nil
	}
	_ = os.Remove(f.Name())
	return f
}

// reader reads all of it from its beginning.
func (b *spooled) reader() io.Reader {
	if b.file == nil && b.tail == nil {
		return bytes.NewReader(b.head.Bytes())
	}
	parts := []io.Reader{bytes.NewReader(b.head.Bytes())}
	if b.file != nil {
		parts = append(parts, io.NewSectionReader(b.file, 0, b.size))
	}
	return io.MultiReader(append(parts, bytes.NewReader(b.tail))...)
}

// Release gives back what it takes. Whoever still reads it gets an error.
func (b *spooled) release() {
	if b == nil {
		return
	}
	if b.file != nil {
		_ = b.file.Close()
	}
	b.of.memory.Add(-b.taken[0])
	b.of.disk.Add(-b.taken[1])
}

// takeBody makes the request's body one whose end nobody disturbs. One whose length the
// request says is read whole, or as far as there is room, so that no instance waits for a
// slow client, and can be sent once more where the transport knows that nothing of it was
// sent. What is read later is returned, nil for nothing; small says that all of it is in
// memory. release is to be called when the request is over. An error is the client's.
func takeBody(r *http.Request, s *spool, most Bounds) (rest *body, small bool, release func(), err error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, true, func() {}, nil
	}
	waits := r.Header.Get("Expect") != ""
	if r.ContentLength <= 0 || waits {
		b := &body{from: r.Body, left: r.ContentLength, waits: waits}
		r.Body = b
		return b, false, func() {}, nil
	}
	from := r.Body
	kept, err := s.read(from, r.ContentLength, most)
	if err != nil {
		return nil, false, nil, err
	}
	if left := r.ContentLength - int64(kept.head.Len()) - kept.size - int64(len(kept.tail)); left > 0 {
		rest = &body{from: from, left: left}
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(kept.reader(), rest), rest}
		return rest, false, kept.release, nil
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(kept.reader()), nil }
	r.Body, _ = r.GetBody()
	return nil, kept.file == nil && kept.tail == nil, kept.release, nil
}
