package socket

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// The kernel's word on who listens at a port, and who has made a connection, by its
// sock_diag interface: in a few microseconds, where /proc/net/tcp takes milliseconds on
// a machine with many connections. A kernel without the interface is asked by /proc
// who listens.

const (
	stateListen = 10 // TCP_LISTEN
	diagRequest = 20 // SOCK_DIAG_BY_FAMILY
	diagV6Only  = 11 // INET_DIAG_SKV6ONLY
	diagGroup   = 21 // INET_DIAG_CGROUP_ID
	diagHeader  = 16
	diagMessage = 72 // struct inet_diag_msg
)

// diag is a netlink socket to ask; one question at a time.
type diag struct {
	mu     sync.Mutex
	fd     int
	opened bool
	absent bool // the kernel has no such interface
	seq    uint32
	buf    []byte
}

var kernel diag

var native, network16 = binary.NativeEndian, binary.BigEndian

// Listening are the inodes of the sockets that take connections to 127.0.0.1:port.
func Listening(port int) ([]uint32, error) { return kernel.listening(port) }

func (k *diag) listening(port int) ([]uint32, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.absent {
		return listeningByProc(port), nil
	}
	var inodes []uint32
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		err := k.ask(diagQuestion(family, port, true), func(m []byte) {
			if takesLoopback(m) {
				inodes = append(inodes, native.Uint32(m[68:]))
			}
		})
		if errors.Is(err, unix.ENOENT) { // no sock_diag, or no IPv6
			if family == unix.AF_INET6 {
				break
			}
			k.absent = true
			return listeningByProc(port), nil
		}
		if err != nil {
			return nil, err
		}
	}
	return inodes, nil
}

// Accepted finds the service's end of a connection from 127.0.0.1:from to port: its
// inode, 0 while nobody has accepted it, or where that can't be asked. there is false
// when it is gone.
func Accepted(port, from int) (inode uint32, there bool, err error) {
	return kernel.accepted(port, from)
}

func (k *diag) accepted(port, from int) (inode uint32, there bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.absent {
		return 0, true, nil
	}
	here := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	end, there, err := k.end(netip.AddrPortFrom(here, uint16(port)), netip.AddrPortFrom(here, uint16(from))) // #nosec G115 -- ports
	return end.inode, there, err
}

// end is one end of a connection as the kernel tells of it.
type end struct {
	state byte
	uid   uint32
	inode uint32 // 0 when no process has it open any more, or hasn't yet
	group uint64 // the control group in which it was made; 0 where that isn't told
}

// end finds the end of a connection that is at local and leads to remote.
func (k *diag) end(local, remote netip.AddrPort) (e end, there bool, err error) {
	question := diagQuestion(unix.AF_INET, int(local.Port()), false)
	id := question[24:]
	network16.PutUint16(id[2:], remote.Port())
	if from, to := local.Addr().Unmap(), remote.Addr().Unmap(); from.Is4() && to.Is4() {
		copy(id[4:], from.AsSlice())
		copy(id[20:], to.AsSlice())
	} else {
		question[16] = unix.AF_INET6
		a, b := from.As16(), to.As16()
		copy(id[4:], a[:])
		copy(id[20:], b[:])
	}
	err = k.ask(question, func(m []byte) {
		e = end{state: m[1], uid: native.Uint32(m[64:]), inode: native.Uint32(m[68:])}
		if id := attribute(m[diagMessage:], diagGroup); len(id) == 8 {
			e.group = native.Uint64(id)
		}
		there = e.state != stateListen // a listener is told of where there is no connection
	})
	if errors.Is(err, unix.ENOENT) {
		return end{}, false, nil
	}
	return e, there, err
}

func diagQuestion(family byte, port int, dump bool) []byte {
	b := make([]byte, diagHeader+8+48)
	native.PutUint32(b, uint32(len(b))) // #nosec G115 -- 72
	native.PutUint16(b[4:], diagRequest)
	flags := uint16(unix.NLM_F_REQUEST)
	states := uint32(1) << stateListen
	if dump {
		flags |= unix.NLM_F_DUMP
	} else {
		states = 0xfff
	}
	native.PutUint16(b[6:], flags)
	b[16], b[17] = family, unix.IPPROTO_TCP
	native.PutUint32(b[20:], states)
	id := b[24:]
	network16.PutUint16(id, uint16(port)) // #nosec G115 -- a port
	native.PutUint32(id[40:], 0xffffffff) // no cookie
	native.PutUint32(id[44:], 0xffffffff)
	return b
}

