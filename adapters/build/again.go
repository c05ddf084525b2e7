package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

// What a first try to build has told is used for a second one, where nobody has stated
// the contrary: a stranger's project runs, and its log says what it lacks.

// imported is the environment, with the project in it, in which the application has
// been imported. One that lacks the pkg_resources of older setuptools, which came with
// every environment once, gets it.
func (r *run) imported(ctx context.Context, project *python.Project, source string) (environment, error) {
	for {
		env, err := r.production(ctx, project, source)
		if err != nil {
			return env, err
		}
		if err := r.installProject(ctx, project, source, env); err != nil {
			return env, err
		}
		if err := r.programs(project, source, env, false); err != nil {
			return env, err
		}
		if says := lacksPkgResources(project, env); says != "" && project.KeepSetuptools(says) {
			fmt.Fprintf(r.log, "%s; setuptools<82, which has it, is installed as well\n", says)
			continue
		}
		if err = r.checkImport(ctx, project, source, env); err == nil || !project.KeepSetuptools(err.Error()) {
			return env, err
		}
		fmt.Fprintf(r.log, "%s; setuptools<82, which has it, is installed as well\n", err)
	}
}

// outgrownError is a build that failed on a Python which is too new for what it
// installs or imports.
type outgrownError struct {
	error
	newest int
	why    string
}

func (e *outgrownError) Unwrap() error { return e.error }

// another is what is tried after a failed build: each time an older Python, and last the
// packages of today; nil when nothing is left.
func (r *run) another(ctx context.Context, req slipway.BuildRequest, project *python.Project, failed error) *python.Project {
	var chosen *chosenError
	if errors.As(failed, &chosen) {
		r.chosen = chosen.Key()
		if known, err := r.understand(ctx, req.Dir, r.options(req.Path, req.Overrides)); err == nil && len(known.Problems) == 0 && len(known.Candidates) == 0 {
			fmt.Fprintf(r.log, "%s: it is served\n", failed)
			return known
		}
		return nil
	}
	var outgrown *outgrownError
	if errors.As(failed, &outgrown) {
		if older := r.older(ctx, req, project, outgrown); older != nil {
			return older
		}
	}
	return r.todays(ctx, req, project, failed)
}

// older is the project with the Python that a failed build asks for, nil when the
// project states another one, or none that is old enough is here.
func (r *run) older(ctx context.Context, req slipway.BuildRequest, project *python.Project, failed *outgrownError) *python.Project {
	o := r.options(req.Path, req.Overrides)
	o.Newest, o.NewestWhy = failed.newest, failed.why
	older, err := r.understand(ctx, req.Dir, o)
	if err != nil || len(older.Problems) > 0 || older.Python.Version == project.Python.Version || older.Python.Interpreter == "" || !older.Python.AtMost(failed.newest) {
		return nil
	}
	fmt.Fprintf(r.log, "%s: it is built once more, with Python %s\n", failed.why, older.Python.Version)
	return older
}

// known is an outgrownError as it is kept, so that the next build of the same
// dependencies begins with the older Python. Nothing of it depends on more than what the
// environment is known by.
type known struct {
	Says   string `json:"says"`
	Newest int    `json:"newest"`
	Why    string `json:"why"`
}

// outgrew is what an earlier build has found out about an environment.
func (r *run) outgrew(key string) error {
	text, err := readMade(r.outgrownFile(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var k known
	if err != nil || json.Unmarshal(text, &k) != nil || k.Newest == 0 {
		return disk(err, "what is known of an environment can't be read")
	}
	fmt.Fprintln(r.log, "an earlier build of these dependencies failed with this Python")
	return &outgrownError{slipway.Errorf(slipway.Refused, "%s", k.Says), k.Newest, k.Why}
}

// remember keeps why an environment can't be made with its Python, and gives the error
// back.
func (r *run) remember(key string, failed error) error {
	var o *outgrownError
	if !errors.As(failed, &o) {
		return failed
	}
	text, err := json.Marshal(known{failed.Error(), o.newest, o.why})
	file := r.outgrownFile(key)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = writeAnew(file, string(text))
	}
	if err != nil {
		return disk(err, "what is known of an environment can't be kept")
	}
	return failed
}

func (b *Builder) outgrownFile(key string) string {
	return filepath.Join(b.o.Data, "cache", "outgrown", key+".json")
}

// sweepOutgrown forgets what was found out before a time.
func (b *Builder) sweepOutgrown(before time.Time) error {
	files, err := filepath.Glob(b.outgrownFile("*"))
	for _, file := range files {
		if info, gone := os.Stat(file); gone == nil && info.ModTime().Before(before) {
			err = errors.Join(err, os.Remove(file))
		}
	}
	return disk(err, "what is known of old environments can't be removed")
}

func (r *run) options(path string, overrides slipway.Overrides) python.Options {
	return python.Options{Path: path, Overrides: overrides, Interpreters: r.interpreters(), Fetch: r.o.FetchPython, Today: time.Now(), Written: r.written, Chosen: r.chosen}
}
