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
func End(runID string) int { return endRun(runID, 0) }

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
func marked(runID string) []int {
	want := []byte(marker + "=" + runID)
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
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return true
	}
	// The state follows the command's name, which may hold anything but ends
	// with the last parenthesis.
	i := bytes.LastIndexByte(stat, ')')
	return i < 0 || i+2 >= len(stat) || stat[i+2] == 'Z' || stat[i+2] == 'X'
}

// residentBytes sums the resident memory of a run's processes.
func residentBytes(runID string) int64 {
	var total int64
	page := int64(os.Getpagesize())
	for _, pid := range marked(runID) {
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
