package build

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/artifact"
)

// unused is how long an environment stays that no artifact links to: tests have
// environments of their own, and the next build may want the same again.
const unused = 7 * 24 * time.Hour

// Discard removes an artifact, and the environments that no artifact links to and
// no build has used for a week.
func (b *Builder) Discard(ctx context.Context, digest slipway.Digest) error {
	if err := os.RemoveAll(artifact.Dir(b.o.Data, digest)); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the artifact %.19s can't be removed", digest)
	}
	return errors.Join(b.sweep(ctx, time.Now().Add(-unused)), b.sweepBytecode(time.Now().Add(-forgotten)), b.sweepOutgrown(time.Now().Add(-forgotten)), b.sweepHeld())
}

// sweep removes environments that were used last before a time.
func (b *Builder) sweep(ctx context.Context, before time.Time) error {
	linked, err := b.linked()
	if err != nil {
		return err
	}
	markers, err := filepath.Glob(filepath.Join(b.o.Data, "environments", "*", "complete.json"))
	if err != nil {
		return err
	}
	for _, marker := range markers {
		dir := filepath.Dir(marker)
		if linked[filepath.Base(dir)] {
			continue
		}
		if err := removeIdle(ctx, dir, marker, before); err != nil {
			return err
		}
	}
	return nil
}

// removeIdle looks under the environment's lock: a build that uses it touches the
// marker under the same one.
func removeIdle(ctx context.Context, dir, marker string, before time.Time) error {
	unlock, err := lockFile(ctx, dir+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	info, err := os.Stat(marker)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.ModTime().Before(before) {
		return nil
	}
	if err != nil {
		return disk(err, "an environment can't be looked at")
	}
	return disk(os.RemoveAll(dir), "an old environment can't be removed")
}

// linked are the keys of the environments that artifacts link to.
func (b *Builder) linked() (map[string]bool, error) {
	links, err := filepath.Glob(filepath.Join(b.o.Data, "artifacts", "*", "venv"))
	linked := map[string]bool{}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil {
			linked[filepath.Base(filepath.Dir(to))] = true
		}
	}
	return linked, err
}
