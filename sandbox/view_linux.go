package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// view is what a command sees of this machine in namespaces of its own: no shared
// memory of others, of the hidden directories what its rules open and nothing else,
// and the rest so that nothing about it can be changed but what the rules let
// change: neither its modes and times, for which Landlock has no rule, nor what is in it.
type view struct {
	Hidden []string
	Tmp    string // what lies at /tmp and /var/tmp, "" leaves them as they are
	Table  bool   // it has a process table of its own, and sees no process outside
}

// homes are where people's own files lie.
var homes = []string{"/root", "/home"}

// listening are where programs of this machine listen by convention, also those that
// will be started when the command runs already: each new socket is in a file of its
// own, so that only what holds them can be hidden before they are there.
var listening = []string{"/run", "/var/run"}

// temporary are hidden where the command has none of its own in their place: what its
// user starts there, such as a terminal that can be attached to, is no business of it.
var temporary = []string{"/tmp", "/var/tmp"}

func (c Confinement) view(table bool) *view {
	v := &view{Tmp: c.Tmp, Table: table}
	all := slices.Concat(c.Closed, homes, listening)
	if c.Tmp == "" {
		all = append(all, temporary...)
	}
	for _, dir := range all {
		if real, err := filepath.EvalSymlinks(dir); err == nil && !slices.Contains(v.Hidden, real) {
			v.Hidden = append(v.Hidden, real)
		}
	}
	return v
}

// namespaces tells whether this machine lets us have them, all that a view takes: as
// root, or in a user namespace. Many containers give less.
var namespaces = sync.OnceValue(func() bool {
	h, err := startHolder(&exec.Cmd{}, nil, order{View: &view{Table: true}}, "probe")
	if err != nil {
		return false
	}
	defer h.close()
	_ = h.cmd.Wait()
	a, ok := h.answer()
	return ok && a.Problem == ""
})

// mounts tells whether this machine lets us have mounts of our own, which more do: who
// may have all that a view takes needs no second look.
var mounts = sync.OnceValue(func() bool {
	if namespaces() {
		return true
	}
	cmd := exec.Command("/bin/true")
	if cmd.Err != nil {
		return false
	}
	return start(cmd, Confinement{}, &view{}) == nil && cmd.Wait() == nil
})

// apart has a command start in namespaces of its own. Who isn't root has the right
// to them in a user namespace, in which he is himself and nobody else.
func (v *view) apart(attr *syscall.SysProcAttr) {
	attr.Cloneflags |= syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC
	if v.Table {
		attr.Cloneflags |= syscall.CLONE_NEWPID
	}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		// It is kept until the view is made, and taken by dropCapabilities.
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	}
}

// part is a tree of files taken out of a directory before that is hidden.
type part struct {
	path string
	tree int
	dir  bool
}

// enter makes the view that of this process, which has mounts of its own, and of
// all that it starts.
func (v *view) enter(rules []rule) error {
	// What the machine mounts and unmounts later is seen here too, and nothing of
	// here there.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("mounts of its own: %w", err)
	}
	const own = unix.MS_NOSUID | unix.MS_NODEV
	hidden := v.Hidden
	var parts []part
	if v.Tmp != "" {
		for _, dir := range temporary {
			tree, err := clone(v.Tmp)
			if err != nil {
				return err
			}
			parts = append(parts, part{path: dir, tree: tree, dir: true})
		}
	}
	covered := hidden
	if v.Tmp != "" {
		covered = slices.Concat(hidden, temporary)
	}
	links := linksIn(rules, hidden)
	taken, err := take(rules, covered)
	if err != nil {
		return err
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return fmt.Errorf("keeping the system as it is: %w", err)
	}
	for _, p := range parts {
		if err := p.put(); err != nil {
			return err
		}
	}
	// What lies inside another comes after it, and is seen instead of it.
	slices.SortFunc(hidden, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	slices.SortFunc(taken, func(a, b part) int { return strings.Count(a.path, "/") - strings.Count(b.path, "/") })
	for _, dir := range hidden { // those that lie inside another come after it
		err := os.MkdirAll(dir, 0o755)
		if err == nil {
			err = unix.Mount("none", dir, "tmpfs", own, "mode=0755,size=1m")
		}
		if err != nil {
			return fmt.Errorf("hiding %s: %w", dir, err)
		}
	}
	for _, p := range taken {
		if err := p.put(); err != nil {
			return err
		}
	}
	for path, to := range links {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(to, path)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for _, dir := range hidden {
		if err := unix.Mount("none", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|own, ""); err != nil {
			return fmt.Errorf("hiding %s: %w", dir, err)
		}
	}
	if err := hideSockets(rules); err != nil {
		return err
	}
	if v.Table {
		if err := unix.Mount("proc", "/proc", "proc", own|unix.MS_NOEXEC, ""); err != nil {
			return fmt.Errorf("a process table of its own: %w", err)
		}
	}
	if err := terminals(); err != nil {
		return err
	}
	if err := unix.Mount("shm", "/dev/shm", "tmpfs", own, "mode=1777,size="+sharedMemory()); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("shared memory of its own: %w", err)
	}
	return nil
}

