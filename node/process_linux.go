package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway/socket"
)

// startTime is field 22 of /proc/PID/stat: clock ticks after boot; 0 when the
// process is gone.
func startTime(pid int) uint64 {
	fields, _ := statFields(pid)
	if len(fields) < 20 {
		return 0
	}
	ticks, _ := strconv.ParseUint(fields[19], 10, 64)
	return ticks
}

// statFields are the fields after the command's name, which may hold anything
// but ends with the last parenthesis. The first of them is the state.
func statFields(pid int) ([]string, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, false
	}
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return nil, false
	}
	return strings.Fields(string(stat[i+1:])), true
}

// alive tells whether exactly this process still runs.
func alive(r running) bool {
	fields, ok := statFields(r.PID)
	return ok && len(fields) > 19 && fields[0] != "Z" && fields[0] != "X" && startTime(r.PID) == r.Start
}

// stopped tells whether exactly this process is halted by a signal, or by a tracer.
func stopped(r running) bool {
	fields, ok := statFields(r.PID)
	return ok && len(fields) > 19 && (fields[0] == "T" || fields[0] == "t") && startTime(r.PID) == r.Start
}

// unwatchedExit is said of a process that ended while no agent ran.
const unwatchedExit = "exited while no node agent ran"

// follow watches a process that is not our child through a pidfd; ok is false
// when it is gone already. gone is called as soon as it ends.
func follow(r running, gone func()) (<-chan string, bool) {
	fd, err := unix.PidfdOpen(r.PID, 0)
	if err != nil {
		return nil, false
	}
	if !alive(r) {
		_ = unix.Close(fd)
		return nil, false
	}
	wait := make(chan string, 1)
	go func() {
		defer unix.Close(fd)
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1) // #nosec G115 -- a descriptor is a C int
			if err == nil {
				break
			}
			if err != unix.EINTR {
				break
			}
		}
		gone()
		wait <- "exited; the agent that started it was replaced, so its exit code is not known"
	}()
	return wait, true
}

// groupAlive tells whether a process group has a member that still runs. It
// outlives its leader where that is a shell.
func groupAlive(group int) bool {
	if syscall.Kill(-group, 0) != nil {
		return false
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if fields, ok := statFields(pid); ok && len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return true
		}
	}
	return false
}

// goneWithin waits until something has ended.
func goneWithin(ctx context.Context, limit time.Duration, ended func() bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		if ended() {
			return true
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			return ended()
		case <-ctx.Done():
			return ended()
		}
	}
}

// marked lists the processes that carry every one of some environment variables.
func marked(marks ...string) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(env, []byte(marks[0])) {
			continue
		}
		carried := 0
		for _, entry := range bytes.Split(env, []byte{0}) {
			if slices.Contains(marks, string(entry)) {
				carried++
			}
		}
		if carried < len(marks) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// ServicesRun tells whether instances of a data directory's node run on this machine,
// with the agent that keeps them or without: by the mark that they were started with.
func ServicesRun(data string) bool {
	var id string
	text, err := os.ReadFile(filepath.Join(data, "node", "id"))
	if err != nil || json.Unmarshal(text, &id) != nil || id == "" {
		return false
	}
	return len(marked("SLIPWAY_NODE="+id)) > 0
}

// leads tells whether a process leads its session, as all do that the agent starts.
func leads(pid int) bool {
	fields, ok := statFields(pid)
	return ok && len(fields) > 3 && fields[3] == strconv.Itoa(pid)
}

// group lists the processes of a process group.
func group(leader int) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if fields, ok := statFields(pid); ok && len(fields) > 2 && fields[2] == strconv.Itoa(leader) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// uses are what process groups and mount namespaces of the machine take, read for all
// instances at once: each of them asks every second.
var uses struct {
	sync.Mutex
	at         time.Time
	groups     map[int]tasks
	namespaces map[string]tasks
}

// usedBy is what an instance takes, as it was at most half a second ago: all that is
// in its mount namespace, or in its process group where it has none of its own.
func usedBy(leader int, apart *apart) tasks {
	uses.Lock()
	defer uses.Unlock()
	if time.Since(uses.at) > 500*time.Millisecond {
		uses.groups, uses.namespaces = taken()
		uses.at = time.Now()
	}
	used := uses.groups[leader]
	if apart != nil {
		all := uses.namespaces[apart.name]
		used = tasks{max(used.memory, all.memory), max(used.number, all.number)}
	}
	return used
}

// groupTime is the processor time that a process group has used, in hundredths of a
// second (the unit of /proc on every Linux), with that of children that have ended; and
// whether one of its threads runs, or would if it were given a processor or the disk's answer.
func groupTime(leader int) (ticks int64, runs bool) {
	for _, pid := range group(leader) {
		fields, ok := statFields(pid)
		if !ok || len(fields) < 15 {
			continue
		}
		for _, f := range fields[11:15] {
			n, _ := strconv.ParseInt(f, 10, 64)
			ticks += n
		}
		threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		runs = runs || slices.ContainsFunc(threads, func(thread os.DirEntry) bool {
			id, err := strconv.Atoi(thread.Name())
			fields, ok := statFields(id) // also of a thread, which no list shows
			return err == nil && ok && (fields[0] == "R" || fields[0] == "D")
		})
	}
	return ticks, runs
}

// exitWords says how a process ended.
func exitWords(state *os.ProcessState) string {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return "was ended by signal " + status.Signal().String()
	}
	return fmt.Sprintf("exited with code %d", state.ExitCode())
}

// inodesOf are the sockets that processes have open.
func inodesOf(pids []int) map[string]bool {
	inodes := map[string]bool{}
	for _, pid := range pids {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, link := range links {
			target, err := os.Readlink(link)
			if inode, ok := strings.CutPrefix(target, "socket:["); err == nil && ok {
				inodes[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	return inodes
}

// portsOf are the TCP ports at which processes that have some sockets open listen; pid
// is one of them.
func portsOf(pid int, inodes map[string]bool) (ports []int) {
	for _, file := range []string{"tcp", "tcp6"} {
		for _, fields := range socket.Table(pid, file) {
			// 0A is the state LISTEN; the address is hex, the port after the colon.
			if len(fields) > 9 && fields[3] == "0A" && inodes[fields[9]] {
				_, port, _ := strings.Cut(fields[1], ":")
				if n, err := strconv.ParseUint(port, 16, 16); err == nil && !slices.Contains(ports, int(n)) {
					ports = append(ports, int(n))
				}
			}
		}
	}
	return ports
}

// listeningPorts are the TCP ports at which the processes of a group listen.
func listeningPorts(leader int) []int { return portsOf(leader, inodesOf(group(leader))) }

// listeners says where the processes of a group listen: TCP ports, or else unix
// sockets.
func listeners(leader int) []string {
	inodes := inodesOf(group(leader))
	var found []string
	for _, port := range portsOf(leader, inodes) {
		found = append(found, fmt.Sprintf("port %d", port))
	}
	if len(found) > 0 { // beside which such a socket is for control
		return found
	}
	for _, fields := range socket.Table(leader, "unix") {
		if len(fields) > 7 && inodes[fields[6]] && fields[5] == "01" {
			found = append(found, "the unix socket "+fields[7])
		}
	}
	return found
}
