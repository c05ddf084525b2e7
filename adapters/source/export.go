package source

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
)

// export writes trees within bounds that submodules share.
type export struct {
	git   *Git
	bytes int64
	files int
	open  map[string]*mirror // by URL: a mirror is locked once, however submodules are nested
}

// maxDepth bounds submodules in submodules.
const maxDepth = 5

// entry is one line of `git ls-tree`.
type entry struct {
	mode, id, path string
	size           int64
}

// tree writes the tree of a commit below dir. It reads blobs as they are stored:
// attributes such as export-ignore, export-subst and line ending conversion
// don't touch the artifact.
func (x *export) tree(ctx context.Context, m *mirror, repo slipway.Repository, commit, dir string, depth int, log io.Writer) error {
	if depth > maxDepth {
		return slipway.Errorf(slipway.Refused, "submodules are nested more than %d deep", maxDepth)
	}
	out, err := m.run(ctx, long, "ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", commit)
	if err != nil {
		return err
	}
	entries, err := parseTree(out)
	if err != nil {
		return err
	}
	if err := x.check(entries); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the source could not be written: is the disk full?")
	}
	if err := x.blobs(ctx, m, entries, dir); err != nil {
		return err
	}
	return x.submodules(ctx, m, repo, commit, entries, dir, depth, log)
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
			return nil, slipway.Errorf(slipway.Refused, "the repository's tree can't be read")
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
		return slipway.Errorf(slipway.Refused, "the repository has more than %d files", x.git.o.MaxFiles)
	}
	for _, e := range entries {
		if path.IsAbs(e.path) || !filepath.IsLocal(e.path) || strings.EqualFold(strings.SplitN(e.path, "/", 2)[0], ".git") {
			return slipway.Errorf(slipway.Refused, "the repository holds a file with the unsafe name %q", clip(e.path, 80))
		}
		if e.size > x.git.o.MaxFileBytes {
			return slipway.Errorf(slipway.Refused, "%s has %d MB; at most %d MB a file are allowed: keep large files out of the repository", clip(e.path, 80), e.size>>20, x.git.o.MaxFileBytes>>20)
		}
		x.bytes -= e.size
		if x.bytes < 0 {
			return slipway.Errorf(slipway.Refused, "the repository's files are over %d MB together", x.git.o.MaxBytes>>20)
		}
	}
	return nil
}

// blobs streams all files through one `git cat-file --batch`. Links are written
// last, so that no file is ever written through one.
func (x *export) blobs(ctx context.Context, m *mirror, entries []entry, dir string) error {
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
		result, err := m.runTo(ctx, long, write, &ask, "cat-file", "--batch")
		if err == nil && !result.OK() {
			err = m.explain(result, "")
		}
		_ = write.CloseWithError(err)
		failed <- err
	}()
	err := writeBlobs(bufio.NewReaderSize(read, 1<<16), wanted, dir)
	_ = read.CloseWithError(err)
	if gitErr := <-failed; gitErr != nil && err == nil {
		return gitErr
	}
	return err
}

func writeBlobs(r *bufio.Reader, entries []entry, dir string) error {
	links := map[string]string{}
	for _, e := range entries {
		header, err := r.ReadString('\n')
		fields := strings.Fields(header)
		if err != nil || len(fields) != 3 || fields[1] != "blob" {
			return slipway.Wrap(slipway.Unavailable, err, "the repository's copy is incomplete; promote again")
		}
		size, _ := strconv.ParseInt(fields[2], 10, 64)
		content := io.LimitReader(r, size)
		if e.mode == "120000" {
			target, err := io.ReadAll(io.LimitReader(content, 4096))
			if err != nil {
				return err
			}
			links[e.path] = string(target)
		} else if err := writeFile(filepath.Join(dir, e.path), content, e.mode); err != nil {
			return slipway.Wrap(slipway.Unavailable, err, "the source could not be written: is the disk full?")
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return err
		}
		if _, err := r.Discard(1); err != nil {
			return err
		}
	}
	for name, target := range links {
		if filepath.IsAbs(target) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), target)) {
			return slipway.Errorf(slipway.Refused, "the link %s leaves the repository (it points to %s); remove it", clip(name, 80), clip(target, 80))
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(target, path); err != nil {
			return slipway.Wrap(slipway.Unavailable, err, "the link %s could not be written", clip(name, 80))
		}
	}
	return nil
}

