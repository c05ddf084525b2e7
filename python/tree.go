package python

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"

	slipway "github.com/slipway-dev/slipway"
)

// Bounds on what is read: a repository is a stranger's, and detection has to
// end soon whatever it holds.
const (
	maxManifest  = 1 << 20  // bytes of a file that people write
	maxLockFile  = 32 << 20 // bytes of a file that a tool writes
	maxWalkDepth = 6        // directories below the service's own
	maxWalkFiles = 5000     // .py files that walk returns
)

// tree is a directory of an fs.FS, read with bounds. Names are slash-separated
// and relative to dir; "../x" reaches outside dir but never outside the FS.
type tree struct {
	fsys   fs.FS
	dir    string // relative to the FS, "." for its root
	broken *error // the first failure that is not the project's own doing
	known  *known // nil remembers nothing
}

// known is what has been asked of a tree, which doesn't change while it is read: rules ask
// for the same names again and again. By the path from the root of the FS.
type known struct {
	stats        map[string]looked
	requirements map[string]requirementSet
}

// looked is what stat found.
type looked struct {
	info fs.FileInfo
	err  error
}

// openTree returns Invalid when dir is not a directory of fsys.
func openTree(fsys fs.FS, dir string) (tree, error) {
	if dir == "" {
		dir = "."
	}
	dir = path.Clean(strings.Trim(dir, "/"))
	if dir == "" {
		dir = "."
	}
	if !fs.ValidPath(dir) {
		return tree{}, slipway.Errorf(slipway.Invalid, "%q is not a path inside the repository; give one like \"backend\"", dir)
	}
	info, err := fs.Stat(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return tree{}, slipway.Errorf(slipway.Invalid, "the repository has no directory %q; correct the service's path", dir)
	}
	if err != nil {
		return tree{}, err
	}
	return tree{fsys: fsys, dir: dir, broken: new(error), known: &known{stats: map[string]looked{}, requirements: map[string]requirementSet{}}}, nil
}

// path is name as seen from the root of the FS. "" stays "".
func (t tree) path(name string) string {
	if name == "" {
		return ""
	}
	return path.Join(t.dir, name)
}

// at is the tree of one of t's sub-directories.
func (t tree) at(name string) tree {
	t.dir = path.Join(t.dir, name)
	return t
}

func (t tree) failure() error {
	if t.broken == nil {
		return nil
	}
	return *t.broken
}

// bytes returns a file as it is. A file that is missing, a directory or larger
// than limit is not ok.
func (t tree) bytes(name string, limit int64) ([]byte, bool) {
	p := t.path(name)
	if p == "" || !fs.ValidPath(p) {
		return nil, false
	}
	f, err := t.fsys.Open(p)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) && t.broken != nil && *t.broken == nil {
			if info, statErr := fs.Stat(t.fsys, p); statErr == nil && info.Mode().IsRegular() {
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

// read returns a file's text with any byte-order mark dropped and line ends
// made "\n". ok is false when there is no such regular file within bounds.
func (t tree) read(name string) (text string, ok bool) {
	data, ok := t.bytes(name, maxManifest)
	return plainText(data), ok
}

// readLock is read for files that tools write, which may be large.
func (t tree) readLock(name string) (text string, ok bool) {
	data, ok := t.bytes(name, maxLockFile)
	return plainText(data), ok
}

func plainText(data []byte) string {
	s, wide := utf16Text(data)
	if !wide {
		s = strings.TrimPrefix(string(data), "\ufeff")
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.ReplaceAll(s, "\r", "\n")
}

// lines returns a file's lines, the first being line 1 of the file at index 0.
// It is nil when the file cannot be read.
func (t tree) lines(name string) []string {
	text, ok := t.read(name)
	if !ok {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// exists says whether name is a regular file.
func (t tree) exists(name string) bool {
	info, err := t.stat(name)
	return err == nil && info.Mode().IsRegular()
}

// isDir says whether name is a directory.
func (t tree) isDir(name string) bool {
	info, err := t.stat(name)
	return err == nil && info.IsDir()
}

func (t tree) stat(name string) (fs.FileInfo, error) {
	p := t.path(name)
	if p == "" || !fs.ValidPath(p) {
		return nil, fs.ErrNotExist
	}
	if t.known == nil {
		return fs.Stat(t.fsys, p)
	}
	found, ok := t.known.stats[p]
	if !ok {
		found.info, found.err = fs.Stat(t.fsys, p)
		t.known.stats[p] = found
	}
	return found.info, found.err
}

// glob returns the names that match, sorted; a bad pattern matches nothing.
func (t tree) glob(pattern string) []string {
	full, err := fs.Glob(t.fsys, path.Join(globEscape(t.dir), pattern))
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(full))
	for _, p := range full {
		names = append(names, t.relative(p))
	}
	sort.Strings(names)
	return names
}

func globEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// relative is the inverse of path for names below dir.
func (t tree) relative(p string) string {
	if t.dir == "." {
		return p
	}
	return strings.TrimPrefix(p, t.dir+"/")
}

// below is a directory of the source as seen from the service's.
func (t tree) below(p slipway.SourcePath) string {
	if path.Clean(string(p)) == t.dir {
		return "."
	}
	return t.relative(string(p))
}

// list returns the names directly inside name ("." for the service's
// directory), sorted, directories with a trailing slash.
func (t tree) list(name string) []string {
	p := t.path(name)
	if !fs.ValidPath(p) {
		return nil
	}
	entries, err := fs.ReadDir(t.fsys, p)
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

// skippedDirs never hold a project's own code.
var skippedDirs = map[string]bool{
	".git": true, ".hg": true, ".venv": true, "venv": true, "env": true, ".env": true, "virtualenv": true,
	"node_modules": true, "__pycache__": true, ".tox": true, ".nox": true, ".heroku": true, ".eggs": true,
	"site-packages": true, ".mypy_cache": true, ".pytest_cache": true, ".ruff_cache": true,
	"dist": true, "build": true, "bower_components": true,
}

// testDirs hold tests; walk skips them unless asked not to.
var testDirs = map[string]bool{"tests": true, "test": true, "testing": true}

// walk returns the .py files below the service's directory, the shallow ones
// first and then by name. Environments, caches and version control are
// skipped, and so are directories of tests unless withTests.
func (t tree) walk(withTests bool) []string {
	var found []string
	level := []string{"."}
	for depth := 0; depth <= maxWalkDepth && len(level) > 0; depth++ {
		var next []string
		for _, dir := range level {
			for _, n := range t.list(dir) {
				name, isDir := strings.CutSuffix(n, "/")
				full := path.Join(dir, name)
				switch {
				case isDir && (skippedDirs[name] || strings.HasPrefix(name, ".") || !withTests && testDirs[name]):
				case isDir && !t.exists(path.Join(full, "pyvenv.cfg")):
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
