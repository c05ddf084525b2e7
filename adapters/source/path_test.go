package source_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/adapters/source/sourcetest"
)

// TestPathsOfThisMachine walks the ways in which a path could name what its
// giver may not read.
func TestPathsOfThisMachine(t *testing.T) {
	elsewhere := sourcetest.NewRepo(t)
	commit := elsewhere.Commit("secret.txt", "one")
	stated, data := t.TempDir(), t.TempDir()
	o := source.Options{Dir: filepath.Join(data, "mirrors"), Repositories: []string{stated}, Private: data}
	g := source.New(o)
	// clone puts a repository at a place.
	clone := func(to string) string {
		if out, err := exec.Command("git", "clone", "--quiet", elsewhere.Dir, to).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		return to
	}
	resolve := func(url string) error {
		c, err := g.Resolve(context.Background(), slipway.Repository{URL: url}, "")
		if err == nil && c.ID != commit {
			t.Errorf("%s is at %s", url, c.ID)
		}
		return err
	}
	link := func(to, name string) string {
		at := filepath.Join(stated, name)
		if err := os.Symlink(to, at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	inside := clone(filepath.Join(stated, "team", "inside"))
	private := clone(filepath.Join(data, "private"))
	dotfile := filepath.Join(stated, "dotfile")
	dotlink := filepath.Join(stated, "dotlink")
	for _, dir := range []string{dotfile, dotlink} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dotfile, ".git"), []byte("gitdir: "+filepath.Join(elsewhere.Dir, ".git")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(elsewhere.Dir, ".git"), filepath.Join(dotlink, ".git")); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{inside, "file://" + inside, link(inside, "good")} {
		if err := g.Stated(slipway.Repository{URL: url}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if err := resolve(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{
		elsewhere.Dir, "file://" + elsewhere.Dir, link(elsewhere.Dir, "out"), dotfile, dotlink, filepath.Join(stated, "..", filepath.Base(elsewhere.Dir)),
		stated + "/../" + filepath.Base(elsewhere.Dir), "/nowhere/at/all", stated + "x",
	} {
		refused(t, g.Stated(slipway.Repository{URL: url}), "--repositories DIR")
		refused(t, resolve(url), "--repositories DIR")
	}
	for _, url := range []string{private, link(private, "in")} {
		refused(t, g.Admit(slipway.Repository{URL: url}), "data directory")
		refused(t, resolve(url), "d") // by whichever rule comes first
	}
	// The operator's word is good from then on, also after a restart.
	if err := g.Admit(slipway.Repository{URL: elsewhere.Dir}); err != nil {
		t.Fatal(err)
	}
	g = source.New(o)
	if err := resolve(elsewhere.Dir); err != nil {
		t.Errorf("what the operator named: %v", err)
	}
	// It doesn't let others name the same path, nor another path to it.
	refused(t, g.Stated(slipway.Repository{URL: elsewhere.Dir}), "--repositories DIR")
	refused(t, resolve("file://"+elsewhere.Dir), "--repositories DIR")
	// What was inside when it was registered, and leads elsewhere now.
	if err := os.RemoveAll(inside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere.Dir, inside); err != nil {
		t.Fatal(err)
	}
	refused(t, resolve(inside), "--repositories DIR")
}

// TestEarlierPathsStay starts on a data directory of a version that asked nobody.
func TestEarlierPathsStay(t *testing.T) {
	r := sourcetest.NewRepo(t)
	r.Commit("a.txt", "one")
	other := sourcetest.NewRepo(t)
	other.Commit("a.txt", "one")
	g := source.New(source.Options{Dir: filepath.Join(t.TempDir(), "mirrors")})
	for _, urls := range [][]string{{r.Dir}, {r.Dir, other.Dir}} { // the second start knows of more, which doesn't count
		if err := g.AdmitEarlier(urls); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.Resolve(context.Background(), slipway.Repository{URL: r.Dir}, ""); err != nil {
		t.Errorf("an earlier one: %v", err)
	}
	_, err := g.Resolve(context.Background(), slipway.Repository{URL: other.Dir}, "")
	refused(t, err, "--repositories DIR")
}
