// Command slipway is the whole product in one binary: the platform, and the
// commands that speak to it.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) (exit int) {
	return cli.Run(ctx, cli.Program{
		Commands: func() cli.Commands { return &commandLine{} },
		Options: []kong.Option{
			kong.Name("slipway"),
			kong.Description("From a git URL to production, for Python services.\n\nStart with `slipway up`, then `slipway service add URL` and `slipway promote NAME --follow`. Exit codes: 0 done, 1 error, 2 usage or invalid input, 3 failed by the service's own tests or checks."),
			groups,
		},
	}, args, stdin, stdout, stderr, env)
}

type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command."`
}

// Help has examples.
func (helpCommand) Help() string { return "Examples:\n  slipway help\n  slipway help secret set" }

// Run shows the help of a command.
func (c *helpCommand) Run(a *cli.App) error {
	_, err := a.Parser.Parse(append(c.Command, "--help"))
	if err != nil {
		return slipway.Errorf(slipway.Invalid, "%s", err)
	}
	return nil
}
