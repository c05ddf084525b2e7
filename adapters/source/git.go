// Package source reads git repositories with the real git: a cached mirror per
// repository, and exact, bounded exports of single commits.
package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// Options configure a Git.
type Options struct {
	Dir     string // where mirrors are kept
	Secrets func(context.Context, slipway.SecretRef) (slipway.Secret, error)
	// Bounds on what a repository may bring; zero takes the defaults below.
	MaxBytes     int64 // of an exported tree: 1 GiB
	MaxFileBytes int64 // of one file: 256 MiB
	MaxFiles     int   // 100,000
}

// Git is a Source over git repositories reached by https, ssh or file.
type Git struct{ o Options }

var _ slipway.Source = (*Git)(nil)

// New makes a Git.
func New(o Options) *Git {
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.MaxFileBytes == 0 {
		o.MaxFileBytes = 256 << 20
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = 100_000
	}
	return &Git{o}
}

// Resolve asks the remote what ref names now, and fetches that commit so that
// its author and subject can be told.
func (g *Git) Resolve(ctx context.Context, repo slipway.Repository, ref string) (slipway.Commit, error) {
	if err := repo.Validate(); err != nil {
		return slipway.Commit{}, err
	}
	if ref == "" {
		ref = repo.Branch
	}
	if ref != "" {
		if err := slipway.CheckRef("ref", ref); err != nil {
			return slipway.Commit{}, err
		}
	}
	m, err := g.open(ctx, repo)
	if err != nil {
		return slipway.Commit{}, err
	}
	defer m.close()
	refs, err := m.remoteRefs(ctx)
	if err != nil {
		return slipway.Commit{}, err
	}
	if len(refs) == 0 {
		return slipway.Commit{}, slipway.Errorf(slipway.Refused, "the repository %s is empty; push a commit first", repo.URL)
	}
	id, name, err := m.choose(ctx, refs, ref)
	if err != nil {
		return slipway.Commit{}, err
	}
	if err := m.fetch(ctx, id, name); err != nil {
		return slipway.Commit{}, err
	}
	return m.describe(ctx, id, strings.TrimPrefix(strings.TrimPrefix(name, "refs/heads/"), "refs/tags/"))
}

// Export writes the tree of a commit into dir.
func (g *Git) Export(ctx context.Context, repo slipway.Repository, commit, dir string, log io.Writer) error {
	if err := repo.Validate(); err != nil {
		return err
	}
	if len(commit) < 40 || strings.Trim(commit, "0123456789abcdef") != "" {
		return slipway.Errorf(slipway.Invalid, "%q is not a full commit id", commit).At("commit")
	}
	m, err := g.open(ctx, repo)
	if err != nil {
		return err
	}
	defer m.close()
	if err := m.fetch(ctx, commit, ""); err != nil {
		return err
	}
	tmp := dir + ".partial"
	if err := os.RemoveAll(tmp); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the place for the source can't be cleared")
	}
	defer os.RemoveAll(tmp)
	x := &export{git: g, bytes: g.o.MaxBytes, files: g.o.MaxFiles, open: map[string]*mirror{repo.URL: m}}
	if err := x.tree(ctx, m, repo, commit, tmp, 0, log); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return slipway.Wrap(slipway.Conflict, err, "the place for the source, %s, is not empty", dir)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the source could not be put in place")
	}
	fmt.Fprintf(log, "exported %d files, %d bytes of commit %.12s\n", g.o.MaxFiles-x.files, g.o.MaxBytes-x.bytes, commit)
	return nil
}

// mirror is the local copy of one repository, locked for this process and use.
type mirror struct {
	git  *Git
	repo slipway.Repository
	dir  string
	lock *os.File
	env  []string
	mask []slipway.Secret
	done []func()
}

