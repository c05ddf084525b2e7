package source

import (
	"cmp"
	"context"
	"errors"
	"os"
	pathpkg "path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

// remoteRefs lists what the remote advertises: reference to commit. HEAD is
// there under its own name, and "HEAD ref" tells the branch that it names.
func (m *mirror) remoteRefs(ctx context.Context) (map[string]string, error) {
	out, err := m.run(ctx, quick, "ls-remote", "--symref", "--", m.repo.URL)
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if target, ok := strings.CutPrefix(line, "ref: "); ok {
			if branch, name, ok := strings.Cut(target, "\t"); ok && name == "HEAD" {
				refs["HEAD ref"] = branch
			}
			continue
		}
		if id, name, ok := strings.Cut(line, "\t"); ok && isFull(id) {
			refs[name] = id
		}
	}
	return refs, nil
}

// choose finds what ref names: a branch, then a tag, then a commit. Two things of one
// name are told apart by who asks: branch says that it is the one to follow.
func (m *mirror) choose(ctx context.Context, refs map[string]string, ref string, branch bool) (id, name string, err error) {
	if ref == "" || ref == "HEAD" {
		if branch := refs["HEAD ref"]; refs[branch] != "" {
			return refs[branch], branch, nil
		}
		if refs["HEAD"] != "" {
			return refs["HEAD"], "HEAD", nil
		}
		return "", "", slipway.Errorf(slipway.Invalid, "the default branch of %s does not exist; name one with --branch: it has %s", m.shown, someBranches(refs)).At("branch")
	}
	// An annotated tag is advertised twice; the peeled line names the commit.
	tag := cmp.Or(refs["refs/tags/"+ref+"^{}"], refs["refs/tags/"+ref])
	if head := refs["refs/heads/"+ref]; head != "" && tag != "" && head != tag && !branch {
		return "", "", slipway.Errorf(slipway.Invalid, "%q is both a branch of %s, at %.12s, and a tag, at %.12s; write refs/heads/%s or refs/tags/%s", ref, m.shown, head, tag, ref, ref).At("ref")
	}
	for _, name := range []string{"refs/heads/" + ref, "refs/tags/" + ref + "^{}", "refs/tags/" + ref, ref + "^{}", ref} {
		if id := refs[name]; id != "" && name != "HEAD ref" {
			return id, strings.TrimSuffix(name, "^{}"), nil
		}
	}
	if hex := strings.ToLower(ref); len(hex) >= 7 && isHex(hex) {
		if isFull(hex) {
			return hex, hex, nil
		}
		if id, err := m.commitNamed(ctx, hex); err != nil || id != "" {
			return id, ref, err
		}
	}
	return "", "", slipway.Errorf(slipway.Invalid, "the repository %s has no branch, tag or commit %q; it has %s", m.shown, ref, someBranches(refs)).At("ref")
}

// commitNamed finds a commit by the beginning of its id, fetching the whole
// history when the mirror doesn't know it: only that can tell.
func (m *mirror) commitNamed(ctx context.Context, short string) (string, error) {
	for fetched := false; ; fetched = true {
		out, _ := m.run(ctx, quick, "rev-parse", "--disambiguate="+short)
		found := map[string]bool{}
		for _, object := range firstFew(strings.Fields(out), 20) {
			if !isFull(object) {
				continue
			}
			if id, err := m.run(ctx, quick, "rev-parse", "--verify", "--quiet", "--end-of-options", object+"^{commit}"); err == nil && strings.HasPrefix(id, short) {
				found[strings.TrimSpace(id)] = true
			}
		}
		switch {
		case len(found) > 1:
			return "", slipway.Errorf(slipway.Invalid, "%q is the beginning of several commits; give more of it", short).At("ref")
		case len(found) == 1:
			for id := range found {
				return id, nil
			}
		case fetched:
			return "", nil
		}
		if err := m.fetchFrom(ctx, m.whole("+refs/heads/*:refs/slipway/heads/*", "+refs/tags/*:refs/slipway/tags/*")...); err != nil {
			return "", err
		}
	}
}

// fetch brings a commit into the mirror, alone and without its history where
// the server allows that, else with the reference that holds it.
func (m *mirror) fetch(ctx context.Context, id, name string) error {
	byID, known := m.byID(id)
	if known || !byID && m.has(ctx, id) {
		return nil
	}
	// The reference makes the next fetch bring only what differs, and is written when
	// all is there that it refers to.
	err := m.fetchFrom(ctx, "--depth=1", "+"+id+":"+byIDs+id)
	if _, known = m.byID(id); err == nil && known || byID && m.has(ctx, id) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && !errors.As(err, new(*refusedID)) {
		return err
	}
	specs := []string{"+refs/heads/*:refs/slipway/heads/*", "+refs/tags/*:refs/slipway/tags/*"}
	if strings.HasPrefix(name, "refs/") {
		specs = []string{"+" + name + ":refs/slipway/fetched"}
	}
	if err := m.fetchFrom(ctx, m.whole(specs...)...); err != nil {
		return err
	}
	if !m.has(ctx, id) {
		return slipway.Errorf(slipway.Invalid, "the repository %s no longer has commit %.12s; was the branch pushed over? Promote again", m.shown, id).At("ref")
	}
	return nil
}

