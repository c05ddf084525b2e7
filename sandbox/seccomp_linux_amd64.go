package sandbox

import "golang.org/x/sys/unix"

// architecture is whose numbers of system calls the filter knows; from foreignCalls
// on they are those of x32, which are the same calls once more.
const (
	architecture = unix.AUDIT_ARCH_X86_64
	foreignCalls = 1 << 30
)

// ofOldCalls are those that newer architectures don't have.
func ofOldCalls() []refusal {
	return []refusal{
		{unix.SYS_OPEN, unix.EPERM, []condition{has(1, making), has(2, setID)}},
		{unix.SYS_CREAT, unix.EPERM, []condition{has(1, setID)}},
		{unix.SYS_CHMOD, unix.EPERM, []condition{has(1, setID)}},
		{unix.SYS_MKNOD, unix.EPERM, []condition{has(1, setID)}},
	}
}
