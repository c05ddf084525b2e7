package build

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// Limits of a build; slipway.yaml may ask for another time.
const (
	buildTimeout = 20 * time.Minute
	testTimeout  = 10 * time.Minute
	longest      = time.Hour // unless Options say otherwise
	maxMemory    = 4 << 30
	maxOutput    = 64 << 20
	maxDisk      = 10 << 30 // unless Options say otherwise
)

// measured is how often what a run keeps on disk is measured. What takes long to
// measure is measured less often.
const measured = 2 * time.Second

// command runs a command within the bounds of a run, and returns the end of what it
// said, which is in the log as well.
func (r *run) command(ctx context.Context, c sandbox.Command) (sandbox.Result, string, error) {
	var seen bytes.Buffer
	c.MaxMemory, c.MaxOutput, c.MaxFile, c.RunID = maxMemory, maxOutput, r.o.MaxDisk, r.id
	result, err := sandbox.Run(ctx, c, io.MultiWriter(r.log, &tailWriter{to: &seen}))
	if err == nil && !result.OK() {
		err = r.overfull(ctx) // it may have failed before it was ended for it
	}
	return result, seen.String(), err
}

// overfullError says that a run keeps more on disk than it may.
type overfullError struct{ error }

func (e overfullError) Unwrap() error { return e.error }

// overfull measures what the run keeps on disk: its own directories, and the
// environment that it makes.
func (r *run) overfull(ctx context.Context) error {
	if r.o.MaxDisk <= 0 {
		return nil
	}
	space := sandbox.Measure(ctx, r.home)
	if dir := r.making.Load(); dir != nil {
		env := sandbox.Measure(ctx, *dir)
		if env.Bytes > space.Bytes {
			space.Most = env.Most
		}
		space.Bytes += env.Bytes
		space.Hidden = cmp.Or(space.Hidden, env.Hidden)
	}
	// A test may close a directory for a moment, to see what its code does then.
	if before := r.hidden.Swap(&space.Hidden); space.Hidden != "" && before != nil && *before == space.Hidden {
		return overfullError{slipway.Errorf(slipway.Refused, "what it writes can't be measured, and it was ended: %s can't be looked into; leave its owner the right to read and enter it, and nest directories less deep", clip(r.shown(space.Hidden), 300))}
	}
	if space.Bytes < r.o.MaxDisk || ctx.Err() != nil {
		return nil
	}
	return overfullError{slipway.Errorf(slipway.Refused, "what it writes takes more than %s on disk, and it was ended; most of it is in %s: write less, or have the platform allow more with slipway up --build-disk",
		inBytes(r.o.MaxDisk), r.shown(space.Most))}
}

// claims refuses a tree of which copies would take more on disk than a run may keep:
// each deploy copies the release, by the platform, whom no bound holds.
func (r *run) claims(ctx context.Context, tree string) error {
	space := sandbox.Measure(ctx, tree)
	if r.o.MaxDisk <= 0 || space.Claimed <= r.o.MaxDisk {
		return nil
	}
	return slipway.Errorf(slipway.Refused, "the files of the release say that they hold %s, more than %s: they have holes, or many names; make them as large as what is in them, or have the platform allow more with slipway up --build-disk",
		inBytes(space.Claimed), inBytes(r.o.MaxDisk))
}

// shown is a directory of a run as the project knows it.
func (r *run) shown(dir string) string {
	for _, known := range [][2]string{{filepath.Join(r.own(), "tmp"), "TMPDIR"}, {r.own(), "HOME"}, {filepath.Join(r.home, "source"), "the source"}, {r.home, "the build's directory"}} {
		if dir == known[0] {
			return known[1]
		}
		if rel, ok := strings.CutPrefix(dir, known[0]+"/"); ok {
			return rel + " of " + known[1]
		}
	}
	if _, rel, ok := strings.Cut(dir, "/venv/"); ok {
		return rel + " of the environment"
	}
	return "the environment"
}

func inBytes(n int64) string {
	if n >= 1<<30 && n%(1<<30) == 0 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// bound returns a context that ends when the run keeps too much on disk, and a
// function that ends the looking.
func (r *run) bound(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		for pause := measured; ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			began := time.Now()
			if err := r.overfull(ctx); err != nil {
				cancel(err)
				return
			}
			pause = max(measured, 20*time.Since(began))
		}
	}()
	return ctx, func() { cancel(nil); <-looked }
}

// ended tells an error that the bounds have caused from one of its own.
func (r *run) ended(ctx context.Context, what string, err error) error {
	var full overfullError
	if err == nil || !errors.As(err, &full) && !errors.As(context.Cause(ctx), &full) {
		return err
	}
	return slipway.Errorf(slipway.Refused, "the %s is too large: %w", what, full.error)
}

var errBuildTime = errors.New("build time is over")

func (b *Builder) buildTime(ctx context.Context, p *python.Project, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errBuildTime) {
		return slipway.Errorf(slipway.Refused, "the build did not end within %s; %s", b.timeoutOf(p), b.more(b.timeoutOf(p), "build.timeout_seconds"))
	}
	return err
}

// bounded is the time that a project asks for, as far as the platform lets it.
func (b *Builder) bounded(seconds int, usual time.Duration) time.Duration {
	if seconds > 0 {
		usual = time.Duration(seconds) * time.Second
	}
	return min(usual, b.o.Longest)
}

// more says how something may take longer.
func (b *Builder) more(took time.Duration, key string) string {
	if took >= b.o.Longest {
		return "no project gets more here, whatever it asks for: make it shorter, or have the platform allow more with slipway up --max-build-time"
	}
	return fmt.Sprintf("allow more: slipway service set SERVICE --set %s=%d, up to %d (or in slipway.yaml)", key, min(3*int(took.Seconds()), int(b.o.Longest.Seconds())), int(b.o.Longest.Seconds()))
}

func (b *Builder) timeoutOf(p *python.Project) time.Duration {
	asked := 0
	if c := p.Config; c != nil && c.Build != nil {
		asked = c.Build.TimeoutSeconds
	}
	return b.bounded(asked, buildTimeout)
}
