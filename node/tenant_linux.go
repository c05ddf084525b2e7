package node

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/socket"
)

// Services have the ports of this machine in common: whoever is quick has the port of
// one that has just ended, and any process of the same user may share one that allows
// it (SO_REUSEPORT). So a port is only where an instance may be found, and who listens
// there is asked of the kernel for every new connection.

// takenError says that somebody else listens at an instance's port.
type takenError struct{ words string }

func (e *takenError) Error() string { return e.words }

// errGone is a connection that the service, or its kernel, has closed at once.
var errGone = errors.New("the connection was closed as soon as it was made")

// holding are sockets that were found to be an instance's.
type holding struct {
	process running
	inodes  []uint32
	holders []int // processes of the instance that have them open
}

// looksAtStrangers is how often a listener that isn't known as the instance's is
// looked at before it is another's: one of the two may be about to end, or to fork.
const (
	looksAtStrangers = 3
	betweenLooks     = 5 * time.Millisecond
)

// admits tells whether a connection that was made to the instance's port has reached
// the instance. The order matters. All that listen after the connection was made are
// the instance's; and if nobody has accepted it later still, its listener has been
// there throughout and is one of these. One that was accepted is looked for in the
// instance's processes: its listener may have come and gone in between.
func (i *instance) admits(conn net.Conn) error {
	local, ok := conn.LocalAddr().(*net.TCPAddr)
	remote, known := conn.RemoteAddr().(*net.TCPAddr)
	if !ok || !known {
		return errGone
	}
	if err := i.owns(remote.Port); err != nil {
		return err
	}
	inode, there, err := socket.Accepted(remote.Port, local.Port)
	switch {
	case err != nil:
		return err
	case !there:
		return errGone
	case inode == 0:
		return nil
	}
	return i.hasAccepted(remote.Port, inode)
}

// owns tells whether all that listen at a port are the instance's own: nil, a
// takenError, or why that can't be said just now.
func (i *instance) owns(port int) error {
	for look := 1; ; look++ {
		inodes, err := socket.Listening(port)
		if err != nil {
			return fmt.Errorf("who listens at port %d can't be asked: %w", port, err)
		}
		if len(inodes) == 0 {
			return errGone
		}
		i.mu.Lock()
		process := i.known
		i.mu.Unlock()
		if seen := i.verified.Load(); seen != nil && seen.process.same(process) && within(inodes, seen.inodes) {
			return nil
		}
		own, blind := i.processes(process)
		if len(own) == 0 {
			return errGone // it has ended, which is told of elsewhere
		}
		held := socketsOf(own)
		stranger := uint32(0)
		found := &holding{process: process, inodes: inodes}
		for _, inode := range inodes {
			holders := held[inode]
			if len(holders) == 0 {
				stranger = inode
			}
			found.holders = append(found.holders, holders...)
		}
		if stranger == 0 {
			slices.Sort(found.holders)
			found.holders = slices.Compact(found.holders)
			i.blind.Store(false)
			i.verified.Store(found)
			return nil
		}
		if look < looksAtStrangers {
			time.Sleep(betweenLooks)
			continue
		}
		if blind && holderOf(stranger) == 0 {
			// The service keeps its own processes from being read; what another does
			// can't bring that about.
			i.blind.Store(true)
			return nil
		}
		return &takenError{fmt.Sprintf("%s listens at port %d, which is that of %s", i.place.node.stranger(stranger), port, i.id)}
	}
}

