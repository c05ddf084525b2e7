package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// mirror is the local copy of one repository, locked for this process and use.
// It is a cache: whatever is wrong with it, removing it is right.
type mirror struct {
	git    *Git
	repo   slipway.Repository
	shown  string // the URL as it may be shown
	dir    string
	runID  string // marks git's processes, see sandbox.End
	lock   *os.File
	log    io.Writer // what git said, when it failed
	env    []string
	config [][2]string
	mask   []slipway.Secret
	reads  []string // what the repository consists of, when it is on this machine
	closed string   // what it borrows of and may not, see borrowed
	known  string   // the file for the keys of its server, with ssh
	key    *os.File // the private key for ssh, in memory alone
	// sshOptions follow those that every call of ssh has.
	sshOptions string
	done       []func()
	broken     bool // not to be used again
}

const (
	quick = 20 * time.Second
	long  = 10 * time.Minute
	// maxPacks is how many fetches a mirror takes before it is made afresh:
	// cheaper than to repack, and it forgets what nobody needs any more.
	maxPacks = 60
)

// open locks a repository's mirror, makes it if need be, and clears what a
// killed git left. A process holds one mirror at a time, so that repositories
// that are each other's submodules can't wait for each other.
func (g *Git) open(ctx context.Context, repo slipway.Repository, log io.Writer) (*mirror, error) {
	return g.openKind(ctx, repo, log, "")
}

// openKind is open for another mirror of the same repository.
func (g *Git) openKind(ctx context.Context, repo slipway.Repository, log io.Writer, kind string) (*mirror, error) {
	admitted, err := g.admit(ctx, repo)
	if err != nil {
		return nil, err
	}
	m := &mirror{git: g, repo: repo, log: log, shown: shown(repo.URL), dir: filepath.Join(g.o.Dir, mirrorName(repo)+kind+".git")}
	m.runID = "git-" + short(m.dir)
	if hostOf(repo.URL) == "" {
		if !g.o.AllowFile { // git goes where was looked
			if m.repo.URL, err = g.local(repo.URL, true); err != nil {
				return nil, err
			}
		}
		m.reads = places(leadsTo(m.repo.URL))
		var borrowed []string
		borrowed, m.closed = g.borrowed(m.reads)
		m.reads = append(m.reads, borrowed...)
	}
	if err := m.pin(admitted); err != nil {
		return nil, err
	}
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
	// The lock died with its process, but git may have outlived it.
	sandbox.End(m.runID)
	_ = os.RemoveAll(m.home())
	if err := m.prepare(ctx); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// mirrorName names the mirror of a repository by all that decides what its server
// gives out: also by the credential, since a commit that is here is not asked for
// again. What one service's credential has brought is no other service's to read,
// and nobody's who has none.
func mirrorName(repo slipway.Repository) string {
	return short("by credential\n" + repo.URL + "\n" + string(repo.Credential))
}

func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}

func (m *mirror) prepare(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(m.home(), "tmp"), 0o700); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "git's home can't be made: is the disk full?")
	}
	if err := m.credentials(ctx); err != nil {
		return err
	}
	if err := m.git.writeConfig(); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "git's settings can't be written: is the disk full?")
	}
	packs, size := m.size()
	if packs > maxPacks || size > m.git.o.MaxRepositoryBytes {
		_ = os.RemoveAll(m.dir)
	}
	m.clearLeftovers()
	if _, err := os.Stat(m.dir); err == nil {
		return nil
	}
	// Of earlier versions, which had one mirror for all who named the URL.
	_ = os.RemoveAll(filepath.Join(m.git.o.Dir, short(m.repo.URL)+".git"))
	fresh := m.fresh()
	_ = os.RemoveAll(fresh)
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the repository's copy can't be made: is the disk full?")
	}
	if _, err := m.run(ctx, quick, "init", "--quiet", "--bare", "--", fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, m.dir); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the repository's copy can't be made")
	}
	return nil
}

// fresh is where a mirror is made.
func (m *mirror) fresh() string { return m.dir + ".new" }

// clearLeftovers removes locks and half-written packs of a git that was killed:
// we hold the mirror's lock, so they are nobody's.
func (m *mirror) clearLeftovers() {
	_ = filepath.WalkDir(m.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		name := entry.Name()
		if entry.IsDir() {
			if filepath.Dir(path) == filepath.Join(m.dir, "objects") && len(name) == 2 {
				return filepath.SkipDir // loose objects
			}
			return nil
		}
		if strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") {
			_ = os.Remove(path) // #nosec G122 -- only this platform's git writes into a mirror
		}
		return nil
	})
}

