package sourcetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// Repo is a real repository made by the real git.
type Repo struct {
	t   testing.TB
	Dir string
}

// NewRepo makes an empty repository whose branch will be main.
func NewRepo(t testing.TB) Repo {
	r := Repo{t, t.TempDir()}
	r.Git("init", "-q", "-b", "main")
	return r
}

// Git runs git in the repository and returns what it says.
func (r Repo) Git(args ...string) string {
	r.t.Helper()
	return r.GitWith("", args...)
}

// GitWith runs git with something on its standard input.
func (r Repo) GitWith(stdin string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.Dir, "-c", "user.name=Ada", "-c", "user.email=ada@team.example", "-c", "protocol.file.allow=always"}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Write puts a file into the work tree.
func (r Repo) Write(name, text string, mode os.FileMode) {
	r.t.Helper()
	path := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
}

// Link puts a symbolic link into the work tree.
func (r Repo) Link(target, name string) {
	r.t.Helper()
	if err := os.Symlink(target, filepath.Join(r.Dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

// Commit writes a file and commits it with all else that changed.
func (r Repo) Commit(name, text string) string {
	r.t.Helper()
	r.Write(name, text, 0o644)
	r.Git("add", "--all")
	r.Git("commit", "-q", "-m", "Change "+name)
	return r.Git("rev-parse", "HEAD")
}

// File is the repository by its path.
func (r Repo) File() slipway.Repository { return slipway.Repository{URL: "file://" + r.Dir} }
