package source_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/adapters/source/sourcetest"
)

// TestMain can also be the process that TestKilledWhileFetching kills.
func TestMain(m *testing.M) {
	if job := strings.Split(os.Getenv("SLIPWAY_TEST_EXPORT"), "\n"); len(job) == 4 {
		err := source.New(source.Options{Dir: job[0]}).Export(context.Background(), slipway.Repository{URL: job[1]}, job[2], job[3], io.Discard)
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func newSource(t *testing.T, o source.Options) *source.Git {
	t.Helper()
	o.AllowFile = true
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "mirrors")
	}
	return source.New(o)
}

func export(t *testing.T, g *source.Git, r slipway.Repository, commit string) (dir, log string, err error) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "tree")
	var out bytes.Buffer
	err = g.Export(context.Background(), r, commit, dir, &out)
	if left, _ := os.ReadDir(filepath.Dir(dir)); err != nil && len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return dir, out.String(), err
}

func refused(t *testing.T, err error, says string) {
	t.Helper()
	if slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), says) {
		t.Errorf("wanted a refusal with %q: %s %v", says, slipway.CodeOf(err), err)
	}
}

func TestGitKeepsTheContractByFile(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) slipway.Source { return newSource(t, source.Options{}) },
		func(_ *testing.T, r sourcetest.Repo) slipway.Repository { return r.File() })
}

func TestUnreachable(t *testing.T) {
	g := newSource(t, source.Options{})
	_, err := g.Resolve(context.Background(), slipway.Repository{URL: "file:///no/such/place"}, "")
	refused(t, err, "no repository")
	_, err = g.Resolve(context.Background(), slipway.Repository{URL: "http://127.0.0.1:1/redirect-HTTP-401.git"}, "")
	if slipway.CodeOf(err) != slipway.Unavailable || !strings.Contains(err.Error(), "can't be reached") {
		t.Errorf("%v", err)
	}
}

// TestOtherHash tells of a repository with ids that this version doesn't take.
func TestOtherHash(t *testing.T) {
	r := sourcetest.NewRepo(t)
	if err := os.RemoveAll(filepath.Join(r.Dir, ".git")); err != nil {
		t.Fatal(err)
	}
	r.Git("init", "-q", "-b", "main", "--object-format=sha256")
	r.Commit("a.txt", "one")
	_, err := newSource(t, source.Options{}).Resolve(context.Background(), r.File(), "")
	refused(t, err, "SHA-256")
}

