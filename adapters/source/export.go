package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
)

// Export writes the tree of a commit into dir.
func (g *Git) Export(ctx context.Context, repo slipway.Repository, commit, dir string, log io.Writer) error {
	if !isFull(commit) {
		return slipway.Errorf(slipway.Invalid, "%q is not a full commit id", clip(commit, 80)).At("commit")
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return slipway.Errorf(slipway.Conflict, "the place for the source, %s, is not empty", dir)
	}
	tmp := dir + ".partial"
	if err := os.RemoveAll(tmp); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the place for the source can't be cleared")
	}
	defer os.RemoveAll(tmp)
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return unwritten(err)
	}
	root, err := os.OpenRoot(tmp)
	if err != nil {
		return unwritten(err)
	}
	defer root.Close()
	x := &export{git: g, root: root, log: log, bytes: g.o.MaxBytes, files: g.o.MaxFiles, made: map[string]bool{".": true}, links: map[string]string{}}
	for queue := []part{{repo: repo, commit: commit, path: "."}}; len(queue) > 0; queue = queue[1:] {
		more, err := x.part(ctx, queue[0])
		if err != nil {
			return err
		}
		queue = append(queue, more...)
	}
	if err := x.writeLinks(); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return slipway.Wrap(slipway.Conflict, err, "the place for the source, %s, is not empty", dir)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the source could not be put in place")
	}
	if x.pointers > 0 {
		fmt.Fprintf(log, "%d files are Git LFS pointers; what they point to is not fetched\n", x.pointers)
	}
	fmt.Fprintf(log, "exported %d files, %d bytes of commit %.12s\n", g.o.MaxFiles-x.files, g.o.MaxBytes-x.bytes, commit)
	return nil
}

// export writes trees within bounds that submodules share. All writing goes
// through root, which nothing can leave, and links come last of all, so that
// nothing is ever written through one.
type export struct {
	git      *Git
	root     *os.Root
	log      io.Writer
	bytes    int64
	files    int
	parts    int
	pointers int
	made     map[string]bool
	links    map[string]string // by path from the root
}

// part is one tree to write: the repository's own, or a submodule's.
type part struct {
	repo   slipway.Repository
	commit string
	path   string // below the root
	depth  int
}

// entry is one line of `git ls-tree`.
type entry struct {
	mode, id, path string
	size           int64
}

// part writes one tree and returns its submodules. It reads blobs as they are
// stored: attributes such as export-ignore, export-subst and line ending
// conversion don't touch the artifact.
func (x *export) part(ctx context.Context, p part) ([]part, error) {
	m, err := x.git.open(ctx, p.repo, x.log)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if err := m.fetch(ctx, p.commit, ""); err != nil {
		return nil, err
	}
	out, err := m.run(ctx, long, "ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", p.commit)
	if err != nil {
		return nil, err
	}
	entries, err := parseTree(out)
	if err != nil {
		return nil, err
	}
	if err := x.check(entries); err != nil {
		return nil, err
	}
	if err := x.mkdir(p.path); err != nil {
		return nil, err
	}
	if err := x.blobs(ctx, m, entries, p.path); err != nil {
		return nil, err
	}
	return x.submodules(ctx, m, p, entries)
}

func parseTree(out string) ([]entry, error) {
	var entries []entry
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		if line == "" {
			continue
		}
		meta, name, ok := strings.Cut(line, "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 4 {
			return nil, slipway.Errorf(slipway.Invalid, "the repository's tree can't be read; run git fsck on it")
		}
		size, _ := strconv.ParseInt(fields[3], 10, 64)
		entries = append(entries, entry{mode: fields[0], id: fields[2], size: size, path: name})
	}
	return entries, nil
}

