package server

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/slipway-dev/slipway"
)

// inData are the files by which a data directory is known that was used before; of
// what else is in one, /var has some as well.
var inData = []string{"slipway.db", "temporal.db", "up.lock"}

// closeData keeps other users out of the data directory: there are modes inside
// that rely on it, such as those of releases. One of others, or one that is no data
// directory and has other things in it, is not changed.
func closeData(data string, log *slog.Logger) error {
	info, err := os.Stat(data)
	if err != nil {
		return slipway.Wrap(slipway.Invalid, err, "the data directory %s can't be looked at; choose another with --data", data)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode()
	if mode.Perm()&0o077 == 0 || !ok {
		return nil
	}
	if int(owner.Uid) != os.Geteuid() {
		log.Warn("others can enter the data directory, and it is another user's; let its owner close it: chmod 700 "+data, "mode", mode.Perm(), "owner", owner.Uid)
		return nil
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		return slipway.Wrap(slipway.Invalid, err, "the data directory %s can't be read; choose another with --data", data)
	}
	ours := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return slices.Contains(inData, e.Name()) })
	others := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != "lost+found" })
	if others && (!ours || mode&fs.ModeSticky != 0) { // such as /srv, or /tmp
		return slipway.Errorf(slipway.Invalid, "%s has other things in it, and others can enter it (%s); name a directory that is Slipway's alone, such as --data %s, or close it: chmod 700 %s", data, mode.Perm(), filepath.Join(data, "slipway"), data).At("data")
	}
	if err := os.Chmod(data, 0o700); err != nil { // #nosec G302 -- a directory
		return slipway.Wrap(slipway.Invalid, err, "others can enter the data directory %s (%s), and it can't be closed to them: chmod 700 it, or choose another with --data", data, mode.Perm())
	}
	log.Warn(fmt.Sprintf("others could enter the data directory (%s); it is its owner's alone now (0700)", mode.Perm()), "data", data)
	return nil
}
