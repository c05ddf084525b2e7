// Command slipway is the whole product in one binary: the platform, and the
// commands that speak to it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/slipway-dev/slipway"
)

// Exit codes, documented in the README.
const (
	exitDone   = 0
	exitError  = 1
	exitUsage  = 2 // usage or invalid input
	exitFailed = 3 // the service's own tests or checks said no
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// settings is the configuration of the program: flag, environment variable and
// help on one line each.
type settings struct {
	Server  string `env:"SLIPWAY_SERVER" placeholder:"URL" help:"The platform's address. Unless given, that of the platform of the data directory."`
	Data    string `env:"SLIPWAY_DATA" type:"path" placeholder:"DIR" help:"The data directory (default ~/.slipway)."`
	Profile string `env:"SLIPWAY_PROFILE" placeholder:"NAME" help:"The profile to use; slipway login makes one. SLIPWAY_TOKEN holds a token for scripts."`
	JSON    bool   `name:"json" help:"Print the API's objects instead of tables, and an error as an object with code and detail on standard error."`
}

// program is the command line.
type program struct {
	settings

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

// app is what a command gets to work with: kong gives it to every Run method.
type app struct {
	settings
	chosen bool // the data directory was named, rather than left alone
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) string
	parser *kong.Kong

	proving bool // a proof was asked for already
}

// groups are the headings in the list of commands.
var groups = kong.ExplicitGroups([]kong.Group{
	{Key: "Platform", Title: "The platform:"}, {Key: "Services", Title: "Services and releases:"},
	{Key: "Gates", Title: "Gates:"}, {Key: "Look", Title: "Looking:"}, {Key: "Config", Title: "Config and secrets:"}, {Key: "Access", Title: "Who may do what:"},
})

// exited carries an exit code out of kong.
type exited int

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) (exit int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exited:
			exit = int(r)
		default:
			panic(r)
		}
	}()
	var cli program
	parser, err := kong.New(&cli,
		kong.Name("slipway"),
		kong.Description("From a git URL to production, for Python services.\n\nStart with `slipway up`, then `slipway service add URL` and `slipway promote NAME --follow`. Exit codes: 0 done, 1 error, 2 usage or invalid input, 3 failed by the service's own tests or checks."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		groups,
	)
	if err != nil {
		fmt.Fprintln(stderr, "slipway:", err)
		return exitError
	}
	if len(args) == 0 {
		_, _ = parser.Parse([]string{"--help"}) // prints, and leaves through Exit
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = repeated(parsed)
	}
	if err != nil {
		if cli.JSON || slices.Contains(args, "--json") {
			complain(stderr, slipway.Errorf(slipway.Invalid, "%s", err))
			return exitUsage
		}
		fmt.Fprintln(stderr, "slipway:", err)
		fmt.Fprintln(stderr, "`slipway help` lists the commands; `slipway COMMAND --help` explains one.")
		return exitUsage
	}
	chosen := cli.Data != ""
	if !chosen {
		cli.Data = filepath.Join(env("HOME"), ".slipway")
	}
	a := &app{settings: cli.settings, chosen: chosen, ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, env: env, parser: parser}
	parsed.BindTo(ctx, (*context.Context)(nil))
	if a.JSON {
		return a.report(parsed.Run(a))
	}
	// What people read shows all that is in it; what programs read goes by a.raw.
	shown := &slipway.VisibleWriter{To: stdout}
	a.stdout = shown
	err = parsed.Run(a)
	_ = shown.Flush()
	return a.report(err)
}

// report prints an error and returns the exit code that it has.
func (a *app) report(err error) int {
	var ended *endedError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &ended): // already told on the screen
		return ended.exit
	case a.ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(a.stderr, "slipway: interrupted")
		return exitError
	}
	if a.JSON {
		complain(a.stderr, err)
	} else {
		fmt.Fprintln(a.stderr, "slipway:", err)
	}
	switch slipway.CodeOf(err) {
	case slipway.Invalid:
		return exitUsage
	case slipway.Refused:
		return exitFailed
	}
	return exitError
}

// complain prints an error as a line of JSON: the problem details of the API, as
// far as a program here knows them.
func complain(w io.Writer, err error) {
	type field struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	}
	problem := struct {
		Code   slipway.Code `json:"code"`
		Detail string       `json:"detail"`
		Errors []field      `json:"errors,omitempty"`
	}{Code: slipway.CodeOf(err), Detail: err.Error()}
	var known *slipway.Error
	if errors.As(err, &known) && known.Field != "" {
		problem.Errors = []field{{known.Field, known.Message}}
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	_ = out.Encode(problem) // nothing is left to tell it to
}

// repeated refuses a command's flag that is given twice and holds one value: the
// last would win without a word. It may for the flags that all commands have: an
// alias that says --profile is overruled by who types another after it.
func repeated(c *kong.Context) error {
	given := map[*kong.Flag]bool{}
	for _, element := range c.Path {
		f := element.Flag
		if f == nil || element.Resolved || f.IsSlice() || f.IsMap() || f.IsCumulative() || slices.Contains(c.Model.Flags, f) {
			continue
		}
		if given[f] {
			return slipway.Errorf(slipway.Invalid, "--%s is given twice; leave one of them out", f.Name).At("--" + f.Name)
		}
		given[f] = true
	}
	return nil
}

// endedError is an outcome that the command has shown itself.
type endedError struct{ exit int }

func (e *endedError) Error() string { return fmt.Sprintf("ended with exit code %d", e.exit) }

type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command."`
}

// Run shows the help of a command.
func (c *helpCommand) Run(a *app) error {
	_, err := a.parser.Parse(append(c.Command, "--help"))
	if err != nil {
		return slipway.Errorf(slipway.Invalid, "%s", err)
	}
	return nil
}
