package sandbox

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Bits of PR_SET_SECUREBITS: the user root is nobody special when it executes a
// program, ambient capabilities can't be raised, and neither can be undone.
const (
	secureNoRoot         = 1<<0 | 1<<1
	secureNoAmbientRaise = 1<<6 | 1<<7
)

// dropCapabilities takes every capability from the calling thread.
func dropCapabilities() error {
	// Without the right to do these the last steps and no_new_privs are enough:
	// executing as root then gains nothing that the thread hasn't.
	for capability := range uintptr(64) {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
			break
		}
	}
	_ = unix.Prctl(unix.PR_SET_SECUREBITS, secureNoRoot|secureNoAmbientRaise, 0, 0, 0)
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	var sets [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return unix.Capset(&header, &sets[0])
}
