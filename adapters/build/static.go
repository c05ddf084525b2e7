package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

const (
	// collected is where static files lie whose settings name no place in the release.
	collected    = ".slipway-static"
	collectLimit = 5 * time.Minute
)

// static collects the project's static files into the release, and returns what the
// edge has to serve; nil when that is nothing. Files that can't be collected don't
// end a build: an application may do without them. It is said here, and seen by the
// verification.
func (r *run) static(ctx context.Context, p *python.Project, source string, env environment) (*slipway.Static, error) {
	place, answer := filepath.Join(p.Root.In(source), collected), filepath.Join(r.own(), "static.json")
	code, args, ok := p.CollectStatic(source, place, answer)
	if !ok {
		return nil, nil
	}
	if err := errors.Join(os.RemoveAll(place), os.RemoveAll(answer)); err != nil {
		return nil, disk(err, "the place for static files can't be cleared")
	}
	result, _, err := r.command(ctx, sandbox.Command{
		Args: append([]string{env.python(), "-c", code}, args...),
		Dir:  p.Static.Dir.In(source), Env: r.appEnv(p, source, env, p.Config.BuildEnv()),
		Timeout: collectLimit, Project: true, Confinement: r.inside(p, env, source),
	})
	if err != nil {
		return nil, err
	}
	text, err := readMade(answer)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, disk(err, "what became of the static files can't be read")
	}
	told, err := python.ReadStaticResult(text)
	switch {
	case err != nil && result.TimedOut:
		told.Error = "collecting them takes longer than " + collectLimit.String()
	case err != nil:
		told.Error = "collecting them ended the process"
	}
	if told.Error != "" {
		fmt.Fprintf(r.log, "note: the static files are not as pages expect them: %s (variables that the settings want in the build are build.env in slipway.yaml; static_files: application leaves them alone)\n", clip(told.Error, 500))
	}
	if told.Root == "" || told.Files == 0 {
		if err := os.RemoveAll(place); err != nil { // what is there of them is of no use
			return nil, disk(err, "the release can't be cleaned")
		}
		if told.Left != "" {
			fmt.Fprintf(r.log, "static files are not collected: %s\n", clip(told.Left, 200))
		}
		return nil, nil
	}
	if told.Left != "" {
		fmt.Fprintf(r.log, "collected %d static files; %s\n", told.Files, clip(told.Left, 200))
		return nil, nil
	}
	served, why := servable(source, told)
	if served == nil {
		fmt.Fprintf(r.log, "note: the edge does not serve the static files: %s\n", why)
		return nil, nil
	}
	fmt.Fprintf(r.log, "collected %d static files, which the edge serves below %s\n", told.Files, served.Path)
	return served, nil
}

// servable holds what the project's code said of its static files to what the edge
// may serve: a directory of the release, reached without links, and not the whole.
func servable(source string, told python.StaticResult) (served *slipway.Static, why string) {
	if !python.StaticPath(told.URL) {
		return nil, fmt.Sprintf("STATIC_URL is %.100q, and has to be a path such as /static/", told.URL)
	}
	tree, err := filepath.EvalSymlinks(source)
	if err != nil {
		return nil, "the release can't be read"
	}
	rel, err := filepath.Rel(tree, told.Root)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return nil, fmt.Sprintf("they lie in %.200q, which is no directory of their own in the project", told.Root)
	}
	if real, err := filepath.EvalSymlinks(filepath.Join(tree, rel)); err != nil || real != filepath.Join(tree, rel) {
		return nil, fmt.Sprintf("%s is reached by a link", rel)
	}
	return &slipway.Static{Path: told.URL, Dir: slipway.SourcePath(filepath.ToSlash(rel))}, ""
}
