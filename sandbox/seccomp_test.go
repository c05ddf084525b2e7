//go:build amd64 || arm64

package sandbox_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway/internal/layertest"
	"github.com/slipway-dev/slipway/sandbox"
)

// asking is a script that makes system calls itself and succeeds unless the last of
// them is refused as such: with EPERM, or as one that the kernel doesn't have.
func asking(python string) string {
	return `exec python3 -c 'import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(*a):
    r = libc.syscall(*[ctypes.c_long(x) if isinstance(x, int) else x for x in a])
    return r if r >= 0 else -ctypes.get_errno()
r = ` + python + `
print(r)
sys.exit(r in (-1, -38))'`
}

// unhooked are attacks that Landlock has no say in. Those on another process leave
// it as it is when they work.
func unhooked(victim int) map[string]string {
	all := map[string]string{
		"a set-user-ID program":         `cp /bin/true x && chmod 4755 x`,
		"a set-group-ID program":        `cp /bin/true x && chmod g+s x`,
		"chmod":                         `touch x && ` + asking(`call(NR_FCHMODAT, -100, b"x", 0o2755)`),
		"chmod with flags":              `touch x && ` + asking(`call(NR_FCHMODAT2, -100, b"x", 0o4755, 0)`),
		"chmod of what is open":         `touch x && ` + asking(`call(NR_FCHMOD, os.open("x", os.O_RDONLY), 0o6755)`),
		"a mode for a new file":         `rm -f n && ` + asking(`call(NR_OPENAT, -100, b"n", os.O_CREAT | os.O_WRONLY, 0o4755)`),
		"a mode behind a pointer":       `rm -f n && ` + asking(`call(NR_OPENAT2, -100, b"n", (ctypes.c_uint64 * 3)(os.O_CREAT | os.O_WRONLY, 0o4755, 0), 24)`),
		"a mode for what has no name":   asking(`call(NR_OPENAT, -100, b".", os.O_TMPFILE | os.O_WRONLY, 0o4755)`),
		"a mode for a node":             `rm -f n && ` + asking(`call(NR_MKNODAT, -100, b"n", 0o104755, 0)`),
		"a ring that opens files":       asking(`call(NR_IO_URING_SETUP, 1, (ctypes.c_uint64 * 20)())`),
		"limits of another":             asking(`call(NR_PRLIMIT64, VICTIM, 4, (ctypes.c_uint64 * 2)(*[x & (1 << 64) - 1 for x in __import__("resource").prlimit(VICTIM, 4)]), 0)`),
		"the priority of another":       asking(`call(NR_SETPRIORITY, 0, VICTIM, os.getpriority(os.PRIO_PROCESS, VICTIM))`),
		"the priority of a group":       asking(`call(NR_SETPRIORITY, 1, os.getpgid(VICTIM), os.getpriority(os.PRIO_PGRP, os.getpgid(VICTIM)))`),
		"the priority of all":           asking(`call(NR_SETPRIORITY, 2, 0, -20)`),
		"the priority of another's I/O": asking(`call(NR_IOPRIO_SET, 1, VICTIM, 2 << 13 | 4)`),
		"the priority of all I/O":       asking(`call(NR_IOPRIO_SET, 3, 0, 2 << 13 | 4)`),
		"the class of another":          asking(`call(NR_SCHED_SETSCHEDULER, VICTIM, 0, ctypes.c_uint64(0))`),
		"the parameter of another":      asking(`call(NR_SCHED_SETPARAM, VICTIM, (ctypes.c_uint64 * 1)(0))`),
		"the attributes of another":     asking(`call(NR_SCHED_SETATTR, VICTIM, (ctypes.c_uint64 * 6)(48, 0, os.getpriority(os.PRIO_PROCESS, VICTIM) & 0xffffffff), 0)`),
		"the processors of another":     asking(`call(NR_SCHED_SETAFFINITY, VICTIM, 8, (ctypes.c_uint64 * 1)(sum(1 << c for c in os.sched_getaffinity(VICTIM))))`),
		"a namespace of users":          asking(`call(NR_UNSHARE, 0x10000000)`),
		"a child in one":                asking(`call(NR_CLONE, 0x10000011, 0, 0, 0, 0) or os._exit(0)`),
		"a child in one, newly":         asking(`call(NR_CLONE3, (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, 17), 64) or os._exit(0)`),
		"keys of the user":              asking(`call(NR_ADD_KEY, b"user", b"slipway-test", b"x", 1, -3)`),
		"the user's keyring":            asking(`call(NR_KEYCTL, 0, -4, 0)`),
		"faults of memory":              asking(`call(NR_USERFAULTFD, 1)`),
		"counters of the kernel":        asking(`call(NR_PERF_EVENT_OPEN, (ctypes.c_uint64 * 16)(1 | 128 << 32), 0, -1, -1, 0)`),
		"a lease on a file":             `touch x && ` + asking(`call(NR_FCNTL, os.open("x", os.O_RDONLY), 1024, 0)`),
		"type at a terminal":            asking(`[t := os.openpty()[1], __import__("fcntl").ioctl(t, 0x540E, 0), call(NR_IOCTL, t, 0x5412, b"x")][2]`),
	}
	if runtime.GOARCH == "amd64" {
		all["chmod as of old"] = `touch x && ` + asking(`call(90, b"x", 0o4755)`)
		all["open as of old"] = `rm -f n && ` + asking(`call(2, b"n", os.O_CREAT | os.O_WRONLY, 0o4755)`)
		all["creat"] = `rm -f n && ` + asking(`call(85, b"n", 0o4755)`)
		all["mknod as of old"] = `rm -f n && ` + asking(`call(133, b"n", 0o104755, 0)`)
		all["the numbers of x32"] = `touch x && ` + asking(`call(1 << 30 | 90, b"x", 0o4755)`)
		// mov eax, 20 (getpid); int 0x80; ret
		all["the numbers of i386"] = asking(`[m := __import__("mmap").mmap(-1, 4096, prot=7), m.write(bytes.fromhex("b814000000cd80c3")), ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()][2]`)
	}
	numbers := strings.NewReplacer("VICTIM", fmt.Sprint(victim), "NR_FCHMODAT2", fmt.Sprint(unix.SYS_FCHMODAT2), "NR_FCHMODAT", fmt.Sprint(unix.SYS_FCHMODAT),
		"NR_FCHMOD", fmt.Sprint(unix.SYS_FCHMOD), "NR_OPENAT2", fmt.Sprint(unix.SYS_OPENAT2), "NR_OPENAT", fmt.Sprint(unix.SYS_OPENAT), "NR_MKNODAT", fmt.Sprint(unix.SYS_MKNODAT),
		"NR_IO_URING_SETUP", fmt.Sprint(unix.SYS_IO_URING_SETUP), "NR_PRLIMIT64", fmt.Sprint(unix.SYS_PRLIMIT64), "NR_SETPRIORITY", fmt.Sprint(unix.SYS_SETPRIORITY),
		"NR_IOPRIO_SET", fmt.Sprint(unix.SYS_IOPRIO_SET), "NR_SCHED_SETSCHEDULER", fmt.Sprint(unix.SYS_SCHED_SETSCHEDULER), "NR_SCHED_SETPARAM", fmt.Sprint(unix.SYS_SCHED_SETPARAM),
		"NR_SCHED_SETATTR", fmt.Sprint(unix.SYS_SCHED_SETATTR), "NR_SCHED_SETAFFINITY", fmt.Sprint(unix.SYS_SCHED_SETAFFINITY), "NR_UNSHARE", fmt.Sprint(unix.SYS_UNSHARE),
		"NR_CLONE3", fmt.Sprint(unix.SYS_CLONE3), "NR_CLONE", fmt.Sprint(unix.SYS_CLONE), "NR_ADD_KEY", fmt.Sprint(unix.SYS_ADD_KEY), "NR_KEYCTL", fmt.Sprint(unix.SYS_KEYCTL),
		"NR_USERFAULTFD", fmt.Sprint(unix.SYS_USERFAULTFD), "NR_PERF_EVENT_OPEN", fmt.Sprint(unix.SYS_PERF_EVENT_OPEN), "NR_IOCTL", fmt.Sprint(unix.SYS_IOCTL), "NR_FCNTL", fmt.Sprint(unix.SYS_FCNTL))
	for name, script := range all {
		all[name] = numbers.Replace(script)
	}
	return all
}

