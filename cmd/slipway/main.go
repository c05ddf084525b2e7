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

// commandLine is all that can be typed.
type commandLine struct {
	cli.Settings

	platformCommands `group:"Platform"`
	shellCommands    `group:"Look"`

	Service   serviceCommands    `cmd:"" group:"Services" help:"Register, show and remove services."`
	Env       envCommands        `cmd:"" group:"Services" help:"Show and change environments."`
	Domain    domainCommands     `cmd:"" group:"Services" help:"Host names of services."`
	Promote   promoteCommand     `cmd:"" group:"Services" help:"Move a release of a service into an environment."`
	Rollback  rollbackCommand    `cmd:"" group:"Services" help:"Go back to a release that ran in an environment before."`
	Redeploy  redeployCommand    `cmd:"" group:"Services" help:"Promote the release that runs again, with the config of today."`
	Bundle    bundleCommands     `cmd:"" group:"Services" help:"Promote several services together."`
	Approve   approveCommand     `cmd:"" group:"Gates" help:"Approve a promotion that waits, or open its gates."`
	Reject    rejectCommand      `cmd:"" group:"Gates" help:"Reject a promotion that waits."`
	Waiting   waitingCommand     `cmd:"" group:"Gates" help:"List what waits for your decision."`
	Policy    policyCommands     `cmd:"" group:"Gates" help:"Show and change what environments ask of promotions."`
	Freeze    freezeCommands     `cmd:"" group:"Gates" help:"Stop promotions for a time."`
	Hold      holdCommands       `cmd:"" group:"Gates" help:"Stop automatic promotion."`
	Status    statusCommand      `cmd:"" group:"Look" help:"Show what runs where."`
	Releases  releasesCommand    `cmd:"" group:"Look" help:"List the releases of a service."`
	Promotion promotionCommands  `cmd:"" group:"Look" help:"Show, follow and cancel promotions."`
	Traffic   trafficCommand     `cmd:"" group:"Look" help:"Show how many requests a service answered, and how fast."`
	Nodes     nodesCommand       `cmd:"" group:"Look" help:"Show the machines that run services."`
	Stray     unrecordedCommands `cmd:"" name:"unrecorded" group:"Look" help:"What runs and isn't on record, as after a restore: adopt or end it."`
	Dora      doraCommand        `cmd:"" group:"Look" help:"Show the measures of delivery: how often, how fast, how safely."`
	Logs      logsCommand        `cmd:"" group:"Look" help:"Print the output of a running service."`
	Open      openCommand        `cmd:"" group:"Look" help:"Open a service, or the API's reference page, in a browser."`
	Config    configCommands     `cmd:"" group:"Config" help:"Show and change settings."`
	Secret    secretCommands     `cmd:"" group:"Config" help:"Store and remove secrets."`
	Login     loginCommand       `cmd:"" group:"Access" help:"Sign in to a platform."`
	Logout    logoutCommand      `cmd:"" group:"Access" help:"Sign out and forget the profile."`
	Whoami    whoamiCommand      `cmd:"" group:"Access" help:"Show who you are and what you may do."`
	Profiles  profileCommands    `cmd:"" name:"profile" group:"Access" help:"List and choose profiles."`
	Admin     adminCommands      `cmd:"" group:"Access" help:"Make the first admin of the platform."`
	Account   accountCommands    `cmd:"" group:"Access" help:"People and service accounts."`
	Team      teamCommands       `cmd:"" group:"Access" help:"Teams and who is in them."`
	Prove     proveCommand       `cmd:"" group:"Access" help:"Show that it is still you, for what a session alone may not do."`
	Sessions  sessionCommands    `cmd:"" group:"Access" help:"Where you are signed in, and were."`
	Factor    factorCommands     `cmd:"" group:"Access" help:"What signing in takes besides your password."`
	Token     tokenCommands      `cmd:"" group:"Access" help:"Tokens for programs."`
	Provider  providerCommands   `cmd:"" group:"Access" help:"OpenID providers that people sign in through."`
	Trust     trustCommands      `cmd:"" group:"Access" help:"CI jobs that act for a service without a stored secret."`
	Webhook   webhookCommands    `cmd:"" group:"Access" help:"Addresses that are told what happens to a team's services."`
	Audit     auditCommands      `cmd:"" group:"Access" help:"Who did and tried what."`
	API       apiCommand         `cmd:"" name:"api" group:"Look" help:"Make any request of the API."`
	Help      helpCommand        `cmd:"" group:"Look" help:"Show help for a command."`
}

// groups are the headings in the list of commands.
var groups = kong.ExplicitGroups([]kong.Group{
	{Key: "Platform", Title: "The platform:"}, {Key: "Services", Title: "Services and releases:"},
	{Key: "Gates", Title: "Gates:"}, {Key: "Look", Title: "Looking:"}, {Key: "Config", Title: "Config and secrets:"}, {Key: "Access", Title: "Who may do what:"},
})

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
