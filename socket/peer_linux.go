package socket

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway"
)

// Peers tells who connects to this process over loopback: the user of the machine whose
// process made the connection, by the kernel's word. What has the platform's own user
// is looked at more closely, as the code of projects runs as that one, too.
type Peers struct{ looking sync.Mutex }

// NewPeers asks the kernel of this machine.
func NewPeers() *Peers { return &Peers{} }

// Why no session is used over a connection. They are told to whoever signs in there,
// and stand in the audit log.
const (
	barredGone   = "the program that made this connection has let go of it, so whose it is can't be told"
	barredHidden = "which program made this connection can't be told: the platform's user may not look into it, as into what sshd does for that user. Let the platform have a user of its own"
	barredSilent = "the kernel doesn't tell who made this connection"
)

// established is TCP_ESTABLISHED.
const established = 1

func (p *Peers) of(conn net.Conn) slipway.Peer {
	if c, ok := conn.(*net.UnixConn); ok {
		return credentials(c)
	}
	here, fine := addressOf(conn.LocalAddr())
	there, too := addressOf(conn.RemoteAddr())
	if !fine || !too {
		return slipway.Peer{Barred: barredSilent}
	}
	found, peer := kernel.connected(here, there)
	switch {
	case peer != (slipway.Peer{}):
		return peer
	case found.inode == 0:
		// Its user is root's then, whoever it was of.
		return slipway.Peer{Barred: barredGone}
	}
	user := slipway.Peer{Name: "uid " + strconv.FormatUint(uint64(found.uid), 10)}
	if found.uid != uint32(os.Geteuid()) { // #nosec G115 -- a user's number has 32 bits
		return user
	}
	if why := p.inspect(found); why != "" {
		return slipway.Peer{Barred: why}
	}
	return user
}

// connected finds the other end of a connection of ours, or what stands in for it.
func (k *diag) connected(here, there netip.AddrPort) (found end, peer slipway.Peer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, known, err := k.end(there, here)
	if err != nil {
		return end{}, slipway.Peer{Barred: barredSilent}
	}
	if known {
		return found, slipway.Peer{}
	}
	// What isn't on this machine leaves our end open; what is and was closed meanwhile
	// doesn't. The order matters.
	ours, known, err := k.end(here, there)
	switch {
	case err != nil:
		return end{}, slipway.Peer{Barred: barredSilent}
	case known && ours.state == established:
		return end{}, slipway.Peer{Name: slipway.UnknownPeer}
	case known:
		return end{}, slipway.Peer{Barred: barredGone}
	}
	return endByProc(there, here), slipway.Peer{}
}

// inspect says why a process of the platform's own user may use no session; "" when it
// may. All that have the connection open count: one that is confined can hand it to
// another for a moment.
func (p *Peers) inspect(e end) string {
	p.looking.Lock() // whoever has many connections looked at takes one processor, not all
	defer p.looking.Unlock()
	holders := 0
	for _, pid := range Processes() {
		has := false
		Each(pid, func(inode uint32) bool { has = inode == e.inode; return !has })
		if !has {
			continue
		}
		holders++
		if pid == os.Getpid() {
			return "the platform itself made this connection, for somebody else"
		}
		held, known := confined(pid)
		if !known {
			return barredGone
		}
		if held {
			name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
			return fmt.Sprintf("it was made by process %d (%q), which is confined, as all code of projects that the platform runs", pid, bytes.TrimSpace(name))
		}
	}
	if holders == 0 {
		return barredHidden
	}
	return ""
}

// confined tells whether a process may be code that the platform runs. All of that can
// gain no rights (no_new_privs) and is in sessions of processes that it began, and so is
// all that it starts: it can neither give up the first nor enter a session of others. A
// process without the first is none of it, and neither is one, as the part of a browser
// that speaks to the network, whose session has a process without it.
func confined(pid int) (held, known bool) {
	self, known := processOf(pid)
	if !known || !self.bound {
		return false, known
	}
	if leader, ok := processOf(self.session); ok && leader.session == self.session && !leader.bound {
		return false, true
	}
	for at := self; at.parent > 1; {
		parent, ok := processOf(at.parent)
		if !ok || parent.session != self.session {
			break
		}
		if !parent.bound {
			return false, true
		}
		at = parent
	}
	return true, true
}

// process is what everybody may read of one.
type process struct {
	parent, session int
	bound           bool // it can gain no rights
}

func processOf(pid int) (p process, ok bool) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	status, err := os.ReadFile(dir + "status")
	_, after, found := bytes.Cut(status, []byte("\nNoNewPrivs:\t"))
	if err != nil || !found {
		return p, false
	}
	p.bound = after[0] != '0'
	stat, err := os.ReadFile(dir + "stat")
	_, after, found = bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") "))
	fields := bytes.Fields(after)
	if err != nil || !found || len(fields) < 4 {
		return p, false
	}
	p.parent, _ = strconv.Atoi(string(fields[1]))
	p.session, err = strconv.Atoi(string(fields[3]))
	return p, err == nil
}

// credentials are whose the other end of a unix socket is. Who gets in there has shown
// the key of the socket, so that nothing is asked beyond his user.
func credentials(c *net.UnixConn) slipway.Peer {
	raw, err := c.SyscallConn()
	if err != nil {
		return slipway.Peer{Barred: barredSilent}
	}
	var who *unix.Ucred
	if bad := raw.Control(func(fd uintptr) {
		who, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) // #nosec G115 -- a descriptor is a C int
	}); bad != nil || err != nil {
		return slipway.Peer{Barred: barredSilent}
	}
	return slipway.Peer{Name: "uid " + strconv.FormatUint(uint64(who.Uid), 10)}
}

func addressOf(a net.Addr) (netip.AddrPort, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()), at.IsValid()
}

// endByProc is one end of a connection by /proc, for kernels without sock_diag.
func endByProc(local, remote netip.AddrPort) end {
	file := "tcp"
	if local.Addr().Is6() {
		file = "tcp6"
	}
	for _, fields := range Table(os.Getpid(), file) {
		if len(fields) < 10 || fields[1] != procAddress(local) || fields[2] != procAddress(remote) {
			continue
		}
		uid, err := strconv.ParseUint(fields[7], 10, 32)
		inode, bad := strconv.ParseUint(fields[9], 10, 32)
		if err == nil && bad == nil {
			return end{uid: uint32(uid), inode: uint32(inode)}
		}
	}
	return end{}
}

// procAddress writes an address as /proc does: words of 32 bits in this machine's order.
func procAddress(a netip.AddrPort) string {
	var text strings.Builder
	for b := a.Addr().AsSlice(); len(b) > 0; b = b[4:] {
		fmt.Fprintf(&text, "%08X", native.Uint32(b))
	}
	fmt.Fprintf(&text, ":%04X", a.Port())
	return text.String()
}
