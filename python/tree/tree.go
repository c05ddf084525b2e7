// Package tree reads the tree of a repository within bounds, for it is a stranger's: its
// files, where in them something stands, and what is wrong with them. It decides nothing.
package tree

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"unicode/utf16"

	slipway "github.com/slipway-dev/slipway"
)

// Bounds on what is read: a repository is a stranger's, and detection has to
// end soon whatever it holds.
const (
	MaxManifest  = 1 << 20  // bytes of a file that people write
	MaxLockFile  = 32 << 20 // bytes of a file that a tool writes
	maxWalkDepth = 6        // directories below the service's own
	maxWalkFiles = 5000     // .py files that walk returns
)

// Tree is a directory of an fs.FS, read with bounds. Names are slash-separated
// and relative to dir; "../x" reaches outside dir but never outside the FS.
type Tree struct {
	Fsys   fs.FS
	Dir    string // relative to the FS, "." for its root
	broken *error // the first failure that is not the project's own doing
	known  *known // nil remembers nothing
}

// known is what has been asked of a tree, which doesn't change while it is read: rules ask
// for the same names again and again. By the path from the root of the FS.
type known struct {
	stats map[string]looked
	read  map[string]any
}

// looked is what stat found.
type looked struct {
	info fs.FileInfo
	err  error
}

// Open returns Invalid when dir is not a directory of fsys.
func Open(fsys fs.FS, dir string) (Tree, error) {
	if dir == "" {
		dir = "."
	}
	dir = path.Clean(strings.Trim(dir, "/"))
	if dir == "" {
		dir = "."
	}
	if !fs.ValidPath(dir) {
		return Tree{}, slipway.Errorf(slipway.Invalid, "%q is not a path inside the repository; give one like \"backend\"", dir)
	}
	info, err := fs.Stat(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return Tree{}, slipway.Errorf(slipway.Invalid, "the repository has no directory %q; correct the service's path", dir)
	}
	if err != nil {
		return Tree{}, err
	}
	return Tree{Fsys: fsys, Dir: dir, broken: new(error), known: &known{stats: map[string]looked{}, read: map[string]any{}}}, nil
}

// Once reads something of a tree the first time that it is asked for. What it returns is
// shared: nobody changes it.
func Once[V any](t Tree, key string, read func() V) V {
	if t.known == nil {
		return read()
	}
	found, ok := t.known.read[key].(V)
	if !ok {
		found = read()
		t.known.read[key] = found
	}
	return found
}

// Path is name as seen from the root of the FS. "" stays "".
func (t Tree) Path(name string) string {
	if name == "" {
		return ""
	}
	return path.Join(t.Dir, name)
}

// At is the tree of one of t's sub-directories.
func (t Tree) At(name string) Tree {
	t.Dir = path.Join(t.Dir, name)
	return t
}

// Failure is the first reading that failed by no doing of the project's, nil for none:
// what was read before it may lack something.
func (t Tree) Failure() error {
	if t.broken == nil {
		return nil
	}
	return *t.broken
}

// Bytes returns a file as it is. A file that is missing, a directory or larger
// than limit is not ok.
func (t Tree) Bytes(name string, limit int64) ([]byte, bool) {
	p := t.Path(name)
	if p == "" || !fs.ValidPath(p) {
		return nil, false
	}
	f, err := t.Fsys.Open(p)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) && t.broken != nil && *t.broken == nil {
			if info, statErr := fs.Stat(t.Fsys, p); statErr == nil && info.Mode().IsRegular() {
				*t.broken = err
			}
		}
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > limit {
		return nil, false
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil || int64(len(data)) > limit {
		return nil, false
	}
	return data, true
}

// Read returns a file's text with any byte-order mark dropped and line ends
// made "\n". ok is false when there is no such regular file within bounds.
func (t Tree) Read(name string) (text string, ok bool) {
	data, ok := t.Bytes(name, MaxManifest)
	return Text(data), ok
}

// ReadLock is read for files that tools write, which may be large.
func (t Tree) ReadLock(name string) (text string, ok bool) {
	data, ok := t.Bytes(name, MaxLockFile)
	return Text(data), ok
}