// check refuses a tree before anything of it is written.
func (x *export) check(entries []entry) error {
	x.files -= len(entries)
	if x.files < 0 {
		return slipway.Errorf(slipway.Invalid, "the repository has more than %d files; remove what does not belong there", x.git.o.MaxFiles)
	}
	seen := make(map[string]bool, len(entries))
	for _, e := range entries {
		if unsafeName(e.path) || seen[e.path] {
			return slipway.Errorf(slipway.Invalid, "the repository holds a file with the unsafe name %q; run git fsck on it", clip(e.path, 80))
		}
		seen[e.path] = true
		if e.size > x.git.o.MaxFileBytes {
			return slipway.Errorf(slipway.Invalid, "%s has %d bytes; at most %d a file are allowed: keep large files out of the repository", clip(e.path, 80), e.size, x.git.o.MaxFileBytes)
		}
		x.bytes -= e.size
		if x.bytes < 0 {
			return slipway.Errorf(slipway.Invalid, "the repository's files are over %d bytes together; keep large files out of it", x.git.o.MaxBytes)
		}
	}
	for _, e := range entries {
		for dir := path.Dir(e.path); dir != "."; dir = path.Dir(dir) {
			if seen[dir] {
				return slipway.Errorf(slipway.Invalid, "the repository holds %q both as a file and as a directory; run git fsck on it", clip(dir, 80))
			}
		}
	}
	return nil
}

// unsafeName tells names that git would refuse to check out, and those that no
// file system takes.
func unsafeName(name string) bool {
	if len(name) > 3000 || path.IsAbs(name) || !filepath.IsLocal(name) {
		return true
	}
	return slices.ContainsFunc(strings.Split(name, "/"), func(s string) bool {
		return s == "" || s == "." || s == ".." || strings.EqualFold(s, ".git") || len(s) > 255
	})
}

// blobs streams all files of a tree through one `git cat-file --batch`.
func (x *export) blobs(ctx context.Context, m *mirror, entries []entry, at string) error {
	var ask bytes.Buffer
	var wanted []entry
	for _, e := range entries {
		if e.mode != "160000" {
			wanted = append(wanted, e)
			fmt.Fprintln(&ask, e.id)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	read, write := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		// Each blob comes with a header line of less than 200 bytes.
		result, err := m.runTo(ctx, long, x.git.o.MaxBytes+200*int64(len(wanted))+1<<20, write, &ask, "cat-file", "--batch", "--buffer")
		if err == nil && !result.OK() {
			err = m.explain(result, "")
		}
		_ = write.CloseWithError(err)
		failed <- err
	}()
	err := x.writeBlobs(bufio.NewReaderSize(read, 1<<16), wanted, at)
	_ = read.CloseWithError(err)
	if gitErr := <-failed; gitErr != nil && (err == nil || ctx.Err() != nil) {
		return gitErr
	}
	return err
}

func (x *export) writeBlobs(r *bufio.Reader, entries []entry, at string) error {
	for _, e := range entries {
		header, err := r.ReadString('\n')
		fields := strings.Fields(header)
		if err != nil || len(fields) != 3 || fields[1] != "blob" {
			return slipway.Wrap(slipway.Unavailable, err, "this machine's copy of the repository is incomplete; promote again")
		}
		size, _ := strconv.ParseInt(fields[2], 10, 64)
		content, name := io.LimitReader(r, size), path.Join(at, e.path)
		switch {
		case e.mode == "120000" && size > 4096:
			return slipway.Errorf(slipway.Invalid, "the link %s is longer than any path; remove it", clip(name, 80))
		case e.mode == "120000":
			target, err := io.ReadAll(content)
			if err != nil {
				return unwritten(err)
			}
			x.links[name] = string(target)
		default:
			if head, _ := r.Peek(int(min(size, 24))); size < 300 && string(head) == "version https://git-lfs." {
				x.pointers++
			}
			if err := x.writeFile(name, content, e.mode); err != nil {
				return unwritten(err)
			}
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return unwritten(err)
		}
		if _, err := r.Discard(1); err != nil {
			return slipway.Wrap(slipway.Unavailable, err, "this machine's copy of the repository is incomplete; promote again")
		}
	}
	return nil
}

func (x *export) mkdir(dir string) error {
	if x.made[dir] {
		return nil
	}
	if err := x.root.MkdirAll(dir, 0o755); err != nil {
		return unwritten(err)
	}
	x.made[dir] = true
	return nil
}

func (x *export) writeFile(name string, content io.Reader, mode string) error {
	if err := x.mkdir(path.Dir(name)); err != nil {
		return err
	}
	perm := os.FileMode(0o644)
	if mode == "100755" {
		perm = 0o755
	}
	f, err := x.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

func unwritten(err error) error {
	if slipway.CodeOf(err) != slipway.Internal {
		return err
	}
	return slipway.Wrap(slipway.Unavailable, err, "the source could not be written: is the disk full?")
}
