package report

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// printRelease shows one release with what is recorded of it.
func printRelease(a *cli.App, service string, number int) error {
	r, err := cli.Call(a, func(ctx context.Context, c *client.ClientWithResponses) (*client.GetReleaseResponse, error) {
		return c.GetReleaseWithResponse(ctx, service, number)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	x := r.JSON200
	held := strings.Join(x.BuiltUnder, ", ")
	if held == "" {
		held = "not recorded"
	}
	if err := a.Facts("release", fmt.Sprint(x.Number), "commit", x.Commit.Id, "subject", x.Commit.Subject, "author", x.Commit.Author,
		"tests", tested(x.Tests), "runs in", strings.Join(x.Environments, " "), "python", x.Manifest.Python, "framework", x.Manifest.Framework, "packages before", x.Manifest.PackagesAsOf,
		"artifact", string(x.Artifact), "built", cli.Ago(x.CreatedAt), "built under", held); err != nil {
		return err
	}
	if len(x.Dependencies) == 0 {
		return nil
	}
	var rows [][]string
	for _, d := range x.Dependencies {
		how := "brought by another"
		if d.Direct {
			how = "direct"
		}
		rows = append(rows, []string{d.Name, d.Version, how})
	}
	fmt.Fprintln(a.Stdout)
	return a.Table([]string{"package", "version", "how"}, rows)
}

// tested is how a release's tests went, "" while there are none to tell of.
func tested(t client.Tests) string {
	switch {
	case t.Verdict == slipway.TestsFailed && t.Failed+t.Errors == 0:
		return "could not run"
	case t.Verdict == slipway.TestsSkipped:
		return "skipped by its owner"
	case t.Verdict == slipway.TestsNone:
		return "none"
	case t.Verdict == slipway.TestsPassed && t.Total == 0:
		return "passed, not counted"
	case t.Command != "":
		return fmt.Sprintf("%d of %d passed", t.Passed, t.Total)
	}
	return ""
}

// ReleasesCommand lists releases, or shows one.
type ReleasesCommand struct {
	Service string `arg:"" help:"The service."`
	Release int    `arg:"" optional:"" help:"Only this release, with all that is recorded of it."`
	Limit   int    `short:"n" default:"20" help:"How many at most."`
}

// Help has examples.
func (ReleasesCommand) Help() string {
	return "Examples:\n  slipway releases billing\n  slipway releases billing 7"
}

// Run lists releases, or shows one.
func (c *ReleasesCommand) Run(a *cli.App) error {
	if c.Release != 0 {
		return printRelease(a, c.Service, c.Release)
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListReleasesResponse, error) {
		return cl.ListReleasesWithResponse(ctx, c.Service, &client.ListReleasesParams{Limit: cli.Given(c.Limit)})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	if len(r.JSON200.Items) == 0 {
		fmt.Fprintf(a.Stdout, "No releases. Make one: slipway promote %s --follow\n", c.Service)
		return nil
	}
	var rows [][]string
	for _, x := range r.JSON200.Items {
		digest := strings.TrimPrefix(string(x.Artifact), "sha256:")
		rows = append(rows, []string{fmt.Sprint(x.Number), cli.Short(x.Commit.Id), x.Commit.Subject, tested(x.Tests), strings.Join(x.Environments, " "), cli.Short(digest), cli.Ago(x.CreatedAt)})
	}
	defer a.More(r.JSON200.NextCursor, c.Limit)
	return a.Table([]string{"release", "commit", "subject", "tests", "runs in", "digest", "built"}, rows)
}
