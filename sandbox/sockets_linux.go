package sandbox

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Who listens at a socket file may ask the kernel who connects, and takes a confined
// command for the user that it runs as: Docker would give it the machine, the system's
// D-Bus would start for root what it says, and a database that knows its users by that
// would take it for the platform. That the file is open to everybody says nothing
// about it. So a view has those alone that the rules open to be connected to: by name
// those of the system that only listen, and what the operator opened. Of those that
// lie there, too, the ones that aren't everybody's have nothing in their place.

// hideSockets covers the socket files that listen now, lie outside what the command may
// change, and aren't opened to it.
func hideSockets(rules []rule) error {
	table, err := os.Open("/proc/net/unix")
	if err != nil {
		return nil // no process table; then there is no view either
	}
	defer table.Close()
	var own, opened []string
	for _, r := range rules {
		real, err := filepath.EvalSymlinks(r.Path)
		switch {
		case err != nil:
		case r.Rights&unix.LANDLOCK_ACCESS_FS_WRITE_FILE != 0:
			own = append(own, real)
		case r.Rights&canConnect != 0:
			opened = append(opened, real)
		}
	}
	for lines := bufio.NewScanner(table); lines.Scan(); {
		_, path, named := strings.Cut(lines.Text(), " /") // no column before it has a slash
		if !named {
			continue
		}
		path, err := filepath.EvalSymlinks("/" + path)
		if err != nil || within(path, opened) && forEverybody(path) || within(path, own) {
			continue
		}
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSocket {
			continue
		}
		if err := unix.Mount("/dev/null", path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("hiding %s: %w", path, err)
		}
	}
	return nil
}

func within(path string, dirs []string) bool {
	for _, dir := range dirs {
		if below(path, dir) {
			return true
		}
	}
	return false
}

// forEverybody tells whether any user of the machine may connect to a socket file.
func forEverybody(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o002 == 0 {
		return false
	}
	for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
	}
	return true
}
