package node

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A control group holds what an instance starts, whatever session, name or
// environment that gives itself: ending the group ends all of it at once. Where
// the machine lets the agent make groups is found out by trying.

// findGroups is the directory in which groups for instances can be made; "" where
// there is none. Groups are known by their paths, so that one that an agent made
// which ran elsewhere on the machine is found again.
func findGroups(id string) string {
	own := ownGroup()
	if own == "" {
		return ""
	}
	base := filepath.Join(own, "slipway-"+id)
	if err := os.Mkdir(base, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return ""
	}
	probe := filepath.Join(base, "probe")
	defer endGroup(probe)
	var attr syscall.SysProcAttr
	close, err := joinGroup(&attr, probe)
	if err != nil {
		return ""
	}
	defer close()
	cmd := exec.Command("/bin/sh", "-c", ":")
	cmd.SysProcAttr = &attr
	if cmd.Run() != nil || os.WriteFile(filepath.Join(probe, "cgroup.kill"), []byte("1"), 0) != nil {
		return ""
	}
	return base
}

// ownGroup is the directory of the agent's own group in the unified hierarchy.
func ownGroup() string {
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	groups, _ := os.ReadFile("/proc/self/cgroup")
	var mount, root string
	for line := range strings.Lines(string(mounts)) {
		if before, after, ok := strings.Cut(line, " - cgroup2 "); ok && after != "" {
			if f := strings.Fields(before); len(f) > 4 {
				root, mount = f[3], f[4]
			}
		}
	}
	for line := range strings.Lines(string(groups)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok && mount != "" {
			return filepath.Join(mount, strings.TrimPrefix(path, strings.TrimSuffix(root, "/")))
		}
	}
	return ""
}

// joinGroup has the process that is started with attr begin its life in a group,
// which is made; close it when it has been started.
func joinGroup(attr *syscall.SysProcAttr, dir string) (close func(), err error) {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	group, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	attr.UseCgroupFD, attr.CgroupFD = true, int(group.Fd()) // #nosec G115 -- a descriptor is a C int
	return func() { _ = group.Close() }, nil
}

// endGroup ends all that is in a group, and removes it.
func endGroup(dir string) {
	if dir == "" {
		return
	}
	_ = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0) // #nosec G306 -- it is there, or nothing is
	deadline := time.Now().Add(5 * time.Second)
	for {
		below, _ := filepath.Glob(filepath.Join(dir, "*", "cgroup.procs")) // none of ours has any
		for _, inner := range below {
			_ = os.Remove(filepath.Dir(inner))
		}
		if err := os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) || time.Now().After(deadline) {
			return
		}
		time.Sleep(5 * time.Millisecond) // all have been killed, and go one by one
	}
}

// inGroup lists the processes in a group.
func inGroup(dir string) (pids []int) {
	if dir == "" {
		return nil
	}
	text, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	for _, word := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(word); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
