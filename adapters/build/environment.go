package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/artifact"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// environment is a virtual environment at its final place. It never changes
// once it is complete.
type environment struct {
	key    string
	dir    string
	reused bool
	reason string
}

func (e environment) venv() string   { return filepath.Join(e.dir, "venv") }
func (e environment) digest() string { return filepath.Join(e.dir, "digest") }
func (e environment) python() string { return filepath.Join(e.dir, "venv", "bin", "python") }

// indexSettings are the machine's own words on where packages come from and
// which certificates to trust. Builds see nothing else of our environment.
var indexSettings = []string{
	"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CERT", "PIP_FIND_LINKS", "PIP_DEFAULT_TIMEOUT",
	"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_HTTP_TIMEOUT",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
}

// toolEnv is the environment of the managers: clean, with nothing downloaded but
// packages, to the run's own cache or to that of uv which builds share.
func (r *run) toolEnv(extra map[string]string, shared bool) []string {
	own := filepath.Join(r.own(), "cache")
	cache := filepath.Join(own, "uv")
	if shared {
		cache = filepath.Join(r.o.Data, "cache", "uv")
	}
	vars := map[string]string{
		"UV_CACHE_DIR": cache, "UV_LINK_MODE": "copy", "PIP_CACHE_DIR": filepath.Join(own, "pip"),
		"POETRY_CACHE_DIR": filepath.Join(own, "poetry"), "PDM_CACHE_DIR": filepath.Join(own, "pdm"), "PIPENV_CACHE_DIR": filepath.Join(own, "pipenv"),
		"UV_PYTHON_DOWNLOADS": "never", "UV_NO_EDITABLE": "1", "UV_NO_PROGRESS": "1", "UV_KEYRING_PROVIDER": "disabled", "UV_SYSTEM_CERTS": "1",
		"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "POETRY_NO_INTERACTION": "1", "POETRY_VIRTUALENVS_CREATE": "false",
		"PDM_CHECK_UPDATE": "0", "PIPENV_NOSPIN": "1", "PIPENV_YES": "1", "NO_COLOR": "1",
	}
	for _, name := range indexSettings {
		if v := os.Getenv(name); v != "" {
			vars[name] = v
		}
	}
	for name, v := range extra {
		vars[name] = v
	}
	return sandbox.Environment(r.own(), nil, vars)
}

// production finds or makes the environment of a release.
func (r *run) production(ctx context.Context, p *python.Project, source string) (environment, error) {
	key, err := r.key(ctx, p, source, "")
	if err != nil {
		return environment{}, err
	}
	if err := r.outgrew(key); err != nil {
		return environment{}, err
	}
	dateless, err := r.dateless(ctx, p, source, "")
	if err != nil {
		return environment{}, err
	}
	env, err := r.environment(ctx, p, firstOf(r.heldAs(dateless), key), source, func(env environment) []step {
		return installSteps(p, r.plan(p, env), r.holding(dateless, source, p.Install.Requirements)...)
	}, "dependencies")
	if err = r.remember(key, err); err != nil && p.PackagesAsOf != "" && slipway.CodeOf(err) == slipway.Refused {
		err = &datedError{err}
	}
	return env, err
}

// key names an environment. One with parts that are built from the source is
// named by the whole of it.
func (r *run) key(ctx context.Context, p *python.Project, source, purpose string) (string, error) {
	read := func(name string) ([]byte, error) { return readOrList(ctx, filepath.Join(source, name)) }
	env := map[string]string{"purpose": purpose}
	for _, name := range indexSettings {
		if v := os.Getenv(name); v != "" && strings.Contains(name, "IND") {
			env[name] = v
		}
	}
	settings, err := uvSettings(source, string(p.Root))
	if err != nil {
		return "", disk(err, "the project's files can't be read")
	}
	if settings != "" {
		env["uv's settings"] = settings
	}
	local, tree := p.Install.Local, ""
	if purpose != "" {
		local = firstOf(local, p.Test.Local)
	}
	if local != "" {
		var err error
		if tree, err = artifact.Digest(ctx, source); err != nil {
			return "", disk(err, "the source can't be read")
		}
		if says := r.historyDigest(); says != "" {
			env["history"] = says
		}
		fmt.Fprintf(r.log, "%s is installed from the source, so each change of the source makes a new environment\n", local)
	}
	key, err := p.CacheKey(p.Python.Version, runtime.GOOS+"/"+runtime.GOARCH, version+" uv "+uv.version(), time.Now().UTC().Format("2006-01-02"), tree, env, read)
	if err != nil {
		return "", disk(err, "the project's files can't be read")
	}
	return key[:32], nil
}

// uvSettings are what the repository tells uv, such as where packages come from: it
// looks in the directory that it runs in, and above. Environments that were made by
// other settings are other environments, with whatever manager.
func uvSettings(source, root string) (string, error) {
	var said []string
	for dir := filepath.Clean(root); ; dir = filepath.Dir(dir) {
		for _, name := range []string{"uv.toml", "pyproject.toml"} {
			text, err := os.ReadFile(filepath.Join(source, dir, name))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return "", err
			}
			if name == "pyproject.toml" {
				text = ofUV(text)
			}
			if len(text) > 0 {
				said = append(said, name+" "+string(text))
			}
		}
		if dir == "." || dir == "/" {
			return strings.Join(said, "\n"), nil
		}
	}
}

// ofUV is the table of uv in a pyproject.toml.
func ofUV(text []byte) []byte {
	var read struct {
		Tool struct {
			UV map[string]any `toml:"uv"`
		} `toml:"tool"`
	}
	// One that can't be read is refused elsewhere, or tells uv nothing.
	if toml.Unmarshal(text, &read) != nil || len(read.Tool.UV) == 0 {
		return nil
	}
	settings, _ := json.Marshal(read.Tool.UV)
	return settings
}