// open locks a repository's mirror, makes it if need be, and clears what a
// killed git left.
func (g *Git) open(ctx context.Context, repo slipway.Repository) (*mirror, error) {
	sum := sha256.Sum256([]byte(repo.URL))
	m := &mirror{git: g, repo: repo, dir: filepath.Join(g.o.Dir, hex.EncodeToString(sum[:12])+".git")}
	if err := os.MkdirAll(g.o.Dir, 0o700); err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the directory for repositories can't be made")
	}
	lock, err := os.OpenFile(m.dir+".lock", os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the repository's copy can't be locked")
	}
	m.lock = lock
	if err := flock(ctx, lock); err != nil {
		_ = lock.Close()
		return nil, err
	}
	if err := m.prepare(ctx); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *mirror) prepare(ctx context.Context) error {
	if err := m.credentials(ctx); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(m.dir, "HEAD")); err != nil {
		_ = os.RemoveAll(m.dir)
		if _, err := m.run(ctx, quick, "init", "--quiet", "--bare", "--", m.dir); err != nil {
			return err
		}
	}
	// We hold the lock, so a lock of git's own is a dead process's.
	for _, name := range []string{"shallow.lock", "config.lock", "packed-refs.lock", "HEAD.lock"} {
		_ = os.Remove(filepath.Join(m.dir, name))
	}
	return nil
}

func (m *mirror) close() {
	for _, f := range m.done {
		f()
	}
	_ = m.lock.Close()
}

// flock waits for a file lock while the context lasts. The lock dies with the
// process.
func flock(ctx context.Context, f *os.File) error {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return slipway.Wrap(slipway.Unavailable, err, "the repository's copy can't be locked")
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const (
	quick = 20 * time.Second
	long  = 10 * time.Minute
)

// config is given to every git by environment, never by the machine's files:
// no hooks, no helpers, no transports that run commands.
var config = [][2]string{
	{"core.hooksPath", "/dev/null"}, {"core.fsmonitor", "false"}, {"credential.helper", ""},
	{"protocol.allow", "never"}, {"protocol.https.allow", "always"}, {"protocol.http.allow", "always"},
	{"protocol.ssh.allow", "always"}, {"protocol.file.allow", "always"}, {"protocol.git.allow", "always"},
	{"safe.directory", "*"}, {"gc.auto", "0"}, {"http.followRedirects", "initial"},
	{"http.lowSpeedLimit", "1000"}, {"http.lowSpeedTime", "30"}, {"filter.lfs.smudge", ""}, {"filter.lfs.required", "false"},
}

// run runs git and returns its standard output and error, secrets scrubbed.
func (m *mirror) run(ctx context.Context, timeout time.Duration, args ...string) (string, error) {
	var out bytes.Buffer
	result, err := m.runTo(ctx, timeout, &out, nil, args...)
	text := slipway.Scrub(out.String(), m.mask)
	if err != nil {
		return text, err
	}
	if !result.OK() {
		return text, m.explain(result, text)
	}
	return text, nil
}

func (m *mirror) runTo(ctx context.Context, timeout time.Duration, out io.Writer, stdin io.Reader, args ...string) (sandbox.Result, error) {
	home := filepath.Join(m.git.o.Dir, "home")
	if err := os.MkdirAll(filepath.Join(home, "tmp"), 0o700); err != nil {
		return sandbox.Result{}, slipway.Wrap(slipway.Unavailable, err, "git has no place to work")
	}
	extra := map[string]string{
		"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_ASKPASS": "/bin/false",
		"GIT_ALLOW_PROTOCOL": "https:http:ssh:file:git", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_OPTIONAL_LOCKS": "0",
	}
	for _, name := range []string{"SSL_CERT_FILE", "GIT_SSL_CAINFO", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"} {
		if v := os.Getenv(name); v != "" {
			extra[name] = v
		}
	}
	settings := config
	if len(args) > 0 && args[0] != "init" {
		args = append([]string{"--git-dir=" + m.dir}, args...)
	}
	env := sandbox.Environment(home, nil, extra)
	for _, e := range m.env {
		if name, value, ok := strings.Cut(e, "\x00"); ok {
			settings = append(settings[:len(settings):len(settings)], [2]string{name, value})
		} else {
			env = append(env, e)
		}
	}
	env = append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(settings)))
	for i, s := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s[1]))
	}
	return sandbox.Run(ctx, sandbox.Command{
		Args: append([]string{"git"}, args...), Dir: m.git.o.Dir, Env: env, Stdin: stdin, Timeout: timeout, MaxOutput: 8 << 30,
	}, out)
}