// hasAccepted tells whether a socket is one of the instance's processes'.
func (i *instance) hasAccepted(port int, inode uint32) error {
	if seen := i.verified.Load(); seen != nil && slices.ContainsFunc(seen.holders, func(pid int) bool { return hasSocket(pid, inode) }) {
		return nil
	}
	i.mu.Lock()
	process := i.known
	i.mu.Unlock()
	own, blind := i.processes(process)
	if k := slices.IndexFunc(own, func(pid int) bool { return hasSocket(pid, inode) }); k >= 0 {
		if seen := i.verified.Load(); seen != nil { // a worker that is new
			i.verified.Store(&holding{process: seen.process, inodes: seen.inodes, holders: append(slices.Clone(seen.holders), own[k])})
		}
		return nil
	}
	if blind && holderOf(inode) == 0 {
		return nil
	}
	if holderOf(inode) == 0 {
		return errGone // closed meanwhile
	}
	return &takenError{fmt.Sprintf("%s took a connection to port %d, which is that of %s", i.place.node.stranger(inode), port, i.id)}
}

func within(inodes, of []uint32) bool {
	for _, inode := range inodes {
		if !slices.Contains(of, inode) {
			return false
		}
	}
	return true
}

func (r running) same(other running) bool { return r.PID == other.PID && r.Start == other.Start }

// processes are those of the instance, by what no other process can give itself: its
// control group, its session and process group, its mount namespace where it has one,
// and being a child of one of them. Not by their environment, which anybody writes.
// blind says that the sockets of one of them can't be read.
func (i *instance) processes(r running) (pids []int, blind bool) {
	if r.PID == 0 || !alive(r) {
		return nil, false
	}
	parents, own := map[int]int{}, map[int]bool{r.PID: true}
	for _, pid := range inGroup(r.Group) {
		own[pid] = true
	}
	leader, apart := strconv.Itoa(r.PID), mountNamespace(r.PID)
	if apart == mountNamespace(os.Getpid()) {
		apart = ""
	}
	ended := map[int]bool{}
	for _, pid := range socket.Processes() {
		fields, ok := statFields(pid)
		if !ok || len(fields) < 4 {
			continue
		}
		ended[pid] = fields[0] == "Z" || fields[0] == "X"
		parents[pid], _ = strconv.Atoi(fields[1])
		if fields[2] == leader || fields[3] == leader || apart != "" && mountNamespace(pid) == apart {
			own[pid] = true
		}
	}
	for grew := true; grew; {
		grew = false
		for pid, parent := range parents {
			if own[parent] && !own[pid] {
				own[pid], grew = true, true
			}
		}
	}
	for pid := range own {
		if ended[pid] {
			continue
		}
		pids = append(pids, pid)
		if _, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); errors.Is(err, fs.ErrPermission) {
			blind = true
		}
	}
	return pids, blind
}

func mountNamespace(pid int) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	return name
}

// socketsOf are the sockets that processes have open, with who has them.
func socketsOf(pids []int) map[uint32][]int {
	held := map[uint32][]int{}
	for _, pid := range pids {
		socket.Each(pid, func(inode uint32) bool { held[inode] = append(held[inode], pid); return true })
	}
	return held
}

func hasSocket(pid int, wanted uint32) (has bool) {
	socket.Each(pid, func(inode uint32) bool { has = inode == wanted; return !has })
	return has
}

// holderOf finds a process that has a socket open; 0 where none is seen to.
func holderOf(inode uint32) int {
	for _, pid := range socket.Processes() {
		if hasSocket(pid, inode) {
			return pid
		}
	}
	return 0
}

// stranger says who has a socket, as far as that can be seen: an instance of this
// node, or a process of the machine.
func (n *Node) stranger(inode uint32) string {
	pid := holderOf(inode)
	if pid == 0 {
		return "another process, which can't be seen from here,"
	}
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	words := fmt.Sprintf("another process (pid %d, %q)", pid, bytes.TrimSpace(name))
	env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	for _, entry := range bytes.Split(env, []byte{0}) {
		mark, ok := strings.CutPrefix(string(entry), "SLIPWAY_INSTANCE=")
		if parts := strings.SplitN(mark, ".", 4); ok && len(parts) == 4 && n.find(parts[0], parts[1]) != nil {
			return fmt.Sprintf("%s, of %s in %s by its environment,", words, parts[0], parts[1])
		}
	}
	return words
}
