package socket

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/socket/holder"
)

// Holder is a process that has the sockets of a listener open as well, see package
// holder. A connection to it is how it knows that somebody serves them.
type Holder struct {
	Address string // that it was told

	link    int
	sockets []int // of one that was found
	gone    chan struct{}
	mu      sync.Mutex
	closed  bool
}

// Program makes the command of a program of ours: its arguments, of which the first is
// its role, and its files after the standard ones.
type Program func(args []string, files ...*os.File) *exec.Cmd

// Hold has a process of its own hold a listener's sockets: as long as it is told that
// somebody serves them, and for patience after that. It is found by name in dir, by who
// can read the key there; the caller holds a lock on dir. When Hold returns, the sockets
// outlive the caller. whose is seen in lists of processes.
func Hold(program Program, dir, name, whose, address string, l net.Listener, patience time.Duration) (_ *Holder, err error) {
	asked, key, err := Listen(dir, name)
	if err != nil {
		return nil, err
	}
	defer asked.Close()
	ours, theirs, err := linked()
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "no process can be linked that holds the sockets at %s", address)
	}
	defer theirs.Close()
	cmd := program([]string{holder.Name, whose}, theirs)
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = unix.Close(ours)
		return nil, slipway.Wrap(slipway.Unavailable, err, "no process can be started that holds the sockets at %s", address)
	}
	go func() { _ = cmd.Wait() }()
	_ = theirs.Close() // else its end would go unnoticed
	h := newHolder(ours, address)
	files, err := duplicates(append([]net.Listener{asked}, parts(l)...)...)
	if err == nil {
		err = holder.Send(ours, holder.Order{Address: address, Key: key.text, Patience: patience}, files...)
		shut(files)
	}
	if err == nil {
		_, err = holder.Receive(ours, &holder.Holding{})
	}
	go h.follow()
	if err != nil {
		h.Close()
		return nil, slipway.Wrap(slipway.Unavailable, err, "the process that is to hold the sockets at %s does not", address)
	}
	return h, nil
}

// FindHolder connects to one that was started before; nil when there is none.
func FindHolder(dir, name string) (*Holder, error) {
	key, err := os.ReadFile(filepath.Join(dir, KeyFile(name)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	there, unopened := os.Open(dir)
	if err = errors.Join(err, unopened); err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the key of the socket %s can't be read in %s", name, dir)
	}
	defer there.Close()
	link, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "no socket can be made")
	}
	h := newHolder(link, "")
	_ = unix.SetsockoptTimeval(link, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5})
	var holding holder.Holding
	if err = unix.Connect(link, &unix.SockaddrUnix{Name: through(there, name)}); err == nil {
		if err = holder.Send(link, holder.Request{Key: string(key)}); err == nil {
			h.sockets, err = holder.Receive(link, &holding)
		}
	}
	if err != nil || len(h.sockets) == 0 {
		shut(append(h.sockets, link))
		return nil, nil // it has ended, or does so now
	}
	_ = unix.SetsockoptTimeval(link, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{})
	h.Address = holding.Address
	go h.follow()
	return h, nil
}

func newHolder(link int, address string) *Holder {
	return &Holder{Address: address, link: link, gone: make(chan struct{})}
}

// linked are two ends of a connection, of which one is for a process to be started.
func linked() (ours int, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, err
	}
	return pair[0], os.NewFile(uintptr(pair[1]), holder.Name), nil // #nosec G115 -- a descriptor
}

// Listener is the listener of a holder that was found. It is made once.
func (h *Holder) Listener() (net.Listener, error) {
	h.mu.Lock()
	sockets := h.sockets
	h.sockets = nil
	h.mu.Unlock()
	var all []net.Listener
	var err error
	for _, fd := range sockets {
		f := os.NewFile(uintptr(fd), holder.Name) // #nosec G115 -- a descriptor
		l, failed := net.FileListener(f)
		_ = f.Close()
		if err = errors.Join(err, failed); failed == nil {
			all = append(all, l)
		}
	}
	switch {
	case err == nil && len(all) == 1:
		return all[0], nil
	case err == nil && len(all) == 2:
		return join(all[0], all[1]), nil
	}
	for _, l := range all {
		_ = l.Close()
	}
	return nil, slipway.Wrap(slipway.Unavailable, err, "the sockets that were held at %s can't be used", h.Address)
}

// Serve tells it that connections are accepted, from now to Close.
func (h *Holder) Serve() error { return h.say(holder.Serving) }

// End has it close its sockets and end. It returns when that is done, and gives up on one
// that somebody has halted.
func (h *Holder) End() {
	if h.say(holder.End) == nil {
		select {
		case <-h.gone:
		case <-time.After(endWithin):
		}
	}
	h.Close()
}

const endWithin = 5 * time.Second

// Gone is closed when it has ended, or after Close.
func (h *Holder) Gone() <-chan struct{} { return h.gone }

// Close tells it that nobody serves here any more.
func (h *Holder) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed { // else the number may be another's
		_ = unix.Shutdown(h.link, unix.SHUT_RDWR)
	}
}

func (h *Holder) say(what byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return net.ErrClosed
	}
	return unix.Sendto(h.link, []byte{what}, unix.MSG_NOSIGNAL, nil)
}

// follow waits for its end.
func (h *Holder) follow() {
	for said := make([]byte, 1); ; {
		n, err := unix.Read(h.link, said)
		if !errors.Is(err, unix.EINTR) && (err != nil || n == 0) {
			break
		}
	}
	h.mu.Lock()
	h.closed = true
	shut(append(h.sockets, h.link))
	h.sockets = nil
	h.mu.Unlock()
	close(h.gone)
}

// Pause has a listener accept nothing more. Those who come wait, for somebody else who has
// the sockets too; whoever had been accepted until then is still given out.
func Pause(l net.Listener) error {
	var err error
	for _, part := range parts(l) {
		err = errors.Join(err, part.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Unix(1, 0)))
	}
	return err
}

// parts are the sockets of a listener that Loopback has opened.
func parts(l net.Listener) []net.Listener {
	if both, ok := l.(*joined); ok {
		return []net.Listener{both.Listener, both.second}
	}
	return []net.Listener{l}
}

// duplicates are descriptors of the same sockets. A net.Listener's own File would change
// how the socket itself behaves.
func duplicates(all ...net.Listener) (files []int, err error) {
	for _, l := range all {
		raw, err := l.(syscall.Conn).SyscallConn()
		if err == nil {
			failed := raw.Control(func(fd uintptr) {
				var file int
				if file, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
					files = append(files, file)
				}
			})
			err = errors.Join(err, failed)
		}
		if err != nil {
			shut(files)
			return nil, err
		}
	}
	return files, nil
}

func shut(files []int) {
	for _, fd := range files {
		_ = unix.Close(fd)
	}
}
