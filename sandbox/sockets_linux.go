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

// A socket file that asks who connects takes a confined command for the user that
// it runs as: Docker's would give it the machine. So of what listens now only what
// everybody may connect to is left in a view; the others have nothing in their place.

// hideSockets covers the socket files that are for the command's user alone and lie
// outside what it may change.
func hideSockets(rules []rule) error {
	table, err := os.Open("/proc/net/unix")
	if err != nil {
		return nil // no process table; then there is no view either
	}
	defer table.Close()
	var own []string
	for _, r := range rules {
		if r.Rights&unix.LANDLOCK_ACCESS_FS_WRITE_FILE != 0 {
			if real, err := filepath.EvalSymlinks(r.Path); err == nil {
				own = append(own, real)
			}
		}
	}
	for lines := bufio.NewScanner(table); lines.Scan(); {
		_, path, named := strings.Cut(lines.Text(), " /") // no column before it has a slash
		if !named {
			continue
		}
		path, err := filepath.EvalSymlinks("/" + path)
		if err != nil || forEverybody(path) || within(path, own) {
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