func writeFile(path string, content io.Reader, mode string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	perm := os.FileMode(0o644)
	if mode == "100755" {
		perm = 0o755
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// submodules exports each submodule at the commit that the tree records.
func (x *export) submodules(ctx context.Context, m *mirror, repo slipway.Repository, commit string, entries []entry, dir string, depth int, log io.Writer) error {
	var urls map[string]string
	for _, e := range entries {
		if e.mode != "160000" {
			continue
		}
		if urls == nil {
			var err error
			if urls, err = m.submoduleURLs(ctx, commit); err != nil {
				return err
			}
		}
		raw := urls[e.path]
		if raw == "" {
			return slipway.Errorf(slipway.Refused, "the submodule %s has no URL in .gitmodules", clip(e.path, 80))
		}
		sub := slipway.Repository{URL: relativeURL(repo.URL, raw), Credential: repo.Credential}
		if err := sub.Validate(); err != nil {
			return slipway.Errorf(slipway.Refused, "the submodule %s: %w", clip(e.path, 80), err)
		}
		if strings.HasPrefix(sub.URL, "/") || strings.HasPrefix(sub.URL, "file:") {
			if !strings.HasPrefix(repo.URL, "/") && !strings.HasPrefix(repo.URL, "file:") {
				return slipway.Errorf(slipway.Refused, "the submodule %s points to a path of this machine", clip(e.path, 80))
			}
		}
		fmt.Fprintf(log, "submodule %s at %.12s\n", e.path, e.id)
		if err := x.submodule(ctx, sub, e, filepath.Join(dir, e.path), depth, log); err != nil {
			return err
		}
	}
	return nil
}

func (x *export) submodule(ctx context.Context, repo slipway.Repository, e entry, dir string, depth int, log io.Writer) error {
	m := x.open[repo.URL]
	if m == nil {
		opened, err := x.git.open(ctx, repo)
		if err != nil {
			return err
		}
		defer func() { delete(x.open, repo.URL); opened.close() }()
		m, x.open[repo.URL] = opened, opened
	}
	if err := m.fetch(ctx, e.id, ""); err != nil {
		return err
	}
	return x.tree(ctx, m, repo, e.id, dir, depth+1, log)
}

// submoduleURLs reads .gitmodules of a commit with git's own parser.
func (m *mirror) submoduleURLs(ctx context.Context, commit string) (map[string]string, error) {
	out, err := m.run(ctx, quick, "config", "--blob", commit+":.gitmodules", "--list", "-z")
	if err != nil {
		return nil, slipway.Errorf(slipway.Refused, "the repository has submodules but no readable .gitmodules")
	}
	paths, urls := map[string]string{}, map[string]string{}
	for item := range strings.SplitSeq(out, "\x00") {
		key, value, ok := strings.Cut(item, "\n")
		if !ok {
			continue
		}
		if name, ok := strings.CutSuffix(strings.TrimPrefix(key, "submodule."), ".path"); ok {
			paths[name] = value
		}
		if name, ok := strings.CutSuffix(strings.TrimPrefix(key, "submodule."), ".url"); ok {
			urls[name] = value
		}
	}
	byPath := map[string]string{}
	for name, p := range paths {
		byPath[p] = urls[name]
	}
	return byPath, nil
}

// relativeURL resolves a submodule's ./ or ../ URL as git does: against the
// URL of the repository that holds it.
func relativeURL(base, raw string) string {
	if !strings.HasPrefix(raw, "./") && !strings.HasPrefix(raw, "../") {
		return raw
	}
	prefix, rest := "", strings.TrimRight(base, "/")
	if i := strings.Index(rest, "://"); i >= 0 {
		slash := strings.Index(rest[i+3:], "/")
		if slash < 0 {
			return raw
		}
		prefix, rest = rest[:i+3+slash], rest[i+3+slash:]
	}
	return prefix + path.Join(rest, raw)
}
