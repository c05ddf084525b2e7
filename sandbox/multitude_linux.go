package sandbox

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// mostProcesses is how many processes and threads a confined command may have at once:
// more than any that builds or serves, and few enough that one which multiplies leaves
// the machine room for others, and the platform for what ends it.
const mostProcesses = 4096

// boundMultitude holds this process and what it starts to that many. The kernel counts
// them by user, and those of a user namespace by themselves (Linux 5.14): without one,
// they would be counted with all of the platform's. It holds nobody who is root.
func boundMultitude() {
	if os.Geteuid() == 0 || !countsApart() {
		return
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &limit) != nil {
		return
	}
	limit.Max = min(limit.Max, mostProcesses)
	limit.Cur = min(limit.Cur, limit.Max)
	_ = unix.Setrlimit(unix.RLIMIT_NPROC, &limit)
}

// countsApart tells whether this kernel counts processes by user namespace.
func countsApart() bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	release := bytes.SplitN(name.Release[:], []byte("."), 3)
	if len(release) < 3 {
		return false
	}
	major, err := strconv.Atoi(string(release[0]))
	minor, err2 := strconv.Atoi(string(release[1]))
	return err == nil && err2 == nil && (major > 5 || major == 5 && minor >= 14)
}
