package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// began marks when a copy of the source was ready: what is younger was written by
// the service.
const began = "began"

// keptDir and keptTmpDir hold, below the directory that stays, what a release declares as
// data: in its own tree, and in its /tmp.
const keptDir, keptTmpDir = "kept", "kept-tmp"

// keep puts a link to the directory that stays in the place of each file and
// directory that the service writes to. What the release brings is put there when
// nothing is yet: what the service has written is never overwritten.
func (p *place) keep(d *deployment) error {
	if len(d.Manifest.Data) == 0 {
		return nil
	}
	data, err := os.OpenRoot(p.dataOf(d))
	if err != nil {
		return err
	}
	defer data.Close()
	serving := ""
	if !d.Placeholders {
		serving = p.serving()
	}
	for _, tmp := range []bool{false, true} {
		if err := p.keepBelow(d, data, tmp, serving); err != nil {
			return err
		}
	}
	return nil
}

// keepBelow keeps what is declared in the copy of the source, or in /tmp, where the release
// brings nothing.
func (p *place) keepBelow(d *deployment, data *os.Root, tmp bool, serving string) error {
	dir, in := p.appDir(d), keptDir
	if tmp {
		dir, in, serving = p.tmpDir(d), keptTmpDir, ""
	}
	declared := slices.DeleteFunc(slices.Clone(d.Manifest.Data), func(at slipway.DataPath) bool { return at.Tmp != tmp })
	if len(declared) == 0 {
		return nil
	}
	if tmp && !sandbox.GivesTmp() {
		return slipway.Errorf(slipway.Refused, "data: names %s, and this machine can't give the service a /tmp of its own; let its place come from a variable: SLIPWAY_DATA is the directory that stays", declared[0])
	}
	root, err := os.OpenRoot(dir) // no path below it leads out of it, links included
	if err != nil {
		return err
	}
	defer root.Close()
	if err := data.Mkdir(in, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	kept, err := data.OpenRoot(in) // the service may have put a link there
	if err != nil {
		return unlaid(err, "data: can't be kept: %s in the service's data directory is something else than a directory (%s); remove it there, and promote again", in, reasonOf(err))
	}
	defer kept.Close()
	for _, at := range declared {
		if err := keepOne(root, kept, at, filepath.Join(p.dataOf(d), in), func(name string) bool {
			return serving != "" && p.seedFrom(serving, kept, name)
		}); err != nil {
			return unlaid(err, "data: names %s, which can't be laid out: %s; state what is right: slipway service set SERVICE --set 'data=[...]', or data: in slipway.yaml", at, inTheWay(root, kept, string(at.Path), err))
		}
	}
	return nil
}

// unlaid is what became of data that has no place: the release's own matter, unless this
// machine failed at it.
func unlaid(err error, format string, args ...any) error {
	for _, machine := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, machine) {
			return err
		}
	}
	return slipway.Wrap(slipway.Refused, err, format, args...)
}

// inTheWay says why a path has no place: what is no directory on the way to it.
func inTheWay(app, kept *os.Root, name string, err error) string {
	for _, at := range []struct {
		root *os.Root
		has  string
	}{{app, "the release has"}, {kept, "the service's data has"}} {
		for i, c := range name + "/" {
			if c != '/' || i == len(name) && at.root == app {
				continue
			}
			info, err := at.root.Lstat(filepath.FromSlash(name[:i]))
			switch {
			case err != nil:
			case info.Mode()&fs.ModeSymlink != 0:
				return fmt.Sprintf("%s a link at %s", at.has, name[:i])
			case !info.IsDir():
				return fmt.Sprintf("%s a file at %s", at.has, name[:i])
			}
		}
	}
	return reasonOf(err)
}

// serving is the copy of the source that serves now, "" for none.
func (p *place) serving() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.state.Deployments[p.state.Live]; d != nil {
		return p.appDir(d)
	}
	return ""
}