// TestUnreadableOwner reads a repository that belongs to somebody else, which
// git by itself distrusts.
func TestUnreadableOwner(t *testing.T) {
	r := sourcetest.NewRepo(t)
	want := r.Commit("a.txt", "one")
	if os.Getuid() == 0 {
		err := filepath.WalkDir(r.Dir, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, 12345, 12345)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if c, err := newSource(t, source.Options{}).Resolve(context.Background(), r.File(), ""); err != nil || c.ID != want {
		t.Errorf("%v %v", c, err)
	}
}

func TestExportBounds(t *testing.T) {
	r := sourcetest.NewRepo(t)
	r.Write("b.txt", "two", 0o644)
	commit := r.Commit("a.txt", strings.Repeat("x", 3000))
	for _, c := range []struct {
		o      source.Options
		commit string
		says   string
	}{
		{source.Options{MaxFileBytes: 1000}, commit, "at most 1000 a file"},
		{source.Options{MaxBytes: 2000}, commit, "2000 bytes together"},
		{source.Options{MaxFiles: 1}, commit, "more than 1 files"},
		{source.Options{}, strings.Repeat("0", 40), "no longer has commit"},
	} {
		_, _, err := export(t, newSource(t, c.o), r.File(), c.commit)
		refused(t, err, c.says)
	}
}

func TestHugeRepository(t *testing.T) {
	r := sourcetest.NewRepo(t)
	noise := make([]byte, 1<<20)
	_, _ = rand.Read(noise)
	commit := r.Commit("noise", string(noise))
	dir := filepath.Join(t.TempDir(), "mirrors")
	_, _, err := export(t, newSource(t, source.Options{Dir: dir, MaxRepositoryBytes: 100 << 10}), r.File(), commit)
	refused(t, err, "larger than")
	if mirrors, _ := filepath.Glob(dir + "/*.git"); len(mirrors) > 0 {
		t.Errorf("%v was kept", mirrors)
	}
	if _, _, err := export(t, newSource(t, source.Options{Dir: dir}), r.File(), commit); err != nil {
		t.Errorf("with a wider bound: %v", err)
	}
}

// TestCraftedTrees feeds trees that git would not make by itself.
func TestCraftedTrees(t *testing.T) {
	for name, entries := range map[string][][2]string{
		"dot dot":               {{"100644", ".."}},
		"path with dots":        {{"100644", "a/../../x"}},
		"absolute":              {{"100644", "/tmp/x"}},
		"git directory":         {{"100644", ".GIT"}},
		"twice":                 {{"120000", "a"}, {"100644", "a"}},
		"a file and directory":  {{"120000", "a"}, {"100644", "a/b"}},
		"a name of 300 letters": {{"100644", strings.Repeat("n", 300)}},
	} {
		t.Run(name, func(t *testing.T) {
			r := sourcetest.NewRepo(t)
			r.Commit("a.txt", "..")
			blob := r.GitWith("..", "hash-object", "-w", "--stdin")
			var tree bytes.Buffer
			for _, e := range entries {
				tree.WriteString(e[0] + " " + e[1] + "\x00")
				for i := 0; i < len(blob); i += 2 {
					tree.WriteByte(hexByte(blob[i])<<4 | hexByte(blob[i+1]))
				}
			}
			id := r.GitWith(tree.String(), "hash-object", "-w", "--stdin", "-t", "tree", "--literally")
			commit := r.Git("commit-tree", "-m", "crafted", id)
			r.Git("update-ref", "refs/heads/crafted", commit)
			_, _, err := export(t, newSource(t, source.Options{}), r.File(), commit)
			refused(t, err, "the repository holds")
		})
	}
}

func hexByte(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

func TestLargeFilesStayPointers(t *testing.T) {
	r := sourcetest.NewRepo(t)
	r.Write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n", 0o644)
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("0", 64) + "\nsize 12345\n"
	commit := r.Commit("model.bin", pointer)
	dir, log, err := export(t, newSource(t, source.Options{}), r.File(), commit)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "model.bin")); string(got) != pointer || !strings.Contains(log, "1 files are Git LFS pointers") {
		t.Errorf("%q\n%s", got, log)
	}
}

