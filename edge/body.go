package edge

import (
	"bytes"
	"io"
	"sync"
)

const (
	// smallBody is the most of a request's body that is kept in memory.
	smallBody = 64 << 10
	// restOfBody is the most that is read ahead of a request's body when its answer begins
	// before its end: as much as net/http's server would throw away.
	restOfBody = 256 << 10
)

// Body is what an instance gets of a request's body. When an answer begins, net/http's
// server reads what is left of the body, throws it away and closes it, while the
// transport still reads it, or looks behind its end for more. The transport then drops
// the connection with the rest of the answer (golang/go#40747). So nobody reads behind
// the end here, and what is left is kept for the transport.
type body struct {
	mu    sync.Mutex
	from  io.Reader
	ahead bytes.Buffer // read before it was asked for
	left  int64        // still to be read; negative when the request doesn't say
	end   error        // of all reading
	waits bool         // the client wants to be asked for it, and was not
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ahead.Len() > 0 {
		return b.ahead.Read(p)
	}
	return b.read(p)
}

func (b *body) read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	b.waits = false
	n, err := b.from.Read(p)
	if b.left >= 0 {
		if b.left -= int64(n); b.left <= 0 && err == nil {
			err = io.EOF
		}
	}
	b.end = err
	return n, err
}

// answered keeps the rest of the body from the server.
func (b *body) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waits || b.left >= restOfBody { // neither of these does the server read
		return
	}
	piece := make([]byte, 8<<10)
	for b.end == nil && b.ahead.Len() <= restOfBody {
		n, _ := b.read(piece)
		b.ahead.Write(piece[:n])
	}
	// Of what doesn't say its length the server throws the next part away before it sees
	// that there is more. Who reads on gets an error, and not a body with a hole in it.
	if b.end == nil {
		b.end = io.ErrUnexpectedEOF
	}
}

// Close does nothing: the server closes the request's body at the end of the answer.
func (b *body) Close() error { return nil }