// Text decodes a file as Tree.Read does: UTF-16 that says so, no byte-order mark, and
// every line end made "\n".
func Text(data []byte) string {
	s, wide := utf16Text(data)
	if !wide {
		s = strings.TrimPrefix(string(data), "\ufeff")
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.ReplaceAll(s, "\r", "\n")
}

// Lines returns a file's lines, the first being line 1 of the file at index 0.
// It is nil when the file cannot be read.
func (t Tree) Lines(name string) []string {
	text, ok := t.Read(name)
	if !ok {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// Exists says whether name is a regular file.
func (t Tree) Exists(name string) bool {
	info, err := t.stat(name)
	return err == nil && info.Mode().IsRegular()
}

// IsDir says whether name is a directory.
func (t Tree) IsDir(name string) bool {
	info, err := t.stat(name)
	return err == nil && info.IsDir()
}

func (t Tree) stat(name string) (fs.FileInfo, error) {
	p := t.Path(name)
	if p == "" || !fs.ValidPath(p) {
		return nil, fs.ErrNotExist
	}
	if t.known == nil {
		return fs.Stat(t.Fsys, p)
	}
	found, ok := t.known.stats[p]
	if !ok {
		found.info, found.err = fs.Stat(t.Fsys, p)
		t.known.stats[p] = found
	}
	return found.info, found.err
}

// Glob returns the names that match, sorted; a bad pattern matches nothing.
func (t Tree) Glob(pattern string) []string {
	full, err := fs.Glob(t.Fsys, path.Join(globEscape(t.Dir), pattern))
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(full))
	for _, p := range full {
		names = append(names, t.Relative(p))
	}
	sort.Strings(names)
	return names
}

func globEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// Relative is the inverse of path for names below dir.
func (t Tree) Relative(p string) string {
	if t.Dir == "." {
		return p
	}
	return strings.TrimPrefix(p, t.Dir+"/")
}

// Below is a directory of the source as seen from the service's.
func (t Tree) Below(p slipway.SourcePath) string {
	if path.Clean(string(p)) == t.Dir {
		return "."
	}
	return t.Relative(string(p))
}

// List returns the names directly inside name ("." for the service's
// directory), sorted, directories with a trailing slash.
func (t Tree) List(name string) []string {
	p := t.Path(name)
	if !fs.ValidPath(p) {
		return nil
	}
	entries, err := fs.ReadDir(t.Fsys, p)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		n := e.Name()
		if e.IsDir() {
			n += "/"
		}
		names = append(names, n)
	}
	return names
}

// SkippedDirs never hold a project's own code.
var SkippedDirs = map[string]bool{
	".git": true, ".hg": true, ".venv": true, "venv": true, "env": true, ".env": true, "virtualenv": true,
	"node_modules": true, "__pycache__": true, ".tox": true, ".nox": true, ".heroku": true, ".eggs": true,
	"site-packages": true, ".mypy_cache": true, ".pytest_cache": true, ".ruff_cache": true,
	"dist": true, "build": true, "bower_components": true,
}

// testDirs hold tests; walk skips them unless asked not to.
var testDirs = map[string]bool{"tests": true, "test": true, "testing": true}

// Walk returns the .py files below the service's directory, the shallow ones
// first and then by name. Environments, caches and version control are
// skipped, and so are directories of tests unless withTests.
func (t Tree) Walk(withTests bool) []string {
	var found []string
	level := []string{"."}
	for depth := 0; depth <= maxWalkDepth && len(level) > 0; depth++ {
		var next []string
		for _, dir := range level {
			for _, n := range t.List(dir) {
				name, isDir := strings.CutSuffix(n, "/")
				full := path.Join(dir, name)
				switch {
				case isDir && (SkippedDirs[name] || strings.HasPrefix(name, ".") || !withTests && testDirs[name]):
				case isDir && !t.Exists(path.Join(full, "pyvenv.cfg")):
					next = append(next, full)
				case !isDir && strings.HasSuffix(name, ".py"):
					found = append(found, full)
					if len(found) >= maxWalkFiles {
						return found
					}
				}
			}
		}
		level = next
	}
	return found
}

// utf16Text decodes what a byte-order mark announces as UTF-16, as pip and uv
// do; ok is false for anything else.
func utf16Text(data []byte) (string, bool) {
	if len(data) < 2 || len(data)%2 != 0 {
		return "", false
	}
	high, low := 0, 1
	switch {
	case data[0] == 0xfe && data[1] == 0xff:
	case data[0] == 0xff && data[1] == 0xfe:
		high, low = 1, 0
	default:
		return "", false
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i+high])<<8|uint16(data[i+low]))
	}
	return string(utf16.Decode(units)), true
}

// OfTests says that a file's place or name is that of tests.
func OfTests(file string) bool {
	base := path.Base(file)
	if strings.HasPrefix(base, "test_") || strings.HasSuffix(base, "_test.py") || base == "conftest.py" || base == "tests.py" {
		return true
	}
	for _, part := range strings.Split(path.Dir(file), "/") {
		if testDirs[part] {
			return true
		}
	}
	return false
}
