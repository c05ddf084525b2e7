//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock knows paths, signals and memory. What it has no say in, and one process
// can do to another of its user, or leave to other users, is refused by a filter of
// system calls that every confined process gets for good, whatever its user. The
// filter sees numbers and the arguments themselves, never what a pointer leads to,
// nor which process asks: so who means himself has to say 0 and not his own id.

// setID are the bits of a mode by which a program runs as its owner or its group.
const setID = unix.S_ISUID | unix.S_ISGID

// making are the flags with which opening takes a mode. O_TMPFILE has that of
// directories in it.
const making = unix.O_CREAT | unix.O_TMPFILE&^unix.O_DIRECTORY

// refusal refuses a system call when all its conditions are met.
type refusal struct {
	call  uint32
	error unix.Errno
	when  []condition
}

// condition is about half an argument, which is all of it where that is an int.
type condition struct {
	argument uint32
	upper    bool // the upper half, of a pointer
	test     uint16
	value    uint32
	unless   bool // the test has to fail
}

func has(argument, bits uint32) condition {
	return condition{argument: argument, test: unix.BPF_JSET, value: bits}
}

func is(argument, value uint32) condition {
	return condition{argument: argument, test: unix.BPF_JEQ, value: value}
}

func isNot(argument, value uint32) condition {
	return condition{argument: argument, test: unix.BPF_JEQ, value: value, unless: true}
}

// Which processes setpriority and ioprio_set are about, when it is all of a user.
const (
	priorityOfUser   = unix.PRIO_USER
	ioPriorityOfUser = 3
)

// refused is what nobody confined may ask for. Those that are asked for often come
// first.
func refused() []refusal {
	no := func(call uint32, when ...condition) refusal { return refusal{call, unix.EPERM, when} }
	// Programs do without what a kernel doesn't have.
	without := func(call uint32) refusal { return refusal{call, unix.ENOSYS, nil} }
	all := []refusal{
		no(unix.SYS_OPENAT, has(2, making), has(3, setID)),
		no(unix.SYS_IOCTL, is(1, unix.TIOCSTI)), // types at a terminal
		no(unix.SYS_IOCTL, is(1, unix.TIOCLINUX)),
		// Who has a lease on a file that others share has each of them wait for 45 seconds
		// when they open it, and needs no more for it than to read the file, as its owner.
		no(unix.SYS_FCNTL, is(1, unix.F_SETLEASE)),
		no(unix.SYS_CLONE, has(0, unix.CLONE_NEWUSER)),
		without(unix.SYS_CLONE3),  // its flags lie behind a pointer
		without(unix.SYS_OPENAT2), // as its mode does

		no(unix.SYS_FCHMOD, has(1, setID)),
		no(unix.SYS_FCHMODAT, has(2, setID)),
		no(unix.SYS_FCHMODAT2, has(2, setID)),
		no(unix.SYS_MKNODAT, has(2, setID)),

		// A limit of 0 ends a process, and a priority of 19 starves it.
		no(unix.SYS_PRLIMIT64, isNot(0, 0), isNot(2, 0)),
		no(unix.SYS_PRLIMIT64, isNot(0, 0), condition{argument: 2, upper: true, test: unix.BPF_JEQ, unless: true}),
		no(unix.SYS_SETPRIORITY, isNot(1, 0)),
		no(unix.SYS_SETPRIORITY, is(0, priorityOfUser)),
		no(unix.SYS_IOPRIO_SET, isNot(1, 0)),
		no(unix.SYS_IOPRIO_SET, is(0, ioPriorityOfUser)),
		no(unix.SYS_SCHED_SETSCHEDULER, isNot(0, 0)),
		no(unix.SYS_SCHED_SETPARAM, isNot(0, 0)),
		no(unix.SYS_SCHED_SETATTR, isNot(0, 0)),
		no(unix.SYS_SCHED_SETAFFINITY, isNot(0, 0)),

		// In a namespace of users of its own everybody has capabilities, and with them
		// reaches parts of the kernel that are meant for root.
		no(unix.SYS_UNSHARE, has(0, unix.CLONE_NEWUSER)),
		no(unix.SYS_SETNS),
		// What does all of this behind the filter's back.
		without(unix.SYS_IO_URING_SETUP), without(unix.SYS_IO_URING_ENTER), without(unix.SYS_IO_URING_REGISTER),
		// Keys are shared by all of a user.
		no(unix.SYS_ADD_KEY), no(unix.SYS_REQUEST_KEY), no(unix.SYS_KEYCTL),
		// Parts of the kernel that no service needs and attackers do.
		no(unix.SYS_BPF), no(unix.SYS_USERFAULTFD), no(unix.SYS_PERF_EVENT_OPEN), no(unix.SYS_OPEN_BY_HANDLE_AT),
	}
	return append(all, ofOldCalls()...)
}

