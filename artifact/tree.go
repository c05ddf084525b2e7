// Package artifact knows how a release lies on disk, and finds out whether it is
// still what was built. It reads; only the builder writes artifacts.
package artifact

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A tree's record holds, of each file, what stat says of it and the hash of its
// content, as git's index does. A file whose size, mode, inode, time of change and
// time of modification are as recorded has the recorded content: nobody can set
// the time of change (ctime), not even root without moving the machine's clock.
// What differs is hashed again, so that a restored backup or a moved directory is
// found right, only slower.
//
// The hashes of the record are believed as far as they give the tree's digest,
// which is kept elsewhere: in a release's own digest. Compiled Python, which holds
// times, is not part of a digest; of that the record itself is the only witness.
// It lies where no code of a project may write.

// file is what is recorded of one path.
type file struct {
	path   string // from the tree's root
	mode   fs.FileMode
	size   int64
	inode  uint64
	change int64  // ctime, in nanoseconds
	modify int64  // mtime
	sum    string // the hash of the content; of a link where it points, in hex
}

// racy is how close to its recording a file may have changed and still be hashed
// again at the next look: within one tick of the clock of file systems two contents
// can have one time.
const racy = 100 * time.Millisecond

// Digest covers every path, executable bit, link and content below a directory, but
// what Python compiles into __pycache__.
func Digest(ctx context.Context, dir string) (string, error) {
	files, err := read(ctx, dir, nil)
	return digest(files), err
}

// Keep writes the record of a tree that is complete, and returns its digest.
func Keep(ctx context.Context, dir, record string) (string, error) {
	files, err := read(ctx, dir, nil)
	if err != nil {
		return "", err
	}
	return digest(files), write(record, files)
}

// Compare looks at a tree again: it returns its digest now, and the paths that are
// not as they were recorded, compiled Python included. A tree without a record is
// an error that is fs.ErrNotExist.
func Compare(ctx context.Context, dir, record string) (now string, differs []string, err error) {
	before, err := load(record)
	if err != nil {
		return "", nil, err
	}
	known := make(map[string]file, len(before))
	for _, f := range before {
		known[f.path] = f
	}
	files, err := read(ctx, dir, known)
	if err != nil {
		return "", nil, err
	}
	again := false
	for _, f := range files {
		old, there := known[f.path]
		delete(known, f.path)
		switch {
		case !there:
			differs = append(differs, f.path+" was added")
		case old.sum != f.sum || old.mode.Type() != f.mode.Type() || executable(old.mode) != executable(f.mode):
			differs = append(differs, f.path+" was changed")
		case old != f:
			again = true
		}
	}
	for path := range known {
		differs = append(differs, path+" was removed")
	}
	slices.Sort(differs)
	if again && len(differs) == 0 {
		// It is the same by its content: the next look is quick again. A record that
		// can't be written costs time, nothing else.
		_ = write(record, files)
	}
	return digest(files), differs, nil
}

// read lists a tree in a fixed order; of what is as known says, the content isn't
// read.
func read(ctx context.Context, dir string, known map[string]file) ([]file, error) {
	var files []file
	var unknown []int
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return ctx.Err()
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		f := file{path: rel, mode: info.Mode(), size: info.Size(), modify: info.ModTime().UnixNano()}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			f.inode, f.change = stat.Ino, stat.Ctim.Nano()
		}
		old, there := known[rel]
		f.sum = old.sum
		if !there || old != f {
			unknown = append(unknown, len(files))
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return files, contents(ctx, dir, files, unknown)
}

// contents reads some of the files, by all processors.
func contents(ctx context.Context, dir string, files []file, some []int) error {
	var next atomic.Int64
	var group sync.WaitGroup
	problems := make([]error, runtime.GOMAXPROCS(0))
	for n := range problems {
		group.Go(func() {
			for problems[n] == nil && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(some) {
					return
				}
				f := &files[some[i]]
				f.sum, problems[n] = contentOf(filepath.Join(dir, f.path), f.mode)
			}
		})
	}
	group.Wait()
	return errors.Join(append(problems, ctx.Err())...)
}

func contentOf(path string, mode fs.FileMode) (string, error) {
	if mode&fs.ModeSymlink != 0 {
		target, err := os.Readlink(path)
		return hex.EncodeToString([]byte(target)), err
	}
	if !mode.IsRegular() {
		return "-", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

func executable(mode fs.FileMode) bool { return mode&0o111 != 0 }

// digest leaves out what holds times.
func digest(files []file) string {
	sum := sha256.New()
	for _, f := range files {
		switch {
		case strings.HasPrefix(f.path, "__pycache__/") || strings.Contains(f.path, "/__pycache__/"):
		case f.mode&fs.ModeSymlink != 0:
			target, _ := hex.DecodeString(f.sum)
			fmt.Fprintf(sum, "link %q %q\n", f.path, target)
		default:
			fmt.Fprintf(sum, "file %q %v %s\n", f.path, executable(f.mode), f.sum)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// write puts a record in place at once. Files that changed a moment ago are
// recorded as unknown, so that the next look reads them.
func write(record string, files []file) error {
	out, err := os.CreateTemp(filepath.Dir(record), ".record-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	now := time.Now().Add(-racy).UnixNano()
	buffered := bufio.NewWriter(out)
	for _, f := range files {
		if f.change > now {
			f.change = 0
		}
		fmt.Fprintf(buffered, "%o %d %d %d %d %s %q\n", uint32(f.mode), f.size, f.inode, f.change, f.modify, f.sum, f.path)
	}
	err = errors.Join(buffered.Flush(), out.Close())
	if err == nil {
		err = os.Rename(out.Name(), record)
	}
	return err
}

func load(record string) ([]file, error) {
	text, err := os.ReadFile(record)
	if err != nil {
		return nil, err
	}
	var files []file
	for line := range strings.Lines(string(text)) {
		f, err := parse(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("the record %s is damaged: %w", record, err)
		}
		files = append(files, f)
	}
	return files, nil
}

func parse(line string) (f file, err error) {
	fields := strings.SplitN(line, " ", 7)
	if len(fields) != 7 {
		return f, errors.New("a line is cut short")
	}
	mode, err1 := strconv.ParseUint(fields[0], 8, 32)
	size, err2 := strconv.ParseInt(fields[1], 10, 64)
	inode, err3 := strconv.ParseUint(fields[2], 10, 64)
	change, err4 := strconv.ParseInt(fields[3], 10, 64)
	modify, err5 := strconv.ParseInt(fields[4], 10, 64)
	path, err6 := strconv.Unquote(fields[6])
	f = file{path: path, mode: fs.FileMode(mode), size: size, inode: inode, change: change, modify: modify, sum: fields[5]}
	return f, errors.Join(err1, err2, err3, err4, err5, err6)
}