// TestLeftovers finds what a killed process leaves: locks of git, half-written
// packs, a half-made mirror, a half-written export.
func TestLeftovers(t *testing.T) {
	r := sourcetest.NewRepo(t)
	first := r.Commit("a.txt", "one")
	dir := filepath.Join(t.TempDir(), "mirrors")
	g := newSource(t, source.Options{Dir: dir})
	if _, _, err := export(t, g, r.File(), first); err != nil {
		t.Fatal(err)
	}
	mirrors, _ := filepath.Glob(dir + "/*.git")
	if len(mirrors) != 1 {
		t.Fatalf("%v", mirrors)
	}
	second := r.Commit("a.txt", "two")
	for _, name := range []string{"shallow.lock", "index.lock", "config.lock", "refs/slipway/commits/" + second + ".lock", "objects/pack/tmp_pack_x"} {
		if err := os.WriteFile(filepath.Join(mirrors[0], name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(mirrors[0]+".new/objects", 0o700); err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(t.TempDir(), "tree")
	if err := os.MkdirAll(tree+".partial/old", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := g.Export(context.Background(), r.File(), second, tree, io.Discard); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadDir(tree); err != nil || len(got) != 1 {
		t.Errorf("%v %v", got, err)
	}
	for _, name := range []string{"shallow.lock", "objects/pack/tmp_pack_x"} {
		if _, err := os.Stat(filepath.Join(mirrors[0], name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}

// TestKilledWhileFetching kills a process while its git waits for the server.
// Where git has process numbers of its own it ends with that process; else the next
// export ends it. That export goes well either way.
func TestKilledWhileFetching(t *testing.T) {
	r := sourcetest.NewRepo(t)
	commit := r.Commit("a.txt", "one")
	var hang atomic.Bool
	hang.Store(true)
	waiting, ended := make(chan struct{}), make(chan struct{})
	repo := serve(t, r, func(_ http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodPost || !hang.CompareAndSwap(true, false) {
			return true
		}
		_, _ = io.Copy(io.Discard, req.Body) // so that the server notices the end
		close(waiting)
		<-req.Context().Done()
		close(ended)
		return false
	})
	dir, tree := filepath.Join(t.TempDir(), "mirrors"), filepath.Join(t.TempDir(), "tree")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SLIPWAY_TEST_EXPORT="+strings.Join([]string{dir, repo.URL, commit, tree}, "\n"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	within(t, waiting, "git did not ask for the commit")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := newSource(t, source.Options{Dir: dir}).Export(context.Background(), repo, commit, tree, io.Discard); err != nil {
		t.Fatal(err)
	}
	within(t, ended, "the git that was left is still there")
	if left, _ := os.ReadDir(filepath.Dir(tree)); len(left) != 1 {
		t.Errorf("%v", left)
	}
}

func within(t *testing.T, done <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal(otherwise)
	}
}

// TestDamagedMirror heals at the next try: a mirror is a cache.
func TestDamagedMirror(t *testing.T) {
	r := sourcetest.NewRepo(t)
	commit := r.Commit("a.txt", "one")
	dir := filepath.Join(t.TempDir(), "mirrors")
	g := newSource(t, source.Options{Dir: dir})
	for _, damage := range []func(mirror string) error{
		func(mirror string) error { return os.Remove(filepath.Join(mirror, "HEAD")) },
		func(mirror string) error { return os.RemoveAll(filepath.Join(mirror, "objects")) },
		func(mirror string) error {
			packs, _ := filepath.Glob(mirror + "/objects/pack/*.pack")
			for _, p := range packs {
				if err := os.Chmod(p, 0o600); err != nil {
					return err
				}
				if err := os.Truncate(p, 20); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		if _, _, err := export(t, g, r.File(), commit); err != nil {
			t.Fatal(err)
		}
		mirrors, _ := filepath.Glob(dir + "/*.git")
		if err := damage(mirrors[0]); err != nil {
			t.Fatal(err)
		}
		if _, _, err := export(t, g, r.File(), commit); err == nil {
			continue // it was noticed and made afresh at once
		} else if slipway.CodeOf(err) != slipway.Unavailable {
			t.Errorf("%v", err)
		}
		if _, _, err := export(t, g, r.File(), commit); err != nil {
			t.Errorf("the second try: %v", err)
		}
	}
}

// TestRepositoryThatLacksObjects is told as what it is, by a file and by a server: no
// other try will find them.
func TestRepositoryThatLacksObjects(t *testing.T) {
	r := sourcetest.NewRepo(t)
	commit := r.Commit("a.txt", "one")
	blob := strings.TrimSpace(r.Git("rev-parse", commit+":a.txt"))
	if err := os.Remove(filepath.Join(r.Dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	for _, repo := range []slipway.Repository{r.File(), serve(t, r, nil)} {
		if _, _, err := export(t, newSource(t, source.Options{}), repo, commit); slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "lacks objects of its own") {
			t.Errorf("%s: %v", repo.URL, err)
		}
	}
}

func TestWhatIsAdmitted(t *testing.T) {
	r := sourcetest.NewRepo(t)
	r.Commit("a.txt", "one")
	strict := source.New(source.Options{Dir: t.TempDir(), Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
		return nil, slipway.Errorf(slipway.Denied, "repositories from %s are not allowed here", host)
	}})
	for url, code := range map[string]slipway.Code{
		r.Dir: slipway.Invalid, "file://" + r.Dir: slipway.Invalid, "https://inner.example/x.git": slipway.Denied,
		"git@inner.example:x.git": slipway.Denied, "ssh://git@inner.example:22/x.git": slipway.Denied,
		// What we would read otherwise than git, curl or ssh.
		"git://inner.example/x.git": slipway.Invalid, "https://a@b@inner.example/x.git": slipway.Invalid, "https://outer.example\\@inner.example/x.git": slipway.Invalid,
		"https://outer.example?@inner.example/x.git": slipway.Invalid, "https://%6cocalhost/x.git": slipway.Invalid, "git@[inner.example:22]:x.git": slipway.Invalid,
		"ssh://git@'$(id)'/x.git": slipway.Invalid, "https://outer.example#@inner.example/": slipway.Invalid,
	} {
		if _, err := strict.Resolve(context.Background(), slipway.Repository{URL: url}, ""); slipway.CodeOf(err) != code {
			t.Errorf("%s: %v", url, err)
		}
	}
}
