package node

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/edge"
	"github.com/slipway-dev/slipway/sandbox"
	"github.com/slipway-dev/slipway/socket"
)

// heldName is the socket at which the next agent finds who holds those of the edge.
const heldName = "edge.sock"

const (
	// heldFor is how long clients wait for an agent, while there is none: more than one
	// takes that is started again, and less than what most clients and proxies wait.
	heldFor = 30 * time.Second
	// heldAgain is the rest between two tries to have the sockets held.
	heldAgain = time.Second
	// lockWithin is how long the one before may take to let go of the data directory.
	lockWithin = 5 * time.Second
)

// openHeld takes the edge's sockets over from whoever holds them, or opens them and has
// them held from then on. Those at another address are closed once the new ones are open.
func (n *Node) openHeld() (l net.Listener, err error) {
	found, err := socket.FindHolder(n.dir, heldName)
	if err != nil {
		return nil, err
	}
	if found != nil && found.Address == n.o.Edge {
		if l, err = found.Listener(); err == nil {
			n.holder = found
			return l, nil
		}
		n.o.Log.Warn("the edge opens its sockets anew", "error", err)
	}
	if l, err = edge.OpenSocket(n.o.Edge); errors.Is(err, syscall.EADDRINUSE) && found != nil {
		found.End() // it may be what has a part of the address, such as its port
		found = nil
		l, err = edge.OpenSocket(n.o.Edge)
	}
	if err != nil {
		return nil, err
	}
	if found != nil {
		found.End()
	}
	n.opened = true
	if n.holder, err = n.holdSockets(l); err != nil { // as on a full disk; keepHeld tries again
		n.o.Log.Error("nobody holds the edge's sockets: clients are refused while this agent is away", "error", err)
	}
	return l, nil
}

func (n *Node) held() *socket.Holder { n.mu.Lock(); defer n.mu.Unlock(); return n.holder }

func (n *Node) holdSockets(l net.Listener) (*socket.Holder, error) {
	return socket.Hold(sandbox.Program, n.dir, heldName, n.o.Data, n.o.Edge, l, heldFor)
}

// keepHeld tells the holder that the edge serves, and has another one hold the sockets
// when that ends.
func (n *Node) keepHeld(l net.Listener) {
	for {
		if h := n.held(); h != nil {
			_ = h.Serve() // one that is gone says so below
			select {
			case <-n.ctx.Done():
				return
			case <-h.Gone():
			}
			n.o.Log.Warn("the process that holds the edge's sockets is gone; another one is started")
		}
		next, err := n.holdSockets(l)
		if err != nil {
			next = nil
		}
		n.mu.Lock()
		n.holder = next
		n.mu.Unlock()
		if next != nil {
			continue
		}
		select {
		case <-n.ctx.Done():
			return
		case <-time.After(heldAgain):
		}
	}
}

// leaveHeld lets go of the sockets: for the next agent, or, when everything ends, for
// good.
func (n *Node) leaveHeld(last bool) {
	switch h := n.held(); {
	case h == nil:
	case last:
		h.End()
	default:
		h.Close()
	}
}

// HeldEdge is the address of the edge's sockets that wait for an agent of a data
// directory; "" when nobody holds any.
func HeldEdge(data string) string {
	h, err := socket.FindHolder(filepath.Join(data, "node"), heldName)
	if err != nil || h == nil {
		return ""
	}
	defer h.Close()
	return h.Address
}

// EndHeld closes the edge's sockets that wait for an agent, of which there is none.
func EndHeld(data string) {
	if h, err := socket.FindHolder(filepath.Join(data, "node"), heldName); err == nil && h != nil {
		h.End()
	}
}

// Runs tells whether an agent has a data directory.
func Runs(data string) bool {
	lock, err := os.Open(filepath.Join(data, "node", "lock"))
	if err != nil {
		return false
	}
	defer lock.Close()
	return errors.Is(syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
