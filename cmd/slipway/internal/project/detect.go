// Package project holds the commands that look at a project and need no platform:
// what it is, a release of it, its tests.
package project

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/build"
	"github.com/slipway-dev/slipway/adapters/secrets"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
	"github.com/slipway-dev/slipway/python"
)

// DetectCommand says what Slipway understands of a project and why.
type DetectCommand struct {
	Project string `arg:"" name:"path-or-git-url" help:"A directory, or a git URL."`
	Path    string `help:"The service's directory inside the repository."`
	Ref     string `help:"Branch, tag or commit, for a git URL."`

	cli.OverrideFlags
}

func (c *DetectCommand) Help() string {
	return `Reads a project and tells, with file and line, what was found: manager, Python,
framework, processes, tests, migrations, health check. No server is needed and
nothing of the project is run. Exits 0 when it can be deployed, 2 when not.

Examples:
  slipway detect .
  slipway detect https://git.example.com/team/payments.git --ref main --json
  slipway detect . --set processes.web="python serve.py"`
}

func (c *DetectCommand) Run(a *cli.App) error {
	ctx := a.Context
	overrides, err := c.OverrideFlags.Read(a, "")
	if err != nil {
		return err
	}
	tree, done, err := openProject(ctx, a.Data, c.Project, c.Ref, a.Stderr)
	if err != nil {
		return err
	}
	defer done()
	interpreters, err := build.FindInterpreters(ctx, a.Data)
	if err != nil {
		return err
	}
	project, err := python.Detect(os.DirFS(tree), python.Options{Path: c.Path, Overrides: overrides, Interpreters: interpreters, Today: time.Now()})
	if err != nil {
		return err
	}
	if a.JSON {
		out := json.NewEncoder(a.Stdout)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		if err := out.Encode(project); err != nil {
			return err
		}
	} else {
		printProject(a.Stdout, project)
	}
	if !project.Deployable {
		return &cli.EndedError{Exit: cli.ExitUsage}
	}
	return nil
}

// openProject returns the directory of a project; one that is given by a git
// URL is exported into a temporary directory that done removes.
func openProject(ctx context.Context, data, project, ref string, log io.Writer) (dir string, done func(), err error) {
	if bareRepository(project) {
		if project, err = filepath.Abs(project); err != nil {
			return "", nil, err
		}
		project = "file://" + project
	}
	if info, err := os.Stat(project); err == nil && ref == "" {
		if !info.IsDir() {
			return "", nil, slipway.Errorf(slipway.Invalid, "%s is a file; name the project's directory", project).At("path-or-git-url")
		}
		return project, func() {}, nil
	}
	repository := slipway.Repository{URL: project}
	if err := repository.Validate(); err != nil {
		return "", nil, slipway.Errorf(slipway.Invalid, "%q is neither a directory here nor a repository URL", project).At("path-or-git-url")
	}
	store, err := secrets.Open(filepath.Join(data, "secrets"))
	if err != nil {
		return "", nil, err
	}
	git := source.New(source.Options{Dir: filepath.Join(data, "mirrors"), Secrets: store.Get, AllowFile: true})
	commit, err := git.Resolve(ctx, repository, ref)
	if err != nil {
		return "", nil, err
	}
	tmp, err := os.MkdirTemp("", "slipway-detect-")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(tmp) }
	dir = filepath.Join(tmp, "tree")
	if err := git.Export(ctx, repository, commit.ID, dir, log); err != nil {
		done()
		return "", nil, err
	}
	return dir, done, nil
}

// bareRepository tells whether a directory is what git keeps, with no files to read.
func bareRepository(dir string) bool {
	for _, name := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	head, err := os.Stat(filepath.Join(dir, "HEAD"))
	return err == nil && head.Mode().IsRegular()
}

// printProject writes a project for people: the verdict, the answers with their
// evidence, then what to know and what to mend.
func printProject(w io.Writer, p *python.Project) {
	if p.Deployable {
		fmt.Fprintln(w, "This project can be deployed.")
	} else {
		fmt.Fprintln(w, "This project can't be deployed yet.")
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, f := range p.Findings {
		where := f.File
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if f.Overridden() {
			where = "set by the service's owners"
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", f.What, f.Value, where, f.Rule)
		if len(f.Rivals) > 0 {
			fmt.Fprintf(table, "  \tnot %s\t\t\n", strings.Join(f.Rivals, ", "))
		}
	}
	_ = table.Flush()
	names := make([]string, 0, len(p.Processes))
	for name := range p.Processes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "  runs %s: %s\n", name, p.Processes[name])
	}
	if p.ReleaseCommand != "" {
		fmt.Fprintf(w, "  before the switch: %s\n", p.ReleaseCommand)
	}
	if p.Test.Command != "" {
		fmt.Fprintf(w, "  tests: %s\n", p.Test.Command)
	} else {
		fmt.Fprintln(w, "  tests: none found")
	}
	for _, s := range p.System {
		fmt.Fprintf(w, "  %s needs: %s\n", s.Package, s.Needs)
	}
	printProblems(w, "Good to know", p.Warnings)
	printProblems(w, "To mend", p.Problems)
}

func printProblems(w io.Writer, title string, problems []python.Problem) {
	if len(problems) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n", title)
	for _, p := range problems {
		fmt.Fprintf(w, "  - %s", p.Message)
		if p.File != "" {
			fmt.Fprintf(w, " (%s", p.File)
			if p.Line > 0 {
				fmt.Fprintf(w, ":%d", p.Line)
			}
			fmt.Fprint(w, ")")
		}
		fmt.Fprintln(w)
		if p.Remedy != "" {
			fmt.Fprintf(w, "    %s\n", p.Remedy)
		}
	}
}