// size counts the packs of a mirror and their bytes, those under way included.
func (m *mirror) size() (packs int, total int64) {
	entries, _ := os.ReadDir(filepath.Join(m.dir, "objects", "pack"))
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
		if strings.HasSuffix(e.Name(), ".pack") {
			packs++
		}
	}
	return packs, total
}

func (m *mirror) close() {
	for _, f := range m.done {
		f()
	}
	if m.broken {
		m.git.o.Log.Warn("a repository's copy is removed and will be fetched again", "repository", m.shown)
		_ = os.RemoveAll(m.dir)
	}
	_ = os.RemoveAll(m.home())
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

// settings replace every configuration file of the machine: no hooks, no
// helpers, no transports that run commands. They are a file, since git hides
// settings of the environment from the other side of a local repository.
const settings = `[core]
	hooksPath = /dev/null
	fsmonitor = false
[credential]
	helper =
[protocol]
	allow = never
[protocol "https"]
	allow = always
[protocol "http"]
	allow = always
[protocol "ssh"]
	allow = always
[protocol "file"]
	allow = always
[protocol "git"]
	allow = always
[protocol "ext"]
	allow = never
[safe]
	directory = *
[gc]
	auto = 0
[maintenance]
	auto = false
[fetch]
	unpackLimit = 1
	fsckObjects = false
[http]
	lowSpeedLimit = 1000
	lowSpeedTime = 60
[filter "lfs"]
	smudge =
	required = false
`

func (g *Git) configFile() string { return filepath.Join(g.o.Dir, "gitconfig") }

func (g *Git) writeConfig() error {
	if text, err := os.ReadFile(g.configFile()); err == nil && string(text) == settings {
		return nil
	}
	f, err := os.CreateTemp(g.o.Dir, ".gitconfig-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(settings)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), g.configFile())
}

// run runs git and returns its standard output and error, secrets scrubbed.
func (m *mirror) run(ctx context.Context, timeout time.Duration, args ...string) (string, error) {
	var out bytes.Buffer
	result, err := m.runTo(ctx, timeout, 64<<20, &out, nil, args...)
	text := slipway.Scrub(out.String(), m.mask)
	if err != nil {
		return text, err
	}
	if !result.OK() {
		return text, m.explain(result, text)
	}
	return text, nil
}

// tell shows what git said to whoever reads the step's log.
func (m *mirror) tell(text string) {
	if text = strings.TrimSpace(text); text != "" {
		fmt.Fprintf(m.log, "git: %s\n", strings.ReplaceAll(clip(text, 2000), "\n", "\ngit: "))
	}
}

func (m *mirror) runTo(ctx context.Context, timeout time.Duration, most int64, out io.Writer, stdin io.Reader, args ...string) (sandbox.Result, error) {
	extra := map[string]string{
		"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": m.git.configFile(), "GIT_ASKPASS": "/bin/false",
		"GIT_ALLOW_PROTOCOL": "https:http:ssh:file:git", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1",
	}
	passed := []string{"SSL_CERT_FILE", "GIT_SSL_CAINFO"}
	if m.git.o.Resolve == nil || m.git.o.Proxy {
		passed = append(passed, "https_proxy", "HTTPS_PROXY", "http_proxy", "no_proxy", "NO_PROXY")
	}
	for _, name := range passed {
		if v := os.Getenv(name); v != "" {
			extra[name] = v
		}
	}
	// git's own name for it: not every libcurl that git is built with knows the other.
	if file := extra["SSL_CERT_FILE"]; file != "" && extra["GIT_SSL_CAINFO"] == "" {
		extra["GIT_SSL_CAINFO"] = file
	}
	dir := m.fresh()
	if len(args) > 0 && args[0] != "init" {
		dir = m.dir
		args = append([]string{"--git-dir=" + dir}, args...)
	}
	follow := "initial"
	if m.git.o.Resolve != nil {
		follow = "false"
	}
	config := append([][2]string{{"http.followRedirects", follow}}, m.config...)
	env := append(sandbox.Environment(m.home(), nil, extra), m.env...)
	env = append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(config)))
	for i, s := range config {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s[1]))
	}
	c := sandbox.Command{
		Args: append([]string{"git"}, args...), Dir: m.home(), Env: env, Stdin: stdin, Timeout: timeout, MaxOutput: most, RunID: m.runID,
		Confinement: m.confinement(dir),
	}
	if m.key != nil {
		c.ExtraFiles = []*os.File{m.key} // see ssh
	}
	return sandbox.Run(ctx, c, out)
}
