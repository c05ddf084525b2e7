package edge

import (
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// goingAway is a WebSocket's closing frame with code 1001 (RFC 6455, 5.5.1 and 7.4.1), as
// a server sends it; a client masks it.
var (
	goingAway       = []byte{0x88, 0x02, 0x03, 0xe9}
	goingAwayMasked = []byte{0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9}
)

// echoWithin is how long an instance has to answer a closing frame.
const echoWithin = time.Second

// upgraded is a connection to an instance that is no longer one of HTTP.
type upgraded struct {
	io.ReadWriteCloser
	websocket bool
	told      atomic.Bool
	once      sync.Once
	over      chan struct{}

	from    frames // of the reader alone
	said    bool   // the reader has put a closing frame in
	writing sync.Mutex
	to      frames // of whoever writes
}

func (u *upgraded) ended() chan struct{} { return u.over }

func (u *upgraded) kind() string {
	if u.websocket {
		return "WebSocket"
	}
	return "connection"
}

func (u *upgraded) Close() error {
	u.once.Do(func() { close(u.over) })
	return u.ReadWriteCloser.Close()
}

// end has both sides know that the instance goes away: it gets a closing frame, and what
// it answers goes to the client. One that doesn't answer is spoken for.
func (u *upgraded) end() {
	u.told.Store(true)
	close := time.AfterFunc(echoWithin, func() { _ = u.ReadWriteCloser.Close() })
	if !u.websocket {
		close.Reset(0)
		return
	}
	u.writing.Lock()
	defer u.writing.Unlock()
	if u.to.between() && !u.to.closing {
		_, _ = u.ReadWriteCloser.Write(goingAwayMasked)
	}
}

func (u *upgraded) Write(p []byte) (int, error) {
	u.writing.Lock()
	defer u.writing.Unlock()
	u.to.pass(p)
	return u.ReadWriteCloser.Write(p)
}

func (u *upgraded) Read(p []byte) (int, error) {
	if u.said {
		return 0, io.EOF
	}
	n, err := u.ReadWriteCloser.Read(p)
	u.from.pass(p[:n])
	if n == 0 && err != nil && u.websocket && u.told.Load() && u.from.between() && !u.from.closing {
		u.said = true
		return copy(p, goingAway), nil
	}
	return n, err
}

// frames follows a WebSocket's one direction.
type frames struct {
	head    []byte // of the frame under way, as far as it is there
	left    uint64 // of its payload
	closing bool   // it was a closing one
}

// between tells whether no frame is under way.
func (f *frames) between() bool { return len(f.head) == 0 && f.left == 0 }

func (f *frames) pass(p []byte) {
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, uint64(len(p)))
			f.left -= n
			p = p[n:]
			continue
		}
		f.head = append(f.head, p[0])
		p = p[1:]
		if len(f.head) < 2 {
			continue
		}
		length, need := uint64(f.head[1]&0x7f), 2
		switch length {
		case 126:
			need += 2
		case 127:
			need += 8
		}
		sized := need
		if f.head[1]&0x80 != 0 { // masked
			need += 4
		}
		if len(f.head) < need {
			continue
		}
		switch length {
		case 126:
			length = uint64(binary.BigEndian.Uint16(f.head[2:sized]))
		case 127:
			length = binary.BigEndian.Uint64(f.head[2:sized])
		}
		f.closing = f.closing || f.head[0]&0x0f == 8
		f.left, f.head = length, f.head[:0]
	}
}
