package project

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/build"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// BuildCommand builds a release locally, the way the platform does.
type BuildCommand struct {
	Project string `arg:"" type:"existingdir" name:"path" help:"The project's directory."`
	Path    string `help:"The service's directory inside it."`
	Out     string `help:"Also link the artifact here." placeholder:"DIR"`

	cli.OverrideFlags
}

func (c *BuildCommand) Help() string {
	return `Builds a release of a working tree as a promotion would: dependencies from the
lock, the application imported once, an immutable artifact with its digest, SBOM
and manifest. Tests are not run; slipway test does that.

Examples:
  slipway build . --out ./release
  slipway build . --json`
}

func (c *BuildCommand) Run(a *cli.App) error {
	log, done := cli.OutputOf(a.Stderr)
	_, artifact, err := buildLocally(a, c.Project, c.Path, c.OverrideFlags, log)
	done()
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := linkArtifact(artifact.Path, c.Out); err != nil {
			return err
		}
	}
	if a.JSON {
		return json.NewEncoder(a.Stdout).Encode(artifact)
	}
	fmt.Fprintf(a.Stdout, "Built %s\n  in      %s\n  Python  %s\n", artifact.Digest, artifact.Path, artifact.Manifest.Python)
	for _, p := range artifact.Manifest.Processes {
		fmt.Fprintf(a.Stdout, "  runs    %s: %s\n", p.Name, p.Command)
	}
	return nil
}

// TestCommand runs a project's tests the way the platform does.
type TestCommand struct {
	Project string `arg:"" type:"existingdir" name:"path" help:"The project's directory."`
	Path    string `help:"The service's directory inside it."`

	cli.OverrideFlags
}

func (c *TestCommand) Help() string {
	return `Builds a release of a working tree and runs its tests beside it, as a promotion
would: own environment, own home, limits. Exits 3 when they are red.

Examples:
  slipway test .
  slipway test . --json`
}

func (c *TestCommand) Run(a *cli.App) error {
	log, done := cli.OutputOf(a.Stderr)
	defer done()
	builder, artifact, err := buildLocally(a, c.Project, c.Path, c.OverrideFlags, log)
	if err != nil {
		return err
	}
	report, err := builder.Test(a.Context, slipway.TestRequest{
		Artifact: artifact.Digest, Path: c.Path, RunID: fmt.Sprintf("local-test-%d", os.Getpid()), History: historyOf(a.Data, c.Project),
	}, log)
	done() // before the results
	if slipway.CodeOf(err) != slipway.Refused && err != nil {
		return err
	}
	report = report.Judged(err)
	if a.JSON {
		if err := json.NewEncoder(a.Stdout).Encode(report); err != nil {
			return err
		}
	} else {
		printTests(a.Stdout, report)
	}
	return err
}

func buildLocally(a *cli.App, project, path string, flags cli.OverrideFlags, log io.Writer) (*build.Builder, slipway.Artifact, error) {
	overrides, err := flags.Read(a, "")
	if err != nil {
		return nil, slipway.Artifact{}, err
	}
	if err := os.MkdirAll(a.Data, 0o700); err != nil {
		return nil, slipway.Artifact{}, slipway.Wrap(slipway.Invalid, err, "the data directory %s can't be made; choose another with --data", a.Data)
	}
	builder, _, err := NewBuilder(a.Context, build.Options{Data: a.Data})
	if err != nil {
		return nil, slipway.Artifact{}, err
	}
	dir, err := filepath.Abs(project)
	if err != nil {
		return nil, slipway.Artifact{}, err
	}
	artifact, err := builder.Build(a.Context, slipway.BuildRequest{
		Service: slipway.NameFromRepository(slipway.Repository{URL: dir, Path: path}), Dir: dir, Path: path,
		Commit: "working tree", RunID: fmt.Sprintf("local-build-%d", os.Getpid()),
		Overrides: overrides, History: historyOf(a.Data, dir),
	}, log)
	return builder, artifact, err
}

// historyOf is the history of a working tree's newest commit; nil when the
// directory is no repository's.
func historyOf(data, dir string) func(context.Context, string, io.Writer) error {
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil {
		return nil
	}
	return func(ctx context.Context, to string, log io.Writer) error {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		git := source.New(source.Options{Dir: filepath.Join(data, "mirrors"), AllowFile: true})
		repository := slipway.Repository{URL: "file://" + dir}
		commit, err := git.Resolve(ctx, repository, "HEAD")
		if err != nil {
			return err
		}
		return git.History(ctx, repository, commit.ID, to, log)
	}
}

// linkArtifact makes out point at the artifact; an existing link is replaced,
// anything else is left alone.
func linkArtifact(artifact, out string) error {
	if info, err := os.Lstat(out); err == nil {
		if info.Mode()&os.ModeSymlink == 0 {
			return slipway.Errorf(slipway.Conflict, "%s exists and is not a link; name another place with --out", out)
		}
		if err := os.Remove(out); err != nil {
			return err
		}
	}
	return os.Symlink(artifact, out)
}

func printTests(w io.Writer, r slipway.TestReport) {
	if r.Verdict == slipway.TestsFailed && r.Failed+r.Errors == 0 {
		fmt.Fprintln(w, "The tests could not be run to their end: "+r.Reason)
		return
	}
	switch {
	case r.Verdict == slipway.TestsSkipped:
		fmt.Fprintln(w, "The tests are skipped by their owner, who doesn't want them run.")
		return
	case r.Verdict == slipway.TestsNone && r.Reason != "":
		fmt.Fprintln(w, r.Reason+".")
		return
	case r.Command == "":
		fmt.Fprintln(w, "This project has no tests that Slipway can find.")
		return
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d errors, %d skipped in %.1f s (%s)\n", r.Passed, r.Failed, r.Errors, r.Skipped, r.Seconds, r.Command)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "\n  %s\n    %s\n", f.Name, strings.ReplaceAll(f.Message, "\n", "\n    "))
	}
}
