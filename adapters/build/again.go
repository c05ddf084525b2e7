package build

import (
	"context"
	"fmt"
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

func (r *run) options(path string, overrides slipway.Overrides) python.Options {
	return python.Options{Path: path, Overrides: overrides, Interpreters: r.interpreters(), Fetch: r.o.FetchPython, Today: time.Now()}
}