// hooked are attacks on another process that are Landlock's to refuse: they are of
// use to programs that mean their own.
func hooked(victim int) map[string]string {
	number := func(nr int, rest string) string {
		return asking(strings.ReplaceAll(fmt.Sprintf(`call(%d, %s)`, nr, rest), "VICTIM", fmt.Sprint(victim)))
	}
	// Where its program begins in memory.
	mapped, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", victim))
	start, _, _ := strings.Cut(string(mapped), "-")
	start = "0x" + start
	pidfd := fmt.Sprintf("call(%d, VICTIM, 0)", unix.SYS_PIDFD_OPEN)
	return map[string]string{
		"memory of another":         number(unix.SYS_PROCESS_VM_READV, `VICTIM, (ctypes.c_uint64 * 2)(ctypes.addressof(ctypes.create_string_buffer(1)), 1), 1, (ctypes.c_uint64 * 2)(`+start+`, 1), 1, 0`),
		"descriptors of another":    number(unix.SYS_PIDFD_GETFD, pidfd+`, 0, 0`),
		"what two have in common":   number(unix.SYS_KCMP, `VICTIM, VICTIM, 0, 0, 0`),
		"pages of another":          number(unix.SYS_MOVE_PAGES, `VICTIM, 0, 0, 0, 0, 0`),
		"advice on another's pages": strings.Replace(number(unix.SYS_PROCESS_MADVISE, pidfd+`, (ctypes.c_uint64 * 2)(`+start+`, 4096), 1, 20, 0`), "-38)", "-38, -13)", 1),
	}
}

