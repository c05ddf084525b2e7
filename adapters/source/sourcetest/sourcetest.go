// Package sourcetest is the conformance suite of the Source port: every adapter
// runs it.
package sourcetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
)

// Run holds a source to the port's contract. open returns a fresh one; serve
// makes a real repository reachable for it.
func Run(t *testing.T, open func(t *testing.T) slipway.Source, serve func(t *testing.T, r Repo) slipway.Repository) {
	ctx := context.Background()
	t.Run("a reference names a commit", func(t *testing.T) {
		r := NewRepo(t)
		lost := r.Commit("a.txt", "zero")
		first := r.Commit("a.txt", "one")
		r.Git("tag", "-a", "v1", "-m", "the first")
		r.Git("tag", "-a", "v1-again", "-m", "a tag of a tag", "v1")
		r.Git("tag", "light")
		r.Git("branch", "release/1")
		second := r.Commit("a.txt", "two")
		s, repo := open(t), serve(t, r)
		for _, c := range []struct{ ref, want string }{
			{"", second}, {"main", second}, {"HEAD", second}, {"refs/heads/main", second}, {"v1", first}, {"v1-again", first}, {"light", first},
			{"release/1", first}, {first, first}, {strings.ToUpper(first), first}, {first[:10], first}, {lost[:9], lost}, {lost, lost},
		} {
			got, err := s.Resolve(ctx, repo, c.ref)
			if err != nil || got.ID != c.want {
				t.Errorf("%q: %v %v", c.ref, got, err)
				continue
			}
			if got.Author != "Ada <ada@team.example>" || got.Committer != "Ada <ada@team.example>" || got.Subject != "Change a.txt" || got.Time.IsZero() {
				t.Errorf("%q: %+v", c.ref, got)
			}
		}
		r.Git("tag", "-a", "twice", "-m", "also a branch", first)
		r.Git("branch", "twice", second)
		if got, err := s.Resolve(ctx, repo, "twice"); slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "refs/tags/twice") {
			t.Errorf("a branch and a tag of one name: %v %v", got, err)
		}
		for ref, want := range map[string]string{"refs/heads/twice": second, "refs/tags/twice": first} {
			if got, err := s.Resolve(ctx, repo, ref); err != nil || got.ID != want {
				t.Errorf("%s: %v %v", ref, got, err)
			}
		}
		repo.Branch = "twice"
		if got, err := s.Resolve(ctx, repo, ""); err != nil || got.ID != second {
			t.Errorf("the branch that a service follows: %v %v", got, err)
		}
		repo.Branch = "release/1"
		if got, err := s.Resolve(ctx, repo, ""); err != nil || got.ID != first {
			t.Errorf("the repository's branch: %v %v", got, err)
		}
	})
	t.Run("what lies between two commits", func(t *testing.T) {
		r := NewRepo(t)
		first := r.Commit("a.txt", "one")
		second := r.Commit("a.txt", "two")
		third := r.Commit("b.txt", "three")
		r.Git("checkout", "-q", "-b", "other", first)
		other := r.Commit("a.txt", "other")
		r.Git("checkout", "-q", "main")
		s, repo := open(t), serve(t, r)
		if _, err := s.Resolve(ctx, repo, "main"); err != nil { // which fetches it without its history
			t.Fatal(err)
		}
		ids := func(log slipway.CommitLog) (out []string) {
			for _, c := range log.Commits {
				out = append(out, c.ID)
			}
			return out
		}
		for _, c := range []struct {
			from, to      string
			limit         int
			want          []string
			more, rewound bool
		}{
			{first, third, 10, []string{third, second}, false, false},
			{first, third, 1, []string{third}, true, false},
			{third, third, 10, nil, false, false},
			{third, first, 10, nil, false, true},
			{other, third, 10, []string{third, second}, false, true},
			{strings.Repeat("e", 40), third, 10, []string{third, second, first}, false, true},
			{"", third, 10, []string{third, second, first}, false, false},
			{"", third, 2, []string{third, second}, true, false},
		} {
			log, err := s.Log(ctx, repo, c.from, c.to, c.limit)
			if err != nil || strings.Join(ids(log), " ") != strings.Join(c.want, " ") || log.More != c.more || log.Rewound != c.rewound {
				t.Errorf("%.7s to %.7s: %v %+v, want %v", c.from, c.to, err, log, c.want)
			}
			if len(log.Commits) > 0 && (log.Commits[0].Author != "Ada <ada@team.example>" || log.Commits[0].Committer != "Ada <ada@team.example>" || log.Commits[0].Subject == "" || log.Commits[0].Time.IsZero()) {
				t.Errorf("%+v", log.Commits[0])
			}
		}
	})
	t.Run("what a clone knows of its history", func(t *testing.T) {
		r := NewRepo(t)
		r.Commit("a.txt", "one")
		r.Git("tag", "-a", "v1", "-m", "the first")
		r.Git("tag", "light")
		r.Git("config", "uploadpack.allowFilter", "true") // as the large servers have it
		r.Commit("b/b.txt", "two")
		r.Link("a.txt", "link")
		r.Git("checkout", "-q", "-b", "side", "HEAD~1")
		r.Commit("c.txt", "side")
		r.Git("tag", "-a", "v2", "-m", "elsewhere")
		r.Git("checkout", "-q", "main")
		commit := r.Git("rev-parse", "HEAD")
		s, repo := open(t), serve(t, r)
		tree := filepath.Join(t.TempDir(), "tree")
		if err := s.Export(ctx, repo, commit, tree, io.Discard); err != nil {
			t.Fatal(err)
		}
		for n := range 2 { // with what is there already, too
			dir := filepath.Join(t.TempDir(), "git")
			if err := s.History(ctx, repo, commit, dir, io.Discard); err != nil {
				t.Fatal(err)
			}
			clone := Repo{t, tree}
			if err := os.RemoveAll(filepath.Join(tree, ".git")); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(filepath.Join(tree, ".git"), os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{"describe", "--tags", "--long", "--dirty", "--always"}, {"describe", "--long", "--match", "v*"}, {"rev-parse", "HEAD"}, {"rev-list", "--count", "HEAD"},
				{"log", "--format=%H %an %ct %s %D", "HEAD~1"}, {"status", "--porcelain"}, {"tag", "--merged"}, {"ls-files", "-s"}, {"archive", "--format=tar", "HEAD"},
			} {
				if got, want := clone.Git(args...), r.Git(args...); got != want {
					t.Errorf("%d: git %v: %q, want %q", n, args, got, want)
				}
			}
			config, err := os.ReadFile(filepath.Join(dir, "config"))
			if err != nil || strings.Contains(string(config), "://") {
				t.Errorf("%s %v", config, err)
			}
			// A tag that came later is a tag.
			r.Git("tag", "-a", fmt.Sprintf("v1.%d", n+1), "-m", "later")
		}
		if err := s.History(ctx, repo, strings.Repeat("0", 40), filepath.Join(t.TempDir(), "git"), io.Discard); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("a commit that isn't there: %v", err)
		}
	})
	t.Run("a branch pushed over", func(t *testing.T) {
		r := NewRepo(t)
		first := r.Commit("a.txt", "one")
		r.Commit("a.txt", "two")
		s, repo := open(t), serve(t, r)
		if _, err := s.Resolve(ctx, repo, "main"); err != nil {
			t.Fatal(err)
		}
		r.Git("reset", "-q", "--hard", first)
		third := r.Commit("a.txt", "three")
		if got, err := s.Resolve(ctx, repo, "main"); err != nil || got.ID != third {
			t.Errorf("%v %v", got, err)
		}
		// A branch that stands where a directory of branches was.
		r.Git("branch", "topic")
		if _, err := s.Resolve(ctx, repo, "topic"); err != nil {
			t.Error(err)
		}
		r.Git("branch", "-D", "topic")
		r.Git("checkout", "-q", "-b", "topic/one")
		fourth := r.Commit("a.txt", "four")
		if got, err := s.Resolve(ctx, repo, "topic/one"); err != nil || got.ID != fourth {
			t.Errorf("%v %v", got, err)
		}
	})
	t.Run("what can't be resolved", func(t *testing.T) {
		r, empty := NewRepo(t), NewRepo(t)
		tree := r.Git("rev-parse", r.Commit("a.txt", "one")+"^{tree}")
		r.Git("tag", "a-tree", tree)
		r.Link("deep", "link")
		r.Commit("deep/a.txt", "two")
		s := open(t)
		full, none := serve(t, r), serve(t, empty)
		for _, c := range []struct {
			repo slipway.Repository
			ref  string
			code slipway.Code
			says string
		}{
			{full, "nowhere", slipway.Invalid, "it has main"},
			{full, "abcdef012", slipway.Invalid, "it has main"},
			{full, strings.Repeat("ab", 20), slipway.Invalid, "abababababab"},
			{full, "a-tree", slipway.Invalid, "not a commit"},
			{full, "--upload-pack=touch /tmp/x", slipway.Invalid, "not a branch"},
			{full, "-x", slipway.Invalid, "not a branch"},
			{full, strings.Repeat("a", 300), slipway.Invalid, "not a branch"},
			{none, "", slipway.Invalid, "empty"},
			{at(full, "nowhere"), "", slipway.Invalid, `has no directory "nowhere"; give the service's directory with --path`},
			{at(full, "deep/nowhere/er"), "", slipway.Invalid, `has no directory "deep/nowhere"`},
			{at(full, "*"), "", slipway.Invalid, `has no directory "*"`},
			{at(full, "--help"), "", slipway.Invalid, `has no directory "--help"`},
			{at(full, "deep/a.txt"), "", slipway.Invalid, `"deep/a.txt" is a file`},
			{slipway.Repository{URL: "ext::sh -c true"}, "", slipway.Invalid, ""},
			{slipway.Repository{URL: "--upload-pack=true"}, "", slipway.Invalid, ""},
			{slipway.Repository{URL: "https://user:pass@host/x.git"}, "", slipway.Invalid, "password"}, // #nosec G101 -- the password that must be refused
		} {
			_, err := s.Resolve(ctx, c.repo, c.ref)
			if slipway.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s %q: %s %v", c.repo.URL, c.ref, slipway.CodeOf(err), err)
			}
		}
		// What is there, and what only the export can tell.
		for _, path := range []string{".", "deep", "./deep/", "link", "link/into"} {
			if _, err := s.Resolve(ctx, at(full, path), ""); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
	t.Run("an export is exact", func(t *testing.T) {
		r := NewRepo(t)
		r.Write(".gitattributes", "secret.txt export-ignore\nv.txt export-subst\n*.txt text eol=crlf\n", 0o644)
		r.Write("run.sh", "#!/bin/sh\n", 0o755)
		r.Write("empty", "", 0o644)
		r.Write("deep/er/ünïcode name\n.txt", "kept\n", 0o644)
		r.Link("secret.txt", "link")
		r.Link("nothing", "dangling")
		r.Link("../link", "deep/up")
		r.Commit("secret.txt", "kept\n")
		commit := r.Commit("v.txt", "$Format:%H$\n")
		r.Commit("later.txt", "not in it")
		dir := filepath.Join(t.TempDir(), "made", "tree")
		if err := open(t).Export(ctx, serve(t, r), commit, dir, &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"secret.txt": "kept\n", "v.txt": "$Format:%H$\n", "link": "kept\n", "deep/up": "kept\n", "empty": "", "deep/er/ünïcode name\n.txt": "kept\n",
		} {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
				t.Errorf("%s: %q %v", name, got, err)
			}
		}
		for name, want := range map[string]os.FileMode{"run.sh": 0o100, "v.txt": 0} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode()&0o100 != want {
				t.Errorf("%s: %v %v", name, info, err)
			}
		}
		if target, err := os.Readlink(filepath.Join(dir, "dangling")); err != nil || target != "nothing" {
			t.Errorf("%s %v", target, err)
		}
		for _, name := range []string{".git", "later.txt"} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				t.Errorf("%s is in the export", name)
			}
		}
	})
	t.Run("where an export goes", func(t *testing.T) {
		r := NewRepo(t)
		commit := r.Commit("a.txt", "one")
		s, repo := open(t), serve(t, r)
		empty, full := t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Export(ctx, repo, commit, empty, &bytes.Buffer{}); err != nil {
			t.Errorf("into an empty directory: %v", err)
		}
		if err := s.Export(ctx, repo, commit, full, &bytes.Buffer{}); slipway.CodeOf(err) != slipway.Conflict {
			t.Errorf("into a full directory: %v", err)
		}
		if _, err := os.Stat(filepath.Join(full, "mine")); err != nil {
			t.Error("what was there is gone")
		}
		for _, bad := range []string{"", "main", commit[:12], "--all"} {
			if err := s.Export(ctx, repo, bad, filepath.Join(t.TempDir(), "x"), &bytes.Buffer{}); slipway.CodeOf(err) != slipway.Invalid {
				t.Errorf("commit %q: %v", bad, err)
			}
		}
	})
	t.Run("links may not leave", func(t *testing.T) {
		for name, links := range map[string][][2]string{
			"out":             {{"../../etc/passwd", "out"}},
			"absolute":        {{"/etc/passwd", "out"}},
			"through another": {{"../..", "a/b/up"}, {"a/b/up/../../etc", "out"}},
			"in a circle":     {{"two", "one"}, {"one", "two"}},
		} {
			r := NewRepo(t)
			r.Write("a/b/c", "", 0o644)
			for _, l := range links {
				r.Link(l[0], l[1])
			}
			dir := filepath.Join(t.TempDir(), "tree")
			err := open(t).Export(ctx, serve(t, r), r.Commit("x", ""), dir, &bytes.Buffer{})
			if slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "link") {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := os.Lstat(dir); err == nil {
				t.Errorf("%s: a refused export was left behind", name)
			}
		}
	})
	t.Run("at once", func(t *testing.T) {
		r := NewRepo(t)
		commit := r.Commit("a.txt", "one")
		s, repo, place := open(t), serve(t, r), t.TempDir()
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if _, err := s.Resolve(ctx, repo, "main"); err != nil {
					t.Error(err)
				}
				if err := s.Export(ctx, repo, commit, filepath.Join(place, strconv.Itoa(i)), &bytes.Buffer{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
	t.Run("an ended context ends the work", func(t *testing.T) {
		r := NewRepo(t)
		commit := r.Commit("a.txt", "one")
		ended, cancel := context.WithCancel(ctx)
		cancel()
		dir := filepath.Join(t.TempDir(), "tree")
		if err := open(t).Export(ended, serve(t, r), commit, dir, &bytes.Buffer{}); err == nil {
			t.Error("exported all the same")
		}
		if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// at is a service's directory in a repository.
func at(repo slipway.Repository, path string) slipway.Repository {
	repo.Path = path
	return repo
}
