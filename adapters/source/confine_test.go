package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/internal/layertest"
	"github.com/slipway-dev/slipway/sandbox"
)

// planted is in files that no git may read.
const planted = "planted-7c2e"

func put(t *testing.T, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Ada", "-c", "user.email=ada@team.example"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// repository makes one with a file, and returns its commit.
func repository(t *testing.T, dir, text string) string {
	t.Helper()
	put(t, filepath.Join(dir, "a.txt"), text)
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "add", "--all")
	git(t, dir, "commit", "-q", "-m", "Change")
	return git(t, dir, "rev-parse", "HEAD")
}

// TestGitReachesItsOwnOnly runs, in the place of a git that a hostile server has
// taken over, a shell: by an alias, which no repository can set.
func TestGitReachesItsOwnOnly(t *testing.T) {
	layertest.Needs(t, sandbox.Protection().Landlock > 0, "Landlock")
	stated, data := t.TempDir(), t.TempDir()
	repository(t, filepath.Join(stated, "team"), "one")
	repository(t, filepath.Join(stated, "other"), planted)
	put(t, filepath.Join(data, "secrets", "key"), planted)
	put(t, filepath.Join(data, "mirrors", "other.git", "config"), planted)
	g := New(Options{Dir: filepath.Join(data, "mirrors"), Private: data, Repositories: []string{stated}})
	m, err := g.open(t.Context(), slipway.Repository{URL: filepath.Join(stated, "team")}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	mirrors := filepath.Join(data, "mirrors")
	attacks := map[string]string{
		"read a secret":                          "cat " + data + "/secrets/key",
		"read another mirror":                    "cat " + mirrors + "/other.git/config",
		"read a repository beside it":            "cat " + stated + "/other/a.txt",
		"write to the repository":                "echo x >" + stated + "/team/x",
		"write to another mirror":                "echo x >" + mirrors + "/other.git/config",
		"change git's settings":                  "echo x >>" + mirrors + "/gitconfig",
		"name a repository as the operator does": "echo /etc >>" + mirrors + "/admitted",
		"list the mirrors":                       "ls " + mirrors + "/other.git",
		"leave something in the data directory":  "touch " + data + "/left",
		"signal the platform":                    fmt.Sprintf("kill -0 %d", os.Getpid()),
		"read the platform's environment":        fmt.Sprintf("cat /proc/%d/environ", os.Getpid()),
		"read password hashes":                   "cat /etc/shadow",
	}
	own := map[string]string{"write to the mirror": "touch " + m.dir + "/x", "write to its home": "touch $HOME/x $TMPDIR/y", "read the repository": "cat " + stated + "/team/a.txt"}
	try := func(what, shell string) bool {
		var out bytes.Buffer
		result, err := m.runTo(t.Context(), quick, 1<<20, &out, nil, "-c", "alias.attack=!"+shell, "attack")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), planted) {
			t.Errorf("%s: %s", what, out.String())
		}
		return result.OK()
	}
	for what, shell := range attacks {
		if what == "signal the platform" && !sandbox.Protection().Signals && !sandbox.Protection().Namespaces {
			t.Run(what, func(t *testing.T) { layertest.Needs(t, false, "bounds on signals") })
			continue
		}
		if try(what, shell) {
			t.Errorf("git could %s", what)
		}
	}
	for what, shell := range own {
		if !try(what, shell) {
			t.Errorf("git could not %s", what)
		}
	}
}