// another is a process of another service: it has no more capabilities than its
// attackers, which would protect it.
func another(t *testing.T) int {
	t.Helper()
	p := newPlace(t)
	cmd := exec.Command("/bin/sleep", "600")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = p.own, sandbox.Environment(p.own, nil, nil), &syscall.SysProcAttr{Setsid: true}
	if err := sandbox.Start(cmd, p.confinement()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

func TestConfinedAsksForNothingUnhooked(t *testing.T) {
	layertest.Needs(t, sandbox.Protection().Seccomp, "filters of system calls")
	segment, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.SysvShmCtl(segment, unix.IPC_RMID, nil) })
	eachWay(t, func(t *testing.T) {
		p := newPlace(t)
		victim := another(t)
		all := unhooked(victim)
		if !sandbox.Mounts() {
			all["a message queue of the user"] = asking(fmt.Sprintf(`call(%d, b"slipway-test", os.O_CREAT | os.O_RDWR, 0o600, 0)`, unix.SYS_MQ_OPEN))
		}
		// Seen from a namespace of its own, it isn't there.
		all["shared memory of another"] = strings.Replace(asking(fmt.Sprintf(`call(%d, %d, 0, 0)`, unix.SYS_SHMAT, segment)), "-38)", "-38, -22)", 1)
		if sandbox.Protection().Landlock > 0 {
			maps.Copy(all, hooked(victim))
		}
		for name, script := range all {
			if out, code := p.confined(t, p.confinement(), script); code == 0 {
				t.Errorf("%s: this worked: %s\n%s", name, script, out)
			}
		}
	})
}

func TestHeldAsksForNothingUnhooked(t *testing.T) {
	layertest.Needs(t, sandbox.Protection().Seccomp, "filters of system calls")
	eachWay(t, func(t *testing.T) {
		p := newPlace(t)
		victim := another(t)
		if strings.HasSuffix(t.Name(), "/namespaces") {
			victim = 1 // its holder; of others it knows nothing
		}
		all := unhooked(victim)
		if sandbox.Protection().Landlock > 0 {
			maps.Copy(all, hooked(victim))
		}
		for name, script := range all {
			if out, r := p.held(t, p.confinement(), script); r.OK() {
				t.Errorf("%s: this worked: %s\n%s", name, script, out)
			}
		}
	})
}

// TestFilterByHand is about callers that this machine may not have.
func TestFilterByHand(t *testing.T) {
	const chmod = unix.SYS_FCHMODAT
	args := [6]uint64{0, 0, 0o4755}
	for name, c := range map[string]struct {
		number, architecture uint32
		want                 uint32
	}{
		"its own":                  {chmod, sandbox.Architecture, unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		"another architecture":     {chmod, sandbox.Architecture ^ 1, unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		"x32":                      {chmod | 1<<30, sandbox.Architecture, unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		"x32 of what isn't held":   {unix.SYS_GETPID | 1<<30, sandbox.Architecture, unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		"a call that is left out":  {^uint32(0), sandbox.Architecture, unix.SECCOMP_RET_ALLOW},
		"what isn't held":          {unix.SYS_GETPID, sandbox.Architecture, unix.SECCOMP_RET_ALLOW},
		"the last of the refusals": {unix.SYS_OPEN_BY_HANDLE_AT, sandbox.Architecture, unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
	} {
		if got := sandbox.Verdict(c.number, c.architecture, args); got != c.want {
			t.Errorf("%s: %#x, want %#x", name, got, c.want)
		}
	}
	high := [6]uint64{1, 0, 1 << 40}
	if got := sandbox.Verdict(unix.SYS_PRLIMIT64, sandbox.Architecture, high); got == unix.SECCOMP_RET_ALLOW {
		t.Error("a limit that lies high in memory is set")
	}
}
