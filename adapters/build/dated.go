package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

// datedError is an installation of packages of the commit's day that failed. An index
// may not say when its packages came, or say the day on which it copied them.
type datedError struct{ error }

func (e *datedError) Unwrap() error { return e.error }

// upTo is the setting by which uv passes over what came since a day began, in the time
// zone in which indexes tell theirs. What comes on the day itself doesn't count, as a
// commit is mostly built before its day is over: it would be another release the day after.
func upTo(p *python.Project) map[string]string {
	day, err := time.Parse(time.DateOnly, p.PackagesAsOf)
	if err != nil {
		return nil
	}
	return map[string]string{"UV_EXCLUDE_NEWER": day.Format(time.RFC3339)}
}

// todays is the project with the packages of today, after those of the commit's day, which
// nobody has stated, could not be installed; nil where that isn't why a build failed.
func (r *run) todays(ctx context.Context, req slipway.BuildRequest, project *python.Project, failed error) *python.Project {
	var dated *datedError
	var outgrown *outgrownError
	if !errors.As(failed, &dated) && !errors.As(failed, &outgrown) || !project.DatedByCommit() {
		return nil
	}
	r.written = time.Time{}
	todays, err := r.understand(ctx, req.Dir, r.options(req.Path, req.Overrides))
	if err != nil || len(todays.Problems) > 0 {
		return nil
	}
	fmt.Fprintf(r.log, "note: with packages of before %s, the day of the commit: %s; it is built once more, with today's\n", project.PackagesAsOf, failed)
	return todays
}

// dateless is the key that an environment has whatever the day of its packages, "" when
// that can't be: something isn't held to one version.
func (r *run) dateless(ctx context.Context, p *python.Project, source, purpose string) (string, error) {
	if p.PackagesAsOf == "" || !p.Pinned() || firstOf(p.Install.Local, p.Test.Local) != "" {
		return "", nil
	}
	always := *p
	always.PackagesAsOf = ""
	return r.key(ctx, &always, source, purpose)
}

// heldAs is the environment that was made of files which turned out to hold all that was
// installed, by the key without a day; "" when it isn't known, or gone.
func (b *Builder) heldAs(dateless string) string {
	if dateless == "" {
		return ""
	}
	key, err := readMade(b.heldFile(dateless))
	if err != nil || len(key) != len(dateless) {
		return ""
	}
	if _, err := os.Stat(filepath.Join(b.o.Data, "environments", string(key), "complete.json")); err != nil {
		return ""
	}
	return string(key)
}

func (b *Builder) heldFile(dateless string) string {
	return filepath.Join(b.o.Data, "cache", "held", dateless)
}

// held says that a requirement is of one version.
func held(text string) bool {
	text, _, _ = strings.Cut(text, ";")
	return strings.Contains(text, "==") && !strings.Contains(text, "*")
}

// holding looks, when the dependencies are installed, whether the requirement files hold
// each of them. Then the environment is that of every day.
func (r *run) holding(dateless, source string, files []string) []step {
	if dateless == "" {
		return nil
	}
	return []step{{do: func(_ context.Context, env environment) error {
		pins, err := python.Held(os.DirFS(source), files)
		if err != nil {
			return disk(err, "the requirements can't be read")
		}
		there, err := distributions(env.venv())
		if err != nil {
			return disk(err, "the environment can't be read")
		}
		for _, d := range there {
			if !pins[normal(d.name)] {
				return nil
			}
		}
		file := r.heldFile(dateless)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return disk(err, "what is known of an environment can't be kept")
		}
		return disk(writeAnew(file, env.key), "what is known of an environment can't be kept")
	}}}
}

// sweepHeld forgets what leads to environments that are gone.
func (b *Builder) sweepHeld() error {
	files, err := filepath.Glob(b.heldFile("*"))
	for _, file := range files {
		if b.heldAs(filepath.Base(file)) == "" {
			if gone := os.Remove(file); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}
	return disk(err, "what is known of old environments can't be removed")
}