// byIDs is where commits are kept that the server gave out by their ids.
const byIDs = "refs/slipway/commits/"

// byID tells whether the server has ever given out a commit by its id, and whether
// it was this one. Starting git to be told is the slow way to know.
func (m *mirror) byID(id string) (ever, this bool) {
	_, err := os.Stat(filepath.Join(m.dir, byIDs, id))
	if err == nil {
		return true, true
	}
	entries, _ := os.ReadDir(filepath.Join(m.dir, byIDs))
	return len(entries) > 0, false
}

// whole are the arguments that fetch references with all their history, also
// what an earlier shallow fetch cut off.
func (m *mirror) whole(specs ...string) []string {
	args := []string{"--prune"}
	if _, err := os.Stat(filepath.Join(m.dir, "shallow")); err == nil {
		args = append(args, "--unshallow")
	}
	return append(args, specs...)
}

// fetchFrom fetches within the bound on the mirror's size. The last arguments
// are refspecs, the ones before them options.
func (m *mirror) fetchFrom(ctx context.Context, args ...string) error {
	run, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		look := time.NewTicker(200 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-look.C:
				if _, size := m.size(); size > m.git.o.MaxRepositoryBytes {
					cancel(errTooLarge)
				}
			case <-run.Done():
				return
			}
		}
	}()
	at := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })
	command := append([]string{"fetch", "--quiet", "--no-tags", "--force", "--no-write-fetch-head"}, args[:at]...)
	text, err := m.run(run, long, append(append(command, "--", m.repo.URL), args[at:]...)...)
	_, size := m.size()
	tooLarge := errors.Is(context.Cause(run), errTooLarge) || size > m.git.o.MaxRepositoryBytes
	cancel(nil)
	<-watched
	if tooLarge {
		m.broken = true
		return slipway.Errorf(slipway.Invalid, "the repository %s is larger than %d MB; keep large files out of it", m.shown, m.git.o.MaxRepositoryBytes>>20)
	}
	if err != nil && !errors.As(err, new(*refusedID)) {
		m.tell(text)
	}
	return err
}

var errTooLarge = errors.New("the repository is too large")

func (m *mirror) has(ctx context.Context, id string) bool {
	_, err := m.run(ctx, quick, "cat-file", "-e", id+"^{tree}")
	return err == nil
}

// directory refuses a path that is no directory of a commit. What lies behind a
// link or in a submodule is known only when the tree is exported.
func (m *mirror) directory(ctx context.Context, id, path string) error {
	if path = pathpkg.Clean(path); path == "." {
		return nil
	}
	var parts []string
	for i, r := range path + "/" {
		if r == '/' {
			parts = append(parts, path[:i])
		}
	}
	out, err := m.run(ctx, quick, append([]string{"ls-tree", "-t", "-z", "--full-tree", id, "--"}, parts...)...)
	if err != nil {
		return err
	}
	modes := map[string]string{}
	for entry := range strings.SplitSeq(out, "\x00") {
		if facts, name, ok := strings.Cut(entry, "\t"); ok {
			modes[name], _, _ = strings.Cut(facts, " ")
		}
	}
	for _, part := range parts {
		switch mode := modes[part]; mode {
		case "040000":
		case "120000", "160000":
			return nil
		case "":
			return slipway.Errorf(slipway.Invalid, "the repository %s has no directory %q; give the service's directory with --path", m.shown, clip(part, 200)).At("path")
		default:
			return slipway.Errorf(slipway.Invalid, "%q is a file in the repository %s; give the service's directory with --path", clip(part, 200), m.shown).At("path")
		}
	}
	return nil
}

// describe reads author, time and subject of a commit.
func (m *mirror) describe(ctx context.Context, id, ref string) (slipway.Commit, error) {
	out, err := m.run(ctx, quick, "show", "--no-patch", "--no-show-signature", "--no-notes", "--encoding=UTF-8", "--format=%H%x00%an <%ae>%x00%cn <%ce>%x00%ct%x00%s", "--end-of-options", id)
	if err != nil {
		return slipway.Commit{}, err
	}
	fields := strings.SplitN(strings.TrimSpace(out), "\x00", 5)
	if len(fields) != 5 || !isFull(fields[0]) {
		return slipway.Commit{}, slipway.Errorf(slipway.Invalid, "%q names something that is not a commit; give a branch, a tag or a commit", ref).At("ref")
	}
	seconds, _ := strconv.ParseInt(fields[3], 10, 64)
	return slipway.Commit{
		ID: fields[0], Ref: ref, Author: clip(fields[1], 200), Committer: clip(fields[2], 200), Time: time.Unix(seconds, 0).UTC(), Subject: clip(fields[4], 200),
	}, nil
}

func someBranches(refs map[string]string) string {
	var names []string
	for name := range refs {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			names = append(names, clip(branch, 60))
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return "no branches"
	case len(names) > 5:
		names = append(names[:5], "...")
	}
	return strings.Join(names, ", ")
}

func firstFew(all []string, n int) []string { return all[:min(n, len(all))] }