// keepOne puts a link to what is kept in the place of one path. Where there is nothing yet
// taken may have it from elsewhere.
func keepOne(app, kept *os.Root, at slipway.DataPath, keptAt string, taken func(name string) bool) error {
	name := filepath.FromSlash(string(at.Path))
	info, err := app.Lstat(name)
	there := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	directory := at.Directory || there && info.IsDir()
	if err := kept.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	_, missing := kept.Lstat(name)
	switch {
	case directory:
		if err := kept.MkdirAll(name, 0o700); err != nil {
			return err
		}
		if there {
			if err := seed(app, kept, name); err != nil {
				return err
			}
		}
	case missing != nil && taken(name):
	case missing != nil && there && info.Mode().IsRegular():
		if err := copyNew(app, kept, name); err != nil {
			return err
		}
	}
	if there {
		if err := app.RemoveAll(name); err != nil {
			return err
		}
	} else if err := app.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return app.Symlink(filepath.Join(keptAt, name), name)
}

// seedFrom takes over what the release that serves now has written inside its own
// copy, from before it was declared: a database with what SQLite has beside it.
func (p *place) seedFrom(serving string, kept *os.Root, name string) bool {
	from, err := os.OpenRoot(serving)
	if err != nil {
		return false
	}
	defer from.Close()
	info, err := from.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	if most := p.node.o.MaxSpace; most > 0 && info.Size() > most { // it may be a hole, which a copy would fill
		p.node.o.Log.Warn("what a release has written is larger than what a service may keep, and isn't taken over", "service", p.service, "environment", p.environment, "path", name, "bytes", info.Size())
		return false
	}
	for _, suffix := range []string{"-wal", "-journal", ""} {
		if err := copyNew(from, kept, name+suffix); err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return false
		}
	}
	p.node.o.Log.Info("data is kept from now on, as the release that serves has it in this moment", "service", p.service, "environment", p.environment, "path", name)
	return true
}

// seed copies the files of a directory that the other doesn't have.
func seed(from, to *os.Root, dir string) error {
	return fs.WalkDir(from.FS(), filepath.ToSlash(dir), func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return to.MkdirAll(filepath.FromSlash(name), 0o700)
		case !entry.Type().IsRegular():
			return nil
		}
		err = copyNew(from, to, filepath.FromSlash(name))
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	})
}

// copyNew copies a file that isn't there yet.
func copyNew(from, to *os.Root, name string) error {
	in, err := from.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := to.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// markBegun notes that a copy of the source is complete, where in it the service is at
// home, and, a line each, what it declares as data.
func markBegun(dir string, m slipway.Manifest) error {
	return os.WriteFile(filepath.Join(dir, began), []byte(strings.Join(append([]string{string(m.Dir)}, declared(m)...), "\n")), 0o600)
}

// declared is a release's data as it is stated: seen from the service's directory, with a
// slash behind what is a directory.
func declared(m slipway.Manifest) (names []string) {
	for _, at := range m.Data {
		name, err := filepath.Rel(m.Dir.In("/"), at.Path.In("/"))
		if at.Tmp || err != nil {
			name = at.String()
		}
		if at.Directory {
			name += "/"
		}
		names = append(names, name)
	}
	return names
}

// covered tells whether a path lies in what is declared as data.
func covered(declared []string, name string) bool {
	return slices.ContainsFunc(declared, func(at string) bool { return at == name || strings.HasSuffix(at, "/") && strings.HasPrefix(name, at) })
}

// written are the files that a service has written inside its copy of the source
// since that was complete, and which of them, or in its /tmp, are SQLite databases, as seen
// from the service's directory. What Python compiles, links, and logs are none. At most
// some are told. kept is what it declares as data.
func written(dir string) (files, databases, kept []string) {
	const most = 200
	mark, err := os.Stat(filepath.Join(dir, began))
	if err != nil {
		return nil, nil, nil
	}
	text, err := os.ReadFile(filepath.Join(dir, began))
	if err != nil {
		return nil, nil, nil
	}
	home, rest, _ := strings.Cut(string(text), "\n")
	kept = strings.FieldsFunc(rest, func(r rune) bool { return r == '\n' })
	app := filepath.Join(dir, "app")
	deadline := time.Now().Add(5 * time.Second) // of a tree with millions of files
	_ = filepath.WalkDir(app, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // it goes away meanwhile
		case len(files) >= most || time.Now().After(deadline):
			return filepath.SkipAll
		case entry.IsDir() && entry.Name() == "__pycache__":
			return filepath.SkipDir
		case !entry.Type().IsRegular() || strings.HasSuffix(path, ".pyc") || strings.HasSuffix(path, ".log") || strings.HasSuffix(path, ".pid"):
			return nil
		}
		info, err := entry.Info()
		if err != nil || !info.ModTime().After(mark.ModTime()) {
			return nil
		}
		rel, err := filepath.Rel(slipway.SourcePath(home).In(app), path)
		if err != nil {
			return nil
		}
		files = append(files, rel)
		if isSQLite(path) {
			databases = append(databases, rel)
		}
		return nil
	})
	tmp := filepath.Join(dir, "home", "tmp")
	_ = filepath.WalkDir(tmp, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case len(databases) >= most || time.Now().After(deadline):
			return filepath.SkipAll
		case temporary.MatchString(entry.Name()) && entry.IsDir():
			return filepath.SkipDir
		case entry.Type().IsRegular() && !temporary.MatchString(entry.Name()) && isSQLite(path):
			databases = append(databases, "/tmp"+strings.TrimPrefix(path, tmp))
		}
		return nil
	})
	return files, databases, kept
}