// TestBorrowedObjects has a repository name the objects of others as its own: those
// of a mirror in the data directory, by which it would give out what it never had,
// and those of repositories that it may borrow of.
func TestBorrowedObjects(t *testing.T) {
	stated, data, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
	o := Options{Dir: filepath.Join(data, "mirrors"), Private: data, Repositories: []string{stated}}
	borrowing := func(of string, commit string) slipway.Repository {
		dir := filepath.Join(t.TempDir(), "team")
		repository(t, dir, "one")
		put(t, filepath.Join(dir, ".git", "objects", "info", "alternates"), filepath.Join(of, "objects")+"\n")
		put(t, filepath.Join(dir, ".git", "refs", "heads", "main"), commit+"\n")
		to := filepath.Join(stated, filepath.Base(filepath.Dir(dir)))
		if err := os.Rename(dir, to); err != nil {
			t.Fatal(err)
		}
		return slipway.Repository{URL: to}
	}
	export := func(repo slipway.Repository, commit string) (string, error) {
		dir := filepath.Join(t.TempDir(), "tree")
		err := New(o).Export(context.Background(), repo, commit, dir, io.Discard)
		text, _ := os.ReadFile(filepath.Join(dir, "a.txt"))
		return string(text), err
	}
	for name, of := range map[string]string{
		"a mirror": filepath.Join(data, "mirrors", "other"), "one that nobody stated": filepath.Join(elsewhere, "other"),
		"one that is stated": filepath.Join(stated, "other"), "one that the operator named": filepath.Join(elsewhere, "named"),
	} {
		commit := repository(t, of, planted)
		may := strings.HasPrefix(name, "one that is") || strings.HasPrefix(name, "one that the")
		if strings.HasPrefix(name, "one that the") {
			if err := New(o).Admit(slipway.Repository{URL: of}); err != nil {
				t.Fatal(err)
			}
		}
		text, err := export(borrowing(filepath.Join(of, ".git"), commit), commit)
		switch {
		case may && (err != nil || text != planted):
			t.Errorf("%s: %q %v", name, text, err)
		case !may && sandbox.Protection().Landlock > 0 && (slipway.CodeOf(err) != slipway.Invalid || text != "" || !strings.Contains(err.Error(), "alternates")):
			t.Errorf("%s: %q %s %v", name, text, slipway.CodeOf(err), err)
		}
	}
}

// TestWorktrees reads a repository that shares all with another one, and refuses
// one that does so with what isn't stated.
func TestWorktrees(t *testing.T) {
	stated, elsewhere := t.TempDir(), t.TempDir()
	g := New(Options{Dir: filepath.Join(t.TempDir(), "mirrors"), Repositories: []string{stated}})
	for in, want := range map[string]slipway.Code{stated: "", elsewhere: slipway.Invalid} {
		main, tree := filepath.Join(in, "main"), filepath.Join(stated, "tree-"+filepath.Base(in))
		commit := repository(t, main, "one")
		git(t, main, "worktree", "add", "-q", tree, "-b", "side")
		c, err := g.Resolve(t.Context(), slipway.Repository{URL: tree}, "side")
		if slipway.CodeOf(err) != want || want == "" && c.ID != commit {
			t.Errorf("%v %v, want %q", c, err, want)
		}
	}
	// One whose own directory is where it should be, but not what it shares.
	main, tree := filepath.Join(stated, "main"), filepath.Join(stated, "shares")
	git(t, main, "worktree", "add", "-q", tree, "-b", "other")
	put(t, filepath.Join(main, ".git", "worktrees", "shares", "commondir"), filepath.Join(elsewhere, "main", ".git")+"\n")
	_, err := g.Resolve(t.Context(), slipway.Repository{URL: tree}, "main")
	if slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "--repositories DIR") {
		t.Errorf("%v", err)
	}
}

// TestOfAnotherUser: root's rights are not git's.
func TestOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("takes root to make one")
	}
	dir := filepath.Join(t.TempDir(), "theirs")
	repository(t, dir, "one")
	if err := errors.Join(os.Chown(dir, 12345, 12345), os.Chmod(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	_, err := New(Options{Dir: filepath.Join(t.TempDir(), "mirrors"), AllowFile: true}).Resolve(t.Context(), slipway.Repository{URL: dir}, "")
	if slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "make its files readable") {
		t.Errorf("%v", err)
	}
}

func BenchmarkGit(b *testing.B) {
	g := New(Options{Dir: filepath.Join(b.TempDir(), "mirrors"), AllowFile: true})
	m, err := g.open(b.Context(), slipway.Repository{URL: b.TempDir()}, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	defer m.close()
	for b.Loop() {
		if _, err := m.run(b.Context(), quick, "rev-parse", "--git-dir"); err != nil {
			b.Fatal(err)
		}
	}
}
