package source_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/adapters/source/sourcetest"
)

func TestExportBringsSubmodules(t *testing.T) {
	inner, middle, outer := sourcetest.NewRepo(t), sourcetest.NewRepo(t), sourcetest.NewRepo(t)
	inner.Write("x.sh", "#!/bin/sh\n", 0o755)
	inner.Commit("lib.py", "x = 1\n")
	middle.Git("submodule", "--quiet", "add", "file://"+inner.Dir, "deep/inner")
	middle.Commit("m.txt", "middle")
	outer.Git("submodule", "--quiet", "add", "file://"+middle.Dir, "vendor/lib")
	outer.Git("submodule", "--quiet", "add", "file://"+inner.Dir, "again")
	outer.Link("vendor/lib/deep/inner/lib.py", "into")
	commit := outer.Commit("b.txt", "two")
	inner.Commit("lib.py", "x = 2\n")
	dir, _, err := export(t, newSource(t, source.Options{}), outer.File(), commit)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"vendor/lib/deep/inner/lib.py", "again/lib.py", "into"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != "x = 1\n" {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	_, _, err = export(t, newSource(t, source.Options{MaxFiles: 6}), outer.File(), commit)
	refused(t, err, "more than 6 files")
}

func TestSubmodulesAreNotTrusted(t *testing.T) {
	gitlink := func(r sourcetest.Repo, modules string) string {
		t.Helper()
		commit := r.Commit("a.txt", "one")
		r.Git("update-index", "--add", "--cacheinfo", "160000,"+commit+",sub")
		if modules != "" {
			r.Write(".gitmodules", modules, 0o644)
			r.Git("add", ".gitmodules")
		}
		r.Git("commit", "-q", "-m", "A submodule")
		return r.Git("rev-parse", "HEAD")
	}
	for modules, says := range map[string]string{
		"[submodule \"s\n": "a .gitmodules that can't be read",
		"[submodule \"s\"]\n\tpath = sub\n\turl = ext::sh -c /tmp/owned\n":                  "the submodule sub",
		"[submodule \"s\"]\n\tpath = sub\n\turl = --upload-pack=touch\n":                    "the submodule sub",
		"[submodule \"s\"]\n\tpath = sub\n\turl = https://user:password@host.example/x.git": "the submodule sub",
		"[submodule \"s\"]\n\tpath = sub\n\turl = file:///no/such/place\n":                  "no repository at file:///no/such/place",
	} {
		r := sourcetest.NewRepo(t)
		_, _, err := export(t, newSource(t, source.Options{}), r.File(), gitlink(r, modules))
		refused(t, err, says)
	}
	// One that comes over the network can't name a path of this machine.
	r := sourcetest.NewRepo(t)
	commit := gitlink(r, "[submodule \"s\"]\n\tpath = sub\n\turl = file:///etc\n")
	_, _, err := export(t, newSource(t, source.Options{}), serve(t, r, nil), commit)
	refused(t, err, "points to a path of this machine")
}

// TestSubmodulesFromNowhere: a submodule of which nobody says where it comes from is empty,
// as in a clone, and is told of.
func TestSubmodulesFromNowhere(t *testing.T) {
	for _, modules := range []string{"", "[submodule \"s\"]\n\tpath = other\n\turl = ./x\n"} {
		r := sourcetest.NewRepo(t)
		commit := r.Commit("a.txt", "one")
		r.Git("update-index", "--add", "--cacheinfo", "160000,"+commit+",docs/wiki")
		if modules != "" {
			r.Write(".gitmodules", modules, 0o644)
			r.Git("add", ".gitmodules")
		}
		r.Git("commit", "-q", "-m", "A submodule from nowhere")
		dir, log, err := export(t, newSource(t, source.Options{}), r.File(), r.Git("rev-parse", "HEAD"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "a.txt")); err != nil || !strings.Contains(log, "docs/wiki is a submodule, and no .gitmodules says where it comes from") {
			t.Errorf("%v; log: %s", err, log)
		}
	}
}

func TestSubmodulesAreBounded(t *testing.T) {
	r := sourcetest.NewRepo(t)
	commit := r.Commit("a.txt", "one")
	for range 7 { // each holds the one before it, in the same repository
		r.Git("update-index", "--add", "--cacheinfo", "160000,"+commit+",sub")
		r.Write(".gitmodules", "[submodule \"s\"]\n\tpath = sub\n\turl = file://"+r.Dir+"\n", 0o644)
		r.Git("add", ".gitmodules")
		r.Git("commit", "-q", "-m", "Deeper")
		commit = r.Git("rev-parse", "HEAD")
	}
	_, _, err := export(t, newSource(t, source.Options{}), r.File(), commit)
	refused(t, err, "nested more than")
}

// TestEachOthersSubmodules exports at once two repositories that hold each
// other: neither may wait for the other's mirror for ever.
func TestEachOthersSubmodules(t *testing.T) {
	one, two := sourcetest.NewRepo(t), sourcetest.NewRepo(t)
	base := map[string]string{one.Dir: one.Commit("a.txt", "one"), two.Dir: two.Commit("a.txt", "two")}
	commits := map[string]string{}
	for _, pair := range [][2]sourcetest.Repo{{one, two}, {two, one}} {
		r, other := pair[0], pair[1]
		r.Git("update-index", "--add", "--cacheinfo", "160000,"+base[other.Dir]+",sub")
		r.Write(".gitmodules", "[submodule \"s\"]\n\tpath = sub\n\turl = file://"+other.Dir+"\n", 0o644)
		r.Git("add", ".gitmodules")
		r.Git("commit", "-q", "-m", "Hold the other")
		commits[r.Dir] = r.Git("rev-parse", "HEAD")
	}
	g := newSource(t, source.Options{})
	var wg sync.WaitGroup
	for range 4 {
		for _, r := range []sourcetest.Repo{one, two} {
			wg.Go(func() {
				if _, _, err := export(t, g, r.File(), commits[r.Dir]); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
}

func TestRelativeSubmodules(t *testing.T) {
	outer, inner := sourcetest.NewRepo(t), sourcetest.NewRepo(t)
	inner.Commit("lib.py", "x = 1\n")
	commit := outer.Commit("a.txt", "one")
	outer.Git("update-index", "--add", "--cacheinfo", "160000,"+inner.Git("rev-parse", "HEAD")+",sub")
	rel, err := filepath.Rel(outer.Dir, inner.Dir)
	if err != nil {
		t.Fatal(err)
	}
	outer.Write(".gitmodules", fmt.Sprintf("[submodule \"s\"]\n\tpath = sub\n\turl = %s\n", rel), 0o644)
	outer.Git("add", ".gitmodules")
	outer.Git("commit", "-q", "-m", "A neighbour")
	commit = outer.Git("rev-parse", "HEAD")
	for _, repo := range []slipway.Repository{outer.File(), {URL: outer.Dir}} {
		dir, _, err := export(t, newSource(t, source.Options{}), repo, commit)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "sub/lib.py")); err != nil {
			t.Error(err)
		}
	}
}
