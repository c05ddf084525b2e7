package build

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// Where a run keeps what belongs to whom, below its home: the project's code may
// write to own and to the trees that it works in, not to the home itself, so that
// it can't put a link in the place of what the platform reads afterwards.

// own is the home directory of the run's commands.
func (r *run) own() string { return filepath.Join(r.home, "own") }

// inside is what code of the project may reach: it reads its environment and
// changes its own trees. Of the data directory it sees nothing else.
func (r *run) inside(p *python.Project, env environment, trees ...string) *sandbox.Confinement {
	return r.confinement(p, []string{env.venv()}, trees)
}

// confinement adds what every command of a project needs.
func (r *run) confinement(p *python.Project, read, write []string) *sandbox.Confinement {
	read = append(read, sandbox.Interpreter(p.Python.Interpreter)...)
	if tools, err := toolInterpreter(r.o.Interpreters); err == nil {
		read = append(read, sandbox.Interpreter(tools)...)
	}
	return &sandbox.Confinement{Read: read, Write: append([]string{r.own()}, write...), Closed: []string{r.o.Data}, Tmp: filepath.Join(r.own(), "tmp")}
}

// openMade opens a file that code of a project made: what is no file, or a link to
// one, is refused, as the platform would read what the code may not.
func openMade(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) {
		return nil, notAFile(path)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notAFile(path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func readMade(path string) ([]byte, error) {
	f, err := openMade(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxResults))
}

// writeAnew writes a file where code of a project may have put another, or a link.
func writeAnew(path, text string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

func notAFile(path string) error {
	return slipway.Errorf(slipway.Refused, "%s, which the build made, is no ordinary file", filepath.Base(path))
}

// settle takes out of a tree what code of the project may have left there and no
// release can hold: pipes and sockets, and the right to run as somebody else. A link that leads out is refused: what it
// leads to isn't part of the release, and may not be for its eyes. One that a build has
// made to a place in the tree by its whole path is made to lead there wherever the tree
// lies.
func settle(tree string) error {
	return filepath.WalkDir(tree, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission):
			return slipway.Errorf(slipway.Refused, "%s, which the build made, can't be read; leave its owner the right to read and enter it", filepath.Base(path))
		case err != nil:
			return err
		case entry.Type()&fs.ModeSymlink != 0:
			rel, err := filepath.Rel(tree, path)
			if err != nil {
				return err
			}
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			if own, inside := below(tree, target); inside { // where the tree lies is no matter of the link's
				if target, err = filepath.Rel(filepath.Dir(rel), own); err != nil {
					return err
				}
				if err := relink(path, target); err != nil {
					return err
				}
			}
			return checkLink(rel, target)
		case entry.Type().IsRegular():
			info, err := entry.Info()
			if err != nil || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) == 0 {
				return err
			}
			return os.Chmod(path, info.Mode().Perm()) // #nosec G122 -- nothing of the build runs any more
		case !entry.IsDir():
			return os.Remove(path) // #nosec G122 -- nothing of the build runs any more
		}
		return nil
	})
}

// below is where an absolute path lies in a tree.
func below(tree, target string) (rel string, inside bool) {
	rel, err := filepath.Rel(tree, target)
	return rel, err == nil && filepath.IsAbs(target) && filepath.IsLocal(rel)
}

func relink(path, target string) error {
	if err := os.Remove(path); err != nil { // #nosec G122 -- nothing of the build runs any more
		return err
	}
	return os.Symlink(target, path)
}

// seal leaves in an environment that is complete files that nobody writes to by
// accident, and nothing that is no file.
func seal(venv string) error {
	return filepath.WalkDir(venv, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		if !entry.Type().IsRegular() {
			return os.Remove(path) // #nosec G122 -- nothing of the build runs any more
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return os.Chmod(path, info.Mode().Perm()&^0o222) // #nosec G122 -- as above
	})
}

// checkLink refuses a link of the project's tree that leaves it.
func checkLink(rel, target string) error {
	if filepath.IsAbs(target) || !filepath.IsLocal(filepath.Join(filepath.Dir(rel), target)) {
		return slipway.Errorf(slipway.Refused, "the link %s leaves the project (it points to %s); remove it", rel, target)
	}
	return nil
}
