package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/socket"
)

// apart is the mount namespace that an instance's processes have of their own. All
// that they start has it, whatever session, parent and environment it gives itself, and
// none can leave it: they have no right to another. While it is held here the kernel
// gives its number to no other. It may be nil, where there is none.
type apart struct {
	file *os.File
	name string
}

// apartOf holds the namespace of a process; nil when that is the agent's own.
func apartOf(pid int) *apart {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return nil
	}
	var stat syscall.Stat_t
	if syscall.Fstat(int(f.Fd()), &stat) != nil { // #nosec G115 -- a descriptor is a C int
		_ = f.Close()
		return nil
	}
	a := &apart{f, "mnt:[" + strconv.FormatUint(stat.Ino, 10) + "]"}
	if a.name == mountNamespace(os.Getpid()) {
		a.release()
		return nil
	}
	return a
}

func (a *apart) release() {
	if a != nil {
		_ = a.file.Close()
	}
}

// processes are those that are in it.
func (a *apart) processes() (pids []int) {
	if a == nil {
		return nil
	}
	for _, pid := range socket.Processes() {
		if mountNamespace(pid) == a.name {
			pids = append(pids, pid)
		}
	}
	return pids
}

// end ends all that is in it: again, for as long as one has started another.
func (a *apart) end() {
	deadline := time.Now().Add(5 * time.Second)
	for {
		left := 0
		for _, pid := range a.processes() {
			if fields, ok := statFields(pid); ok && fields[0] != "Z" && fields[0] != "X" {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				left++
			}
		}
		if left == 0 || time.Now().After(deadline) {
			return
		}
		time.Sleep(2 * time.Millisecond) // the kernel takes a moment for each
	}
}

// tasks are what the processes of a mount namespace, or of a process group, take.
type tasks struct {
	memory int64 // resident, in bytes
	number int   // with their threads
}

// taken is what everything on the machine takes, by process group and, of what isn't
// the agent's, by mount namespace.
func taken() (groups map[int]tasks, namespaces map[string]tasks) {
	groups, namespaces = map[int]tasks{}, map[string]tasks{}
	own := mountNamespace(os.Getpid())
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		fields, ok := statFields(pid)
		if !ok || len(fields) <= 21 {
			continue
		}
		leader, _ := strconv.Atoi(fields[2])
		threads, _ := strconv.Atoi(fields[17])
		pages, _ := strconv.ParseInt(fields[21], 10, 64)
		bytes := pages * int64(os.Getpagesize())
		groups[leader] = tasks{groups[leader].memory + bytes, groups[leader].number + threads}
		if name := mountNamespace(pid); name != "" && name != own {
			namespaces[name] = tasks{namespaces[name].memory + bytes, namespaces[name].number + threads}
		}
	}
	return groups, namespaces
}