// refusedAlone are the objects of System V, and message queues: where a service has
// no namespace of its own for them, it would share them with others of its user. Tests
// keep them everywhere, since they start databases that don't run without.
func refusedAlone() []refusal {
	calls := []uint32{
		unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP, unix.SYS_SEMCTL,
		unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV, unix.SYS_MSGCTL, unix.SYS_MQ_OPEN, unix.SYS_MQ_UNLINK,
	}
	all := make([]refusal, 0, len(calls))
	for _, call := range calls {
		all = append(all, refusal{call, unix.ENOSYS, nil})
	}
	return all
}

// Where the kernel puts what a filter looks at.
const (
	offNumber       = 0
	offArchitecture = 4
	offArguments    = 16
)

// program is the filter in the machine language of the kernel's packet filters.
func program(all []refusal) []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	jump := func(test uint16, value uint32, yes, no int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | test, K: value, Jt: uint8(yes), Jf: uint8(no)} // #nosec G115 -- over a few instructions
	}
	end := func(action uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
	}
	refuse := func(e unix.Errno) unix.SockFilter { return end(unix.SECCOMP_RET_ERRNO | uint32(e)) } // #nosec G115 -- error numbers are small
	text := []unix.SockFilter{
		// Numbers mean something else to programs of another architecture.
		load(offArchitecture), jump(unix.BPF_JEQ, architecture, 1, 0), refuse(unix.ENOSYS),
		load(offNumber), jump(unix.BPF_JEQ, ^uint32(0), 0, 1), end(unix.SECCOMP_RET_ALLOW), // a tracer's way to leave a call out
		jump(unix.BPF_JGE, foreignCalls, 0, 1), refuse(unix.ENOSYS),
	}
	for _, r := range all {
		rest := 2*len(r.when) + 1 // what is left of this refusal after its number
		text = append(text, load(offNumber), jump(unix.BPF_JEQ, r.call, 0, rest))
		for _, c := range r.when {
			rest -= 2
			offset := offArguments + 8*c.argument
			if c.upper {
				offset += 4
			}
			yes, no := 0, rest
			if c.unless {
				yes, no = rest, 0
			}
			text = append(text, load(offset), jump(c.test, c.value, yes, no))
		}
		text = append(text, refuse(r.error))
	}
	return append(text, end(unix.SECCOMP_RET_ALLOW))
}

// filter holds the calling thread, and what it starts, to what isn't refused. It
// needs no_new_privs, and tells whether the kernel can.
func filter(alone bool) (bool, error) {
	all := refused()
	if alone {
		all = append(all, refusedAlone()...)
	}
	text := program(all)
	of := unix.SockFprog{Len: uint16(len(text)), Filter: &text[0]} // #nosec G115 -- a few hundred
	// What a processor guesses stays as it is for everybody: older kernels slow down
	// who has a filter otherwise.
	errno := setFilter(unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, &of)
	if errors.Is(errno, unix.EINVAL) {
		errno = setFilter(0, &of)
	}
	runtime.KeepAlive(text)
	if errno == unix.EINVAL || errno == unix.ENOSYS {
		return false, nil // a kernel without
	}
	if errno != 0 {
		return false, errno
	}
	return true, nil
}

func setFilter(flags uintptr, program *unix.SockFprog) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(program))) // #nosec G103 -- there is no other way to pass a struct to the kernel
	return errno
}

// filters tells whether filters are in force on this machine, by trying one: to
// change the mode of what has no name is refused for the mode before it is looked
// for.
var filters = sync.OnceValue(func() (inForce bool) {
	_ = onThread(func() error {
		if unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != nil {
			return nil
		}
		can, err := filter(true)
		inForce = can && err == nil && errors.Is(unix.Fchmodat(unix.AT_FDCWD, "", unix.S_ISUID, 0), unix.EPERM)
		return nil
	})
	return inForce
})
