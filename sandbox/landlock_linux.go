package sandbox

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The rights of Landlock that a rule gives.
const (
	canList    = unix.LANDLOCK_ACCESS_FS_READ_DIR
	canRead    = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	canExecute = canRead | unix.LANDLOCK_ACCESS_FS_EXECUTE
	canUse     = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV | unix.LANDLOCK_ACCESS_FS_READ_DIR
	canConnect = unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX
	canWrite   = canExecute | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_REFER |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_SYM | canConnect
	// never is asked of the kernel to be held, and given by no rule.
	never = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK
	// ofFiles are the rights that a rule for a single file may give.
	ofFiles = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_IOCTL_DEV | canConnect
)

// rule gives rights to a file, or to all that is below a directory.
type rule struct {
	Path   string
	Rights uint64
	Must   bool `json:",omitempty"` // that the path is there
}

// landlock is what this kernel can hold: the attributes of a ruleset, and the
// version of its Landlock, 0 where there is none.
var landlock = sync.OnceValues(func() (unix.LandlockRulesetAttr, int) {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return unix.LandlockRulesetAttr{}, 0
	}
	held := heldBy(int(version))
	fd, err := createRuleset(held)
	if errors.Is(err, unix.EINVAL) && held.Handled_access_fs&canConnect != 0 {
		held.Handled_access_fs &^= canConnect
		fd, err = createRuleset(held)
	}
	if err != nil {
		return unix.LandlockRulesetAttr{}, 0
	}
	_ = unix.Close(fd)
	return held, int(version)
})

// heldBy is what a version of Landlock knows. TCP isn't held: code of projects
// talks to package indexes and databases.
func heldBy(version int) unix.LandlockRulesetAttr {
	held := unix.LandlockRulesetAttr{Handled_access_fs: canWrite | canUse | never}
	if version < 2 {
		held.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_REFER // always refused by the first version
	}
	if version < 3 {
		held.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version < 5 {
		held.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version < 8 { // in which later one it came is found out by asking
		held.Handled_access_fs &^= canConnect
	}
	if version >= 6 {
		held.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return held
}

func createRuleset(held unix.LandlockRulesetAttr) (int, error) {
	// A kernel that knows less of it is content when the rest is zero.
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&held)), unsafe.Sizeof(held), 0) // #nosec G103 -- there is no other way to pass a struct to the kernel
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil // #nosec G115 -- a descriptor is a C int
}

// restrict holds the calling thread, and what it starts, to the rules.
func restrict(rules []rule) error {
	held, version := landlock()
	if version == 0 {
		return nil
	}
	ruleset, err := createRuleset(held)
	if err != nil {
		return err
	}
	defer unix.Close(ruleset)
	for _, r := range rules {
		if err := r.add(ruleset, held.Handled_access_fs); err != nil {
			return fmt.Errorf("%s: %w", r.Path, err)
		}
	}
	return restrictSelf(ruleset)
}

// enclose makes of the calling thread, and of what it starts, a company of its own:
// they can signal each other and nobody else. It tells whether the kernel can.
//
// Moving files between directories is refused by each layer that doesn't grant it,
// also by one that is about something else: this one grants it everywhere.
func enclose() bool {
	held, _ := landlock()
	if held.Scoped == 0 || unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != nil {
		return false
	}
	ruleset, err := createRuleset(unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_REFER, Scoped: unix.LANDLOCK_SCOPE_SIGNAL})
	if err != nil {
		return false
	}
	defer unix.Close(ruleset)
	everywhere := rule{Path: "/", Rights: unix.LANDLOCK_ACCESS_FS_REFER, Must: true}
	return everywhere.add(ruleset, unix.LANDLOCK_ACCESS_FS_REFER) == nil && restrictSelf(ruleset) == nil
}

func restrictSelf(ruleset int) error {
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); errno != 0 { // #nosec G115 -- a descriptor isn't negative
		return errno
	}
	return nil
}

func (r rule) add(ruleset int, held uint64) error {
	fd, err := unix.Open(r.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		if r.Must {
			return err
		}
		return nil
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	rights := r.Rights & held
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= ofFiles
	}
	if rights == 0 {
		return nil
	}
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}                                                                   // #nosec G115 -- a descriptor is a C int
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&attr)), 0, 0, 0) // #nosec G103 G115 -- as above
	if errno != 0 {
		return errno
	}
	return nil
}
