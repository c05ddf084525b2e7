package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// What Python makes of a source is decided by the source and the interpreter alone,
// so it is made once and kept by both: the next environment with the same package
// gets a copy. Nobody's code takes part in it: the interpreter that compiles is told
// to look at no packages, reads the environment, and writes to a directory that is
// there for this alone; the platform by itself puts that into the store, and copies
// from it. What a package brings as its own bytecode is never taken for it.

//go:embed bytecode.py
var compiler string

// bytecode is what was compiled before by one interpreter.
type bytecode struct {
	dir string
	tag string // of the names that this interpreter looks for, "cpython-312"; empty before its first work
}

// forgotten is how long compiled sources are kept. Those still wanted are made again.
const forgotten = 30 * 24 * time.Hour

func (b *Builder) bytecodes() string { return filepath.Join(b.o.Data, "cache", "bytecode") }

// bytecodeOf is an interpreter's. One that was exchanged for another has its own.
func (b *Builder) bytecodeOf(interpreter python.Interpreter) (bytecode, error) {
	path, err := filepath.EvalSymlinks(interpreter.Path)
	if err != nil {
		return bytecode{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return bytecode{}, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %d", path, interpreter.Version, info.Size(), info.ModTime().UnixNano()))
	c := bytecode{dir: filepath.Join(b.bytecodes(), hex.EncodeToString(sum[:8]))}
	tag, err := os.ReadFile(filepath.Join(c.dir, "tag"))
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(c.dir, 0o755)
	}
	c.tag = string(tag)
	return c, err
}

// maxSource is the largest source that is compiled here: it is read as a whole, and a
// dependency that is built makes its files as large as it likes.
const maxSource = 32 << 20

// source is a file of Python in an environment.
type source struct {
	path string
	size int64
	sum  string // of its content, once it was read
}

// kept is where the bytecode of a source lies.
func (c bytecode) kept(s source) string { return filepath.Join(c.dir, s.sum[:2], s.sum) }

// sayCompiling is the number of files that a processor compiles in about a second; what
// takes longer is told.
const sayCompiling = 200

// compile gives an environment its bytecode, so that no start has to make it.
//
// Python below 3.7 takes no bytecode that is good whatever the time of its source: there
// each process makes its own.
func (r *run) compile(ctx context.Context, p *python.Project, env environment) error {
	if strings.HasPrefix(p.Python.Version, "3.6.") {
		return nil
	}
	sources, err := sourcesOf(env.venv())
	if err != nil {
		return err
	}
	store, err := r.bytecodeOf(python.Interpreter{Version: p.Python.Version, Path: p.Python.Interpreter})
	if err != nil {
		return err
	}
	missing, err := store.give(ctx, sources)
	if err != nil || len(missing) == 0 {
		return err
	}
	made := filepath.Join(r.home, "bytecode")
	if err := os.Mkdir(made, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(made)
	// The largest first, so that the processes end together.
	slices.SortFunc(missing, func(a, b source) int { return int(b.size - a.size) })
	var list bytes.Buffer
	asked := map[string]bool{}
	for _, s := range missing {
		if !asked[s.sum] {
			fmt.Fprintf(&list, "%s\x00%s\x00", s.sum, s.path)
		}
		asked[s.sum] = true
	}
	if len(asked) > sayCompiling {
		fmt.Fprintf(r.log, "compiling %d Python files, so that no start has to\n", len(asked))
	}
	_, _, err = r.command(ctx, sandbox.Command{
		Args: []string{p.Python.Interpreter, "-I", "-S", "-c", compiler, made}, Stdin: &list, Dir: made, Env: r.toolEnv(nil, false), Timeout: buildTimeout,
		Confinement: r.confinement(p, []string{env.venv()}, []string{made}),
	})
	if err != nil {
		return err
	}
	if err := store.take(made, missing); err != nil {
		return err
	}
	_, err = store.give(ctx, missing) // what is missing even now is made at each start
	return err
}

// sourcesOf lists the sources of all packages in an environment.
func sourcesOf(venv string) ([]source, error) {
	libraries, err := filepath.Glob(filepath.Join(venv, "lib", "python3*", "site-packages"))
	var all []source
	for _, library := range libraries {
		walked := filepath.WalkDir(library, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || !strings.HasSuffix(path, ".py") {
				return err
			}
			info, err := entry.Info()
			if err == nil && info.Size() <= maxSource {
				all = append(all, source{path: path, size: info.Size()})
			}
			return err
		})
		err = errors.Join(err, walked)
	}
	return all, err
}

// give puts the bytecode of sources where Python looks for it, and returns those of
// which there is none.
func (c bytecode) give(ctx context.Context, sources []source) (missing []source, err error) {
	var next atomic.Int64
	var mu sync.Mutex
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(sources) {
					return
				}
				given, problem := c.giveOne(&sources[i])
				mu.Lock()
				if !given {
					missing = append(missing, sources[i])
				}
				err = errors.Join(err, problem)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return missing, errors.Join(err, ctx.Err())
}

func (c bytecode) giveOne(s *source) (given bool, err error) {
	if s.sum == "" {
		text, err := os.ReadFile(s.path)
		if err != nil {
			return false, err
		}
		sum := sha256.Sum256(text)
		s.sum = hex.EncodeToString(sum[:])
	}
	if c.tag == "" {
		return false, nil
	}
	code, err := os.ReadFile(c.kept(*s))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || len(code) == 0 { // it can't be compiled
		return true, err
	}
	dir := filepath.Join(filepath.Dir(s.path), "__pycache__")
	if err := os.Mkdir(dir, 0o755); err != nil {
		// What a package's code put there instead would lead elsewhere.
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
			return true, err
		}
	}
	path := filepath.Join(dir, strings.TrimSuffix(filepath.Base(s.path), ".py")+"."+c.tag+".pyc")
	err = place(path, code)
	if errors.Is(err, fs.ErrExist) {
		if err = os.RemoveAll(path); err == nil {
			err = place(path, code)
		}
	}
	return true, err
}

// place writes a file that isn't there.
func place(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444) // #nosec G302 -- bytecode is no secret, as the environment that it goes to
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// take moves what was compiled of the sources into the store.
func (c *bytecode) take(made string, sources []source) error {
	tag, err := readMade(filepath.Join(made, "tag"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was ended, or this Python is older than bytecode without times
	}
	if err == nil && c.tag != string(tag) {
		c.tag = string(tag)
		err = os.Rename(filepath.Join(made, "tag"), filepath.Join(c.dir, "tag"))
	}
	if err != nil {
		return err
	}
	for _, s := range sources {
		from, to := filepath.Join(made, s.sum), c.kept(s)
		info, err := os.Lstat(from)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err == nil {
			err = os.Rename(from, to)
		}
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.MkdirAll(filepath.Dir(to), 0o755); err == nil {
				err = os.Rename(from, to)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepBytecode removes what was compiled before a time.
func (b *Builder) sweepBytecode(before time.Time) error {
	err := filepath.WalkDir(b.bytecodes(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "tag" {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(path) // #nosec G122 -- only the platform writes to the store
		}
		if errors.Is(err, fs.ErrNotExist) { // another sweep was there
			err = nil
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return disk(err, "old bytecode can't be removed")
}
