package node

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

const (
	// smallBody is the most of a request's body that is read before the request goes
	// anywhere.
	smallBody = 64 << 10
	// restOfBody is the most that is read ahead of a request's body when its answer begins
	// before its end: as much as net/http's server would throw away.
	restOfBody = 256 << 10
)

// body is what an instance gets of a request's body. When an answer begins, net/http's
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

// takeBody makes the request's body one whose end nobody disturbs. One that is small, by
// what the request says, is read whole, so that no instance waits for a slow client, and
// can be sent once more where the transport knows that nothing of it was sent. nil is
// returned where nothing is left to read. An error is the client's.
func takeBody(r *http.Request) (*body, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	waits := r.Header.Get("Expect") != ""
	if r.ContentLength <= 0 || r.ContentLength > smallBody || waits {
		b := &body{from: r.Body, left: r.ContentLength, waits: waits}
		r.Body = b
		return b, nil
	}
	var whole bytes.Buffer // grows with what comes, whatever was announced
	if _, err := io.CopyN(&whole, r.Body, r.ContentLength); err != nil {
		return nil, err
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(whole.Bytes())), nil }
	r.Body, _ = r.GetBody()
	return nil, nil
}
