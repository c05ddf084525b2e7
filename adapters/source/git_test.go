package source_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/source"
)

// repo is a real repository made by the real git.
type repo struct {
	t   *testing.T
	dir string
}

func newRepo(t *testing.T) repo {
	r := repo{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.dir, "-c", "user.name=Ada", "-c", "user.email=ada@team.example", "-c", "protocol.file.allow=always"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r repo) commit(name, text string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.git("add", "--all")
	r.git("commit", "-q", "-m", "Change "+name)
	return r.git("rev-parse", "HEAD")
}

func (r repo) repository() slipway.Repository { return slipway.Repository{URL: "file://" + r.dir} }

func newSource(t *testing.T, o source.Options) *source.Git {
	o.Dir = filepath.Join(t.TempDir(), "mirrors")
	return source.New(o)
}

func export(t *testing.T, g *source.Git, r slipway.Repository, commit string) (string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	var log bytes.Buffer
	return dir, g.Export(context.Background(), r, commit, dir, &log)
}

func TestResolve(t *testing.T) {
	r := newRepo(t)
	first := r.commit("a.txt", "one")
	r.git("tag", "-a", "v1", "-m", "the first")
	r.git("branch", "release/1")
	second := r.commit("a.txt", "two")
	g := newSource(t, source.Options{})
	for ref, want := range map[string]string{"": second, "main": second, "v1": first, "release/1": first, first: first, first[:10]: first} {
		c, err := g.Resolve(context.Background(), r.repository(), ref)
		if err != nil || c.ID != want {
			t.Errorf("%q: %v %v", ref, c, err)
		}
		if c.Author != "Ada <ada@team.example>" || c.Subject != "Change a.txt" || c.Time.IsZero() {
			t.Errorf("%q: %+v", ref, c)
		}
	}
	r.git("reset", "-q", "--hard", first)
	third := r.commit("a.txt", "pushed over")
	if c, err := g.Resolve(context.Background(), r.repository(), "main"); err != nil || c.ID != third {
		t.Errorf("after a forced push: %v %v", c, err)
	}
}

func TestResolveRefuses(t *testing.T) {
	r, empty := newRepo(t), newRepo(t)
	r.commit("a.txt", "one")
	g := newSource(t, source.Options{})
	cases := []struct {
		repo slipway.Repository
		ref  string
		code slipway.Code
		says string
	}{
		{r.repository(), "nowhere", slipway.Refused, "it has main"},
		{r.repository(), "--upload-pack=true", slipway.Invalid, "not a branch"},
		{empty.repository(), "", slipway.Refused, "empty"},
		{slipway.Repository{URL: "file:///no/such/place"}, "", slipway.Refused, "no repository"},
		{slipway.Repository{URL: "http://127.0.0.1:1/x.git"}, "", slipway.Unavailable, "can't be reached"},
		{slipway.Repository{URL: "ext::sh -c true"}, "", slipway.Invalid, ""},
		{slipway.Repository{URL: "https://user:pass@host/x.git"}, "", slipway.Invalid, "password"},
	}
	for _, c := range cases {
		_, err := g.Resolve(context.Background(), c.repo, c.ref)
		if slipway.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %q: %v", c.repo.URL, c.ref, err)
		}
	}
}

func TestExportIsExact(t *testing.T) {
	r := newRepo(t)
	if err := os.WriteFile(filepath.Join(r.dir, ".gitattributes"), []byte("secret.txt export-ignore\nv.txt export-subst\n*.txt text eol=crlf\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.commit("secret.txt", "kept\n")
	if err := os.Symlink("secret.txt", filepath.Join(r.dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "run.sh"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	commit := r.commit("v.txt", "$Format:%H$\n")
	r.commit("later.txt", "not in it")
	g := newSource(t, source.Options{})
	dir, err := export(t, g, r.repository(), commit)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"secret.txt": "kept\n", "v.txt": "$Format:%H$\n", "link": "kept\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "run.sh")); err != nil || info.Mode()&0o100 == 0 {
		t.Error("run.sh is not executable")
	}
	for _, name := range []string{".git", "later.txt"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is in the export", name)
		}
	}
}

func TestExportRefuses(t *testing.T) {
	r := newRepo(t)
	good := r.commit("a.txt", strings.Repeat("x", 3000))
	if err := os.Symlink("../../etc/passwd", filepath.Join(r.dir, "out")); err != nil {
		t.Fatal(err)
	}
	leaving := r.commit("b.txt", "")
	for _, c := range []struct {
		o      source.Options
		commit string
		says   string
	}{
		{source.Options{}, leaving, "leaves the repository"},
		{source.Options{MaxFileBytes: 1000}, good, "a file are allowed"},
		{source.Options{MaxBytes: 2000}, good, "together"},
		{source.Options{MaxFiles: 1}, leaving, "more than 1 files"},
		{source.Options{}, strings.Repeat("0", 40), "no longer has commit"},
	} {
		dir, err := export(t, newSource(t, c.o), r.repository(), c.commit)
		if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), c.says) {
			t.Errorf("want %q: %v", c.says, err)
		}
		for _, left := range []string{dir, dir + ".partial"} {
			if _, err := os.Lstat(left); err == nil {
				t.Errorf("%s was left behind", left)
			}
		}
	}
}

func TestExportBringsSubmodules(t *testing.T) {
	inner, outer := newRepo(t), newRepo(t)
	inner.commit("lib.py", "x = 1\n")
	outer.commit("a.txt", "one")
	outer.git("submodule", "--quiet", "add", "file://"+inner.dir, "vendor/lib")
	commit := outer.commit("b.txt", "two")
	inner.commit("lib.py", "x = 2\n")
	dir, err := export(t, newSource(t, source.Options{}), outer.repository(), commit)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "vendor/lib/lib.py")); err != nil || string(got) != "x = 1\n" {
		t.Errorf("%q %v", got, err)
	}
}

func TestExportsAtOnce(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a.txt", "one")
	g := newSource(t, source.Options{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := export(t, g, r.repository(), commit); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestPrivate serves a repository over http with a password, by git's own server.
func TestPrivate(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a.txt", "one")
	backend := strings.TrimSpace(r.git("--exec-path")) + "/git-http-backend"
	handler := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + r.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, password, _ := req.BasicAuth(); password != "t0ken-of-the-team" {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, req)
	}))
	defer server.Close()
	private := slipway.Repository{URL: server.URL + "/.git"}
	secrets := func(_ context.Context, ref slipway.SecretRef) (slipway.Secret, error) {
		return slipway.NewSecret(map[slipway.SecretRef]string{"sealed://git/right": "t0ken-of-the-team", "sealed://git/wrong": "wr0ng-token"}[ref]), nil
	}
	g := newSource(t, source.Options{Secrets: secrets})
	for _, credential := range []slipway.SecretRef{"", "sealed://git/wrong"} {
		private.Credential = credential
		_, err := g.Resolve(context.Background(), private, "main")
		if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "private") || strings.Contains(err.Error(), "wr0ng") {
			t.Errorf("credential %q: %v", credential, err)
		}
	}
	private.Credential = "sealed://git/right"
	if c, err := g.Resolve(context.Background(), private, "main"); err != nil || c.ID != commit {
		t.Fatalf("%v %v", c, err)
	}
	if _, err := export(t, g, private, commit); err != nil {
		t.Fatal(err)
	}
}