// ask puts a question and hands the messages of the answer to each.
func (k *diag) ask(question []byte, each func([]byte)) error {
	if !k.opened {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
		if errors.Is(err, unix.EPROTONOSUPPORT) {
			return unix.ENOENT
		}
		if err != nil {
			return err
		}
		_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})
		k.fd, k.opened = fd, true
		if k.buf == nil {
			k.buf = make([]byte, 32<<10)
		}
	}
	err := k.exchange(question, each)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		_ = unix.Close(k.fd) // what may still come is no answer to the next question
		k.opened = false
	}
	return err
}

func (k *diag) exchange(question []byte, each func([]byte)) error {
	k.seq++
	native.PutUint32(question[8:], k.seq)
	dump := native.Uint16(question[6:])&unix.NLM_F_DUMP == unix.NLM_F_DUMP
	if err := unix.Sendto(k.fd, question, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for {
		n, _, err := unix.Recvfrom(k.fd, k.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		for b := k.buf[:n]; len(b) >= diagHeader; {
			length, kind := int(native.Uint32(b)), native.Uint16(b[4:])
			if length < diagHeader || length > len(b) {
				return unix.EBADMSG
			}
			body := b[diagHeader:length]
			switch {
			case native.Uint32(b[8:]) != k.seq:
			case kind == unix.NLMSG_DONE:
				return nil
			case kind == unix.NLMSG_ERROR && len(body) >= 4:
				return unix.Errno(-int32(native.Uint32(body))) // #nosec G115 -- minus an errno
			case kind == diagRequest && len(body) >= diagMessage:
				each(body)
				if !dump {
					return nil
				}
			}
			b = b[min((length+3)&^3, len(b)):]
		}
	}
}

// takesLoopback tells whether a listener takes connections to 127.0.0.1.
func takesLoopback(m []byte) bool {
	at := m[8:24]
	if m[0] == unix.AF_INET {
		return native.Uint32(at) == 0 || at[0] == 127 && at[1] == 0 && at[2] == 0 && at[3] == 1
	}
	switch string(at) {
	case "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x7f\x00\x00\x01", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00":
		return true
	case strings.Repeat("\x00", 16):
		return !onlyV6(m[diagMessage:])
	}
	return false
}

func onlyV6(attributes []byte) bool {
	v := attribute(attributes, diagV6Only)
	return len(v) > 0 && v[0] != 0
}

// attribute is one of those that follow a message; nil when it isn't there.
func attribute(attributes []byte, kind uint16) []byte {
	for b := attributes; len(b) >= 4; {
		length := int(native.Uint16(b))
		if length < 4 || length > len(b) {
			return nil
		}
		if native.Uint16(b[2:]) == kind {
			return b[4:length]
		}
		b = b[min((length+3)&^3, len(b)):]
	}
	return nil
}

// listeningByProc is listening by /proc, which doesn't tell whether a socket is for
// IPv6 alone.
func listeningByProc(port int) (inodes []uint32) {
	loopback := map[string]bool{
		"0100007F": true, "00000000": true, strings.Repeat("0", 32): true,
		"0000000000000000FFFF00000100007F": true, "0000000000000000FFFF000000000000": true,
	}
	for _, file := range []string{"tcp", "tcp6"} {
		for _, fields := range Table(os.Getpid(), file) {
			if len(fields) < 10 || fields[3] != "0A" {
				continue
			}
			address, hex, _ := strings.Cut(fields[1], ":")
			if n, err := strconv.ParseInt(hex, 16, 32); err != nil || int(n) != port || !loopback[address] {
				continue
			}
			if inode, err := strconv.ParseUint(fields[9], 10, 32); err == nil {
				inodes = append(inodes, uint32(inode))
			}
		}
	}
	return inodes
}
