package socket

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Processes are all that can be seen from here.
func Processes() (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Each hands the sockets that a process has open to next, by their inodes, until that
// says no.
func Each(pid int, next func(uint32) bool) {
	dir, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		target, err := os.Readlink(dir.Name() + "/" + name)
		text, ok := strings.CutPrefix(target, "socket:[")
		if err != nil || !ok {
			continue
		}
		inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64)
		if err == nil && !next(uint32(inode)) { // #nosec G115 -- the kernel's own are of 32 bits where it tells of them
			return
		}
	}
}

// Table reads a table of the network that a process is in, such as tcp or unix.
func Table(pid int, name string) [][]string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, name))
	if err != nil {
		return nil
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		rows = append(rows, strings.Fields(line))
	}
	return rows
}
