package source

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"syscall"

	"github.com/slipway-dev/slipway"
)

// writeLinks makes the links of all trees and refuses those that leave the
// export. Reading the target alone can't tell: a link may lead through another
// one, so where each really leads is asked of the root, which nothing can leave.
func (x *export) writeLinks() error {
	for name, target := range x.links {
		if target == "" || path.IsAbs(target) || !filepath.IsLocal(path.Join(path.Dir(name), target)) {
			return leaves(name, target)
		}
		if err := x.mkdir(path.Dir(name)); err != nil {
			return err
		}
		if err := x.root.Symlink(target, name); err != nil {
			return slipway.Wrap(slipway.Unavailable, err, "the link %s could not be written: is the disk full?", clip(name, 80))
		}
	}
	for name, target := range x.links {
		_, err := x.root.Stat(name)
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			// A link to nothing is odd but leads nowhere.
		case errors.Is(err, syscall.ELOOP):
			return slipway.Errorf(slipway.Invalid, "the link %s leads in a circle, or through too many links; remove it", clip(name, 80))
		default:
			return leaves(name, target)
		}
	}
	return nil
}

func leaves(name, target string) error {
	return slipway.Errorf(slipway.Invalid, "the link %s leaves the repository (it points to %s); remove it, or put what it points to into the repository", clip(name, 80), clip(target, 80))
}
