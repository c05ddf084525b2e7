package sandbox

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// End ends every process that a run left, whatever session it moved to, and
// tells how many there were. A worker that comes back after a crash calls it
// before it starts the same run again.
func End(runID string) int {
	ended := endRun(runID, 0)
	// A holder whose platform was killed ends what hides from the mark.
	waitGone(holdersOf(runID), time.Now().Add(5*time.Second))
	return ended
}

func endRun(runID string, group int) int {
	if group > 0 {
		_ = syscall.Kill(-group, syscall.SIGKILL)
	}
	ended := 0
	deadline := time.Now().Add(5 * time.Second)
	for {
		pids := marked(runID)
		if len(pids) == 0 || time.Now().After(deadline) {
			return ended
		}
		for _, pid := range pids {
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				ended++
			}
		}
		waitGone(pids, deadline)
	}
}

// waitGone returns when none of the processes is alive.
func waitGone(pids []int, deadline time.Time) {
	if len(pids) == 0 {
		return
	}
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for range poll.C {
		alive := false
		for _, pid := range pids {
			alive = alive || !exited(pid)
		}
		if !alive || time.Now().After(deadline) {
			return
		}
	}
}

// marked lists the live processes that carry a run's mark.
func marked(runID string) []int { return carrying(marker + "=" + runID) }

// carrying lists the live processes that have an entry in their environment.
func carrying(entry string) []int {
	want := []byte(entry)
	self := os.Getpid()
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == self {
			continue
		}
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil {
			continue
		}
		for _, entry := range bytes.Split(env, []byte{0}) {
			if bytes.Equal(entry, want) && !exited(pid) {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

// exited tells whether a process is gone or only waits to be reaped.
func exited(pid int) bool {
	state, _ := stateOf(pid)
	return state == 0 || state == 'Z' || state == 'X'
}

// stateOf is the state of a process, 0 when there is none, and its parent.
func stateOf(pid int) (state byte, parent int) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0
	}
	// The state follows the command's name, which may hold anything but ends
	// with the last parenthesis.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 || len(fields[0]) != 1 {
		return 0, 0
	}
	parent, _ = strconv.Atoi(string(fields[1]))
	return fields[0][0], parent
}

// residentBytes sums the resident memory of processes.
func residentBytes(pids []int) int64 {
	var total int64
	page := int64(os.Getpagesize())
	for _, pid := range pids {
		statm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
		if err != nil {
			continue
		}
		fields := bytes.Fields(statm)
		if len(fields) < 2 {
			continue
		}
		pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err == nil {
			total += pages * page
		}
	}
	return total
}

func randomID() string {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
