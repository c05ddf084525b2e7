package main

import (
	"github.com/alecthomas/kong"

	"github.com/slipway-dev/slipway/cmd/slipway/internal/access"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/completion"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/doctor"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/project"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/promotions"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/report"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/server"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/services"
)

// commandLine is all that can be typed.
type commandLine struct {
	cli.Settings

	platformCommands    `group:"Platform"`
	completion.Commands `group:"Look"`

	Service   services.ServiceCommands     `cmd:"" group:"Services" help:"Register, show and remove services."`
	Env       services.EnvCommands         `cmd:"" group:"Services" help:"Show and change environments."`
	Domain    services.DomainCommands      `cmd:"" group:"Services" help:"Host names of services."`
	Promote   promotions.PromoteCommand    `cmd:"" group:"Services" help:"Move a release of a service into an environment."`
	Rollback  promotions.RollbackCommand   `cmd:"" group:"Services" help:"Go back to a release that ran in an environment before."`
	Redeploy  promotions.RedeployCommand   `cmd:"" group:"Services" help:"Promote the release that runs again, with the config of today."`
	Bundle    promotions.BundleCommands    `cmd:"" group:"Services" help:"Promote several services together."`
	Approve   promotions.ApproveCommand    `cmd:"" group:"Gates" help:"Approve a promotion that waits, or open its gates."`
	Reject    promotions.RejectCommand     `cmd:"" group:"Gates" help:"Reject a promotion that waits."`
	Waiting   promotions.WaitingCommand    `cmd:"" group:"Gates" help:"List what waits for your decision."`
	Policy    services.PolicyCommands      `cmd:"" group:"Gates" help:"Show and change what environments ask of promotions."`
	Freeze    services.FreezeCommands      `cmd:"" group:"Gates" help:"Stop promotions for a time."`
	Hold      promotions.HoldCommands      `cmd:"" group:"Gates" help:"Stop automatic promotion."`
	Status    report.StatusCommand         `cmd:"" group:"Look" help:"Show what runs where."`
	Releases  report.ReleasesCommand       `cmd:"" group:"Look" help:"List the releases of a service."`
	Promotion promotions.PromotionCommands `cmd:"" group:"Look" help:"Show, follow and cancel promotions."`
	Traffic   report.TrafficCommand        `cmd:"" group:"Look" help:"Show how many requests a service answered, and how fast."`
	Nodes     report.NodesCommand          `cmd:"" group:"Look" help:"Show the machines that run services."`
	Stray     services.UnrecordedCommands  `cmd:"" name:"unrecorded" group:"Look" help:"What runs and isn't on record, as after a restore: adopt or end it."`
	Dora      report.DoraCommand           `cmd:"" group:"Look" help:"Show the measures of delivery: how often, how fast, how safely."`
	Logs      report.LogsCommand           `cmd:"" group:"Look" help:"Print the output of a running service."`
	Open      report.OpenCommand           `cmd:"" group:"Look" help:"Open a service, or the API's reference page, in a browser."`
	Config    services.ConfigCommands      `cmd:"" group:"Config" help:"Show and change settings."`
	Secret    services.SecretCommands      `cmd:"" group:"Config" help:"Store and remove secrets."`
	Login     access.LoginCommand          `cmd:"" group:"Access" help:"Sign in to a platform."`
	Logout    access.LogoutCommand         `cmd:"" group:"Access" help:"Sign out and forget the profile."`
	Whoami    access.WhoamiCommand         `cmd:"" group:"Access" help:"Show who you are and what you may do."`
	Profiles  access.ProfileCommands       `cmd:"" name:"profile" group:"Access" help:"List and choose profiles."`
	Admin     access.AdminCommands         `cmd:"" group:"Access" help:"Make the first admin of the platform."`
	Account   access.AccountCommands       `cmd:"" group:"Access" help:"People and service accounts."`
	Team      access.TeamCommands          `cmd:"" group:"Access" help:"Teams and who is in them."`
	Prove     access.ProveCommand          `cmd:"" group:"Access" help:"Show that it is still you, for what a session alone may not do."`
	Sessions  access.SessionCommands       `cmd:"" group:"Access" help:"Where you are signed in, and were."`
	Factor    access.FactorCommands        `cmd:"" group:"Access" help:"What signing in takes besides your password."`
	Token     access.TokenCommands         `cmd:"" group:"Access" help:"Tokens for programs."`
	Provider  access.ProviderCommands      `cmd:"" group:"Access" help:"OpenID providers that people sign in through."`
	Trust     access.TrustCommands         `cmd:"" group:"Access" help:"CI jobs that act for a service without a stored secret."`
	Webhook   services.WebhookCommands     `cmd:"" group:"Access" help:"Addresses that are told what happens to a team's services."`
	Audit     access.AuditCommands         `cmd:"" group:"Access" help:"Who did and tried what."`
	API       report.APICommand            `cmd:"" name:"api" group:"Look" help:"Make any request of the API."`
	Help      helpCommand                  `cmd:"" group:"Look" help:"Show help for a command."`
}

// platformCommands run the platform itself, or need no platform at all.
type platformCommands struct {
	Demo    server.DemoCommand    `cmd:"" help:"Run the example services from git to prod."`
	Up      server.UpCommand      `cmd:"" help:"Run the platform on this machine."`
	Down    server.DownCommand    `cmd:"" help:"Stop the platform and every service."`
	Detect  project.DetectCommand `cmd:"" help:"Say what a project is and why."`
	Build   project.BuildCommand  `cmd:"" help:"Build a release locally."`
	Test    project.TestCommand   `cmd:"" help:"Run a project's tests the way the platform does."`
	Node    server.NodeCommand    `cmd:"" hidden:"" help:"Run the node agent."`
	Schema  schemaCommand         `cmd:"" help:"Print the JSON Schema of slipway.yaml."`
	Doctor  doctor.Command        `cmd:"" help:"Check this machine and the platform, and say how to mend what is wrong."`
	Version versionCommand        `cmd:"" help:"Print the version."`
}

// groups are the headings in the list of commands.
var groups = kong.ExplicitGroups([]kong.Group{
	{Key: "Platform", Title: "The platform:"}, {Key: "Services", Title: "Services and releases:"},
	{Key: "Gates", Title: "Gates:"}, {Key: "Look", Title: "Looking:"}, {Key: "Config", Title: "Config and secrets:"}, {Key: "Access", Title: "Who may do what:"},
})