// sharedMemory is how much a view may keep there: it is no process's memory, which has
// a bound, and left to itself each command could fill half of the machine's with it.
func sharedMemory() string {
	var info unix.Sysinfo_t
	const most = 1 << 30
	if unix.Sysinfo(&info) == nil && info.Totalram*uint64(info.Unit)/2 < most {
		return "50%"
	}
	return strconv.Itoa(most)
}

// terminals gives the view those that are made in it, and none of the machine's: what
// somebody types at one that the platform's user has open is no command's to read.
func terminals() error {
	err := unix.Mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
	if errors.Is(err, unix.ENOENT) {
		return nil // a machine without any
	}
	if err == nil {
		err = unix.Mount("/dev/pts/ptmx", "/dev/ptmx", "", unix.MS_BIND, "")
	}
	if err != nil {
		return fmt.Errorf("terminals of its own: %w", err)
	}
	return nil
}

// linksIn are the links by which rules name what they open, and that lie inside hidden
// directories, such as NixOS's to all programs.
func linksIn(rules []rule, hidden []string) map[string]string {
	links := map[string]string{}
	for _, r := range rules {
		if !within(r.Path, hidden) {
			continue
		}
		if to, err := os.Readlink(r.Path); err == nil {
			links[r.Path] = to
		}
	}
	return links
}

// take clones what the rules open inside covered directories, and what they let
// change anywhere.
func take(rules []rule, covered []string) ([]part, error) {
	writable, dirs := map[string]bool{}, map[string]bool{}
	for _, r := range rules {
		if r.Rights&(unix.LANDLOCK_ACCESS_FS_READ_FILE|canConnect) == 0 {
			continue
		}
		path, err := filepath.EvalSymlinks(r.Path)
		if err != nil {
			continue
		}
		change := r.Rights&unix.LANDLOCK_ACCESS_FS_WRITE_FILE != 0
		if !change && !slices.ContainsFunc(covered, func(dir string) bool { return below(path, dir) && path != dir }) {
			continue
		}
		// Devices are used, not changed, and shared memory is its own.
		if info, err := os.Stat(path); err == nil && (info.IsDir() || info.Mode().IsRegular()) && !below(path, "/dev") {
			dirs[path] = info.IsDir()
			writable[path] = writable[path] || change
		}
	}
	var parts []part
	for path, dir := range dirs {
		tree, err := clone(path)
		if err == nil && !writable[path] {
			err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		parts = append(parts, part{path: path, tree: tree, dir: dir})
	}
	return parts, nil
}

func clone(path string) (int, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", path, err)
	}
	return tree, nil
}

// put mounts the part where it was.
func (p part) put() error {
	defer unix.Close(p.tree)
	err := os.MkdirAll(filepath.Dir(p.path), 0o755)
	if err == nil && p.dir {
		err = os.MkdirAll(p.path, 0o755)
	} else if err == nil {
		var f *os.File
		if f, err = os.OpenFile(p.path, os.O_CREATE|os.O_RDONLY, 0o600); err == nil {
			err = f.Close()
		}
	}
	if err == nil {
		err = unix.MoveMount(p.tree, "", unix.AT_FDCWD, p.path, unix.MOVE_MOUNT_F_EMPTY_PATH)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.path, err)
	}
	return nil
}