// readOrList reads a file; a directory counts by the digest of its tree.
func readOrList(ctx context.Context, path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		digest, err := artifact.Digest(ctx, path)
		return []byte(digest), err
	}
	return os.ReadFile(path)
}

// complete is what marks an environment as done.
type complete struct {
	Python string    `json:"python"`
	Made   time.Time `json:"made"`
}

// environment finds an environment by its key or makes it. Two that want the
// same wait for each other.
func (r *run) environment(ctx context.Context, p *python.Project, key, source string, steps func(environment) []step, what string) (environment, error) {
	env := environment{key: key, dir: filepath.Join(r.o.Data, "environments", key)}
	marker := filepath.Join(env.dir, "complete.json")
	unlock, err := lockFile(ctx, env.dir+".lock")
	if err != nil {
		return env, err
	}
	defer unlock()
	if _, err := os.Stat(marker); err == nil {
		now := time.Now()
		if err := os.Chtimes(marker, now, now); err != nil { // it is used: nobody removes it for a week
			return env, disk(err, "the environment can't be used")
		}
		env.reused, env.reason = true, "interpreter, lock and manifests are the same"
		fmt.Fprintf(r.log, "reusing environment %.12s: %s\n", key, env.reason)
		return env, nil
	}
	env.reason = "nothing was built from these " + what + " before"
	fmt.Fprintf(r.log, "making environment %.12s with Python %s: %s\n", key, p.Python.Version, env.reason)
	if err := os.RemoveAll(env.dir); err != nil {
		return env, disk(err, "an unfinished environment can't be removed")
	}
	r.making.Store(&env.dir)
	if err := os.MkdirAll(env.venv(), 0o755); err != nil {
		return env, disk(err, "the environment can't be made")
	}
	if err := os.RemoveAll(r.installed()); err != nil { // of an environment before this one
		return env, disk(err, "the source could not be copied")
	}
	if err := copySource(ctx, source, r.installed()); err != nil {
		return env, disk(err, "the source could not be copied")
	}
	if err := r.putHistory(ctx, p); err != nil {
		return env, err
	}
	for _, s := range steps(env) {
		if err := r.step(ctx, p, env, s); err != nil {
			_ = os.RemoveAll(env.dir)
			return env, err
		}
	}
	err = r.claims(ctx, env.venv())
	if err == nil {
		err = r.compile(ctx, p, env)
	}
	if err == nil {
		err = errors.Join(r.selfContained(env), seal(env.venv()))
	}
	if err == nil {
		err = env.keep(ctx)
	}
	if err != nil {
		_ = os.RemoveAll(env.dir)
		return env, disk(err, "the environment can't be finished")
	}
	text, err := json.Marshal(complete{Python: p.Python.Version, Made: time.Now().UTC()})
	if err == nil {
		err = os.WriteFile(marker, text, 0o644)
	}
	if err != nil {
		return env, disk(err, "the environment can't be finished")
	}
	return env, nil
}

// keep records what the environment holds and its digest, which never change.
func (e environment) keep(ctx context.Context) error {
	digest, err := artifact.Keep(ctx, e.venv(), filepath.Join(e.dir, artifact.Record))
	if err != nil {
		return err
	}
	return os.WriteFile(e.digest(), []byte(digest), 0o644)
}

// step is one command of an installation, as data.
type step struct {
	say   string // what is being done, for the log
	tool  *tool  // has to be there first
	args  []string
	dir   string
	env   map[string]string
	blame string // "test dependencies" when the production ones are fine

	do      func(context.Context, environment) error // in place of a command
	kind    kind
	resolve []string     // finds the versions first, where nothing pins them
	before  func() error // what is done to files first
	unless  string       // a file of requirements; an empty one leaves nothing to install
}

func (r *run) step(ctx context.Context, p *python.Project, env environment, s step) error {
	if s.tool != nil {
		if err := r.bootstrap(ctx, *s.tool); err != nil {
			return err
		}
	}
	if s.say != "" {
		fmt.Fprintln(r.log, s.say)
	}
	if s.before != nil {
		if err := s.before(); err != nil {
			return err
		}
	}
	if s.do != nil {
		return s.do(ctx, env)
	}
	if len(s.args) == 0 || s.unless != "" && emptyFile(s.unless) {
		return nil
	}
	if s.kind == installing {
		return r.install(ctx, p, env, s)
	}
	result, seen, err := r.runStep(ctx, s, s.args, r.within(p, env, s.kind, s.kind == making), s.kind == making)
	if err == nil && !result.OK() {
		err = r.explain(p, s, result, seen)
	}
	return err
}

func emptyFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Size() == 0
}

// tailWriter keeps the last part of an output for the explanation.
type tailWriter struct{ to *bytes.Buffer }

func (w *tailWriter) Write(p []byte) (int, error) {
	w.to.Write(p)
	if w.to.Len() > 256<<10 {
		w.to.Next(w.to.Len() - 128<<10)
	}
	return len(p), nil
}

// lockFile waits for a file lock while the context lasts; it dies with the process.
func lockFile(ctx context.Context, path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, disk(err, "the build can't take its lock")
	}
	poll := time.NewTicker(25 * time.Millisecond)
	defer poll.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = f.Close()
			return nil, disk(err, "the build can't take its lock")
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		}
	}
}

// disk gives an error of the file system its code and the usual reason.
func disk(err error, what string) error {
	if err == nil {
		return nil
	}
	if slipway.CodeOf(err) != slipway.Internal || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return slipway.Wrap(slipway.Unavailable, err, "the disk is full: %s; free some space and promote again", what)
	}
	return slipway.Wrap(slipway.Unavailable, err, "%s", what)
}