// temporary is what Python calls files that nobody looks for again.
var temporary = regexp.MustCompile(`^tmp[a-z0-9_]{8}`)

// isSQLite tells a database by its first 16 bytes
// (https://www.sqlite.org/fileformat.html, 1.3.1).
func isSQLite(path string) bool {
	// What the service has put there since it was looked at may be a link, or a pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 16)
	_, err = io.ReadFull(f, head)
	return err == nil && bytes.Equal(head, []byte("SQLite format 3\x00"))
}

// unkept says what is to be done about databases inside the release: the setting, with
// what is declared already.
func unkept(who string, databases, declared []string) string {
	where := " inside the release, which goes away with it"
	switch {
	case len(databases) > 1:
		where = " inside the release, which go away with it"
	case filepath.IsAbs(databases[0]):
		where = ", in the /tmp of this release, which goes away with it"
	}
	kind := "database"
	if len(databases) > 1 {
		kind = "databases"
	}
	return fmt.Sprintf("%s the SQLite %s %s%s; have it kept: slipway service set SERVICE --set 'data=[%s]', or let its place come from a variable: SLIPWAY_DATA is the directory that stays", who, kind, strings.Join(databases, " and "), where, strings.Join(append(slices.Clone(declared), databases...), ", "))
}

// warnUnkept tells of databases that the release which serves now has written
// inside its own copy, where the next one doesn't find them.
func (p *place) warnUnkept(d slipway.Deployment, log io.Writer) {
	p.mu.Lock()
	live := p.state.Deployments[p.state.Live]
	p.mu.Unlock()
	if live == nil || live.ID == d.ID {
		return
	}
	_, databases, _ := written(p.dir(live.home()))
	kept := declared(d.Manifest)
	databases = slices.DeleteFunc(databases, func(name string) bool { return covered(kept, name) })
	if len(databases) > 0 {
		says := unkept(fmt.Sprintf("release %d, which serves now, has written", live.Release), databases, kept)
		fmt.Fprintln(log, "warning: "+slipway.Addressed(says, p.service, p.environment))
	}
}

// concludeWritten is what a release command that went well is told about the files
// that it has written inside its copy of the source, and whether it can count as
// gone well: what it did to a database there is gone with the copy.
func concludeWritten(dir string) (reason, note string) {
	files, databases, kept := written(dir)
	if len(databases) > 0 {
		return unkept("the release command has written", databases, kept), ""
	}
	if len(files) == 0 {
		return "", ""
	}
	return "", fmt.Sprintf("note: the release command has written %d files inside its copy of the release (%s), which goes away: what every instance needs is made by build.commands, what stays lies in SLIPWAY_DATA\n", len(files), strings.Join(files[:min(len(files), 3)], ", "))
}
