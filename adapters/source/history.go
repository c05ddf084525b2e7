package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway"
)

// ofCommits is the kind of the mirror that holds commits and tags without their
// trees, where the server can leave them out. It is apart from the one that files
// are exported from: to have a commit means there to have its files.
const ofCommits = "-commits"

// History makes a git directory by hand, of two packs: the commits and tags of one
// mirror, the files of the other.
func (g *Git) History(ctx context.Context, repo slipway.Repository, commit, dir string, log io.Writer) error {
	if !isFull(commit) {
		return slipway.Errorf(slipway.Invalid, "%q is not a full commit id", clip(commit, 80)).At("commit")
	}
	if _, err := os.Lstat(dir); err == nil {
		return slipway.Errorf(slipway.Conflict, "the place for the history, %s, is taken", dir)
	}
	made := false
	defer func() {
		if !made {
			_ = os.RemoveAll(dir)
		}
	}()
	for _, sub := range []string{"objects/info", "objects/pack", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return unwritten(err)
		}
	}
	tags, commits, err := g.commitsTo(ctx, repo, commit, dir, log)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"HEAD": commit + "\n", "packed-refs": tags, "config": "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return unwritten(err)
		}
	}
	if err := g.filesOf(ctx, repo, commit, dir, log); err != nil {
		return err
	}
	made = true
	fmt.Fprintf(log, "the history has %d commits and %d tags\n", commits, strings.Count(tags, " refs/tags/"))
	return nil
}

// commitsTo writes the commits that lead to one, and returns the tags on them, as
// packed-refs has them.
func (g *Git) commitsTo(ctx context.Context, repo slipway.Repository, commit, dir string, log io.Writer) (tags string, commits int, err error) {
	m, err := g.openKind(ctx, repo, log, ofCommits)
	if err != nil {
		return "", 0, err
	}
	defer m.close()
	const allTags = "+refs/tags/*:refs/tags/*"
	err = m.fetchFrom(ctx, "--prune", "--filter=tree:0", "+"+commit+":"+byIDs+commit, allTags)
	if errors.As(err, new(*refusedID)) {
		err = m.fetchFrom(ctx, "--prune", "--filter=tree:0", "+refs/heads/*:refs/slipway/heads/*", allTags)
	}
	if err != nil {
		return "", 0, err
	}
	// It is here without its tree, of which m.has would miss the files.
	if _, err := m.run(ctx, quick, "cat-file", "-e", commit); err != nil {
		if ctx.Err() != nil {
			return "", 0, ctx.Err()
		}
		return "", 0, slipway.Errorf(slipway.Invalid, "the repository %s no longer has commit %.12s; was the branch pushed over? Promote again", m.shown, commit).At("ref")
	}
	ids, err := m.run(ctx, long, "rev-list", commit)
	if err != nil {
		return "", 0, err
	}
	commits = strings.Count(ids, "\n")
	refs, err := m.run(ctx, quick, "for-each-ref", "--merged="+commit, "--sort=refname", "--format=%(objectname) %(objecttype) %(*objectname) %(*objecttype) %(refname)", "refs/tags")
	if err != nil {
		return "", 0, err
	}
	var packed strings.Builder
	for line := range strings.Lines(refs) {
		f := strings.Split(strings.TrimSpace(line), " ")
		if len(f) != 5 {
			continue
		}
		fmt.Fprintf(&packed, "%s %s\n", f[0], f[4])
		for _, tag := range [][2]string{{f[0], f[1]}, {f[2], f[3]}} { // an annotated one is an object of its own, and may name another
			if tag[1] == "tag" {
				ids += tag[0] + "\n"
			}
		}
	}
	return packed.String(), commits, m.pack(ctx, ids, dir)
}

// filesOf writes the files of a commit, and the index that a checkout of it has.
func (g *Git) filesOf(ctx context.Context, repo slipway.Repository, commit, dir string, log io.Writer) error {
	m, err := g.open(ctx, repo, log)
	if err != nil {
		return err
	}
	defer m.close()
	if err := m.fetch(ctx, commit, ""); err != nil {
		return err
	}
	ids, err := m.run(ctx, long, "rev-list", "--objects", "--no-walk", commit)
	if err != nil {
		return err
	}
	if err := m.pack(ctx, ids, dir); err != nil {
		return err
	}
	index := filepath.Join(m.dir, "history.index")
	if _, err := m.run(ctx, long, "read-tree", "--index-output="+index, commit); err != nil {
		return err
	}
	return moved(index, filepath.Join(dir, "index"))
}

// pack writes objects as a pack of a git directory.
func (m *mirror) pack(ctx context.Context, ids, dir string) error {
	var said bytes.Buffer
	// Beside git's own packs, from where it moves what it has written: what is confined
	// moves nothing from one of its directories to another.
	base := filepath.Join(m.dir, "objects", "pack", "history")
	result, err := m.runTo(ctx, long, 1<<20, &said, strings.NewReader(ids), "pack-objects", "--quiet", base)
	if err != nil {
		return err
	}
	if !result.OK() {
		return m.explain(result, slipway.Scrub(said.String(), m.mask))
	}
	files, err := filepath.Glob(base + "-*")
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := moved(file, filepath.Join(dir, "objects", "pack", filepath.Base(file))); err != nil {
			return err
		}
	}
	return nil
}

// moved copies a file that git made and removes it.
func moved(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return unwritten(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return unwritten(err)
	}
	if _, err = io.Copy(out, in); err == nil {
		err = os.Remove(from)
	}
	return unwrittenOr(errors.Join(err, out.Close()))
}

func unwrittenOr(err error) error {
	if err == nil {
		return nil
	}
	return unwritten(err)
}
