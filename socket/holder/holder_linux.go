// Package holder is the life of a small process that has listening sockets open besides
// whoever serves them. When that one is killed or makes room for a newer program the
// sockets stay: who connects meanwhile waits in the kernel, and the next server, which
// gets the very sockets, takes him. The process accepts nothing by itself. Package socket
// starts it and speaks to it.
package holder

import (
	"crypto/subtle"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Name is what the process is called by, and by which a program of ours knows that it is
// to be one. Its only argument says whose sockets it holds, for people to read.
const Name = "slipway-sockets"

// Link is the descriptor at which the process finds who has started it.
const Link = 3

// What is said over a connection once it is let in: a byte each.
const (
	Serving = 's' // whoever says it accepts connections until he closes this one
	End     = 'e' // the sockets are to be closed, and the process ends
)

// Order comes first, from who has started the process, with the socket at which others
// ask and the ones to hold. It is answered by a Holding when they are safe.
type Order struct {
	Address  string
	Key      string        // what those who ask have to show
	Patience time.Duration // how long the sockets stay open while nobody serves them
}

// Request is what somebody else says first. Without the key he gets nothing.
type Request struct{ Key string }

// Holding is the answer to both, to a request with the sockets.
type Holding struct{ Address string }

func init() {
	if len(os.Args) == 2 && os.Args[0] == Name {
		run()
	}
}

type hold struct {
	order   Order
	sockets []int

	mu      sync.Mutex
	serving int
	late    *time.Timer // runs while nobody serves
}

func run() {
	var o Order
	files, err := Receive(Link, &o)
	if err != nil || len(files) < 2 {
		os.Exit(2) // who started it is gone
	}
	h := &hold{order: o, sockets: files[1:]}
	h.late = time.AfterFunc(o.Patience, h.giveUp)
	if Send(Link, Holding{Address: o.Address}) != nil {
		os.Exit(2)
	}
	go h.attend(Link)
	_ = unix.SetNonblock(files[0], false) // Go has opened it its own way
	h.accept(files[0])
	select {} // nobody can ask any more, and the sockets are held all the same
}

// strangers is how many may be asked for their key at once, and for how long.
const (
	strangers   = 16
	keyPatience = 2
)

// accept lets in who shows the key.
func (h *hold) accept(at int) {
	asked := make(chan struct{}, strangers)
	for {
		fd, _, err := unix.Accept4(at, unix.SOCK_CLOEXEC)
		switch {
		case err == unix.EINTR || err == unix.ECONNABORTED:
			continue
		case err != nil:
			return
		}
		asked <- struct{}{}
		go func() {
			in := h.admit(fd)
			<-asked
			if in {
				h.attend(fd)
			}
			_ = unix.Close(fd)
		}()
	}
}

func (h *hold) admit(fd int) bool {
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: keyPatience})
	var r Request
	files, err := Receive(fd, &r)
	for _, sent := range files {
		_ = unix.Close(sent)
	}
	if err != nil || h.order.Key == "" || subtle.ConstantTimeCompare([]byte(r.Key), []byte(h.order.Key)) != 1 {
		return false
	}
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{})
	return Send(fd, Holding{Address: h.order.Address}, h.sockets...) == nil
}

// attend does what is said over a connection, until it ends.
func (h *hold) attend(fd int) {
	serves := false
	for said := make([]byte, 1); ; {
		n, err := unix.Read(fd, said)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			if serves {
				h.served(-1)
			}
			return
		case said[0] == End:
			h.end()
		case said[0] == Serving && !serves:
			serves = true
			h.served(1)
		}
	}
}

// served counts those who serve. While there is none those who connect wait, but not
// for ever.
func (h *hold) served(change int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.serving += change; h.serving > 0 {
		h.late.Stop()
		return
	}
	h.late.Reset(h.order.Patience)
}

func (h *hold) giveUp() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.serving == 0 {
		h.end()
	}
}

// end closes the sockets before whoever has asked for it sees the process go.
func (h *hold) end() {
	for _, fd := range h.sockets {
		_ = unix.Close(fd)
	}
	os.Exit(0)
}
