package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/slipway-dev/slipway"
)

// exited carries an exit code out of kong.
type exited int

// Program is what can be typed, and what the program says of itself.
type Program struct {
	Commands func() Commands // new ones for each line
	Options  []kong.Option   // its name, its description, the headings of its commands
}

// Commands are a struct of commands, which embeds Settings.
type Commands interface{ shared() *Settings }

func (s *Settings) shared() *Settings { return s }

// Run carries out what was typed, without being a process: it returns the exit code.
func Run(ctx context.Context, p Program, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) (exit int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exited:
			exit = int(r)
		default:
			panic(r)
		}
	}()
	line := p.Commands()
	parser, err := kong.New(line, append([]kong.Option{
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	}, p.Options...)...)
	if err != nil {
		fmt.Fprintln(stderr, "slipway:", err)
		return ExitError
	}
	if len(args) == 0 {
		_, _ = parser.Parse([]string{"--help"}) // prints, and leaves through Exit
	}
	parsed, err := parser.Parse(args)
	if err == nil {
		err = repeated(parsed)
	}
	given := line.shared()
	if err != nil {
		if given.JSON || slices.Contains(args, "--json") {
			complain(stderr, slipway.Errorf(slipway.Invalid, "%s", err))
			return ExitUsage
		}
		fmt.Fprintln(stderr, "slipway:", err)
		fmt.Fprintln(stderr, "`slipway help` lists the commands; `slipway COMMAND --help` explains one.")
		return ExitUsage
	}
	chosen := given.Data != ""
	if !chosen {
		given.Data = filepath.Join(env("HOME"), ".slipway")
	}
	a := &App{Settings: *given, program: p, DataNamed: chosen, Context: ctx, Stdin: stdin, Stdout: stdout, Stderr: stderr, Env: env, Parser: parser}
	parsed.BindTo(ctx, (*context.Context)(nil))
	if a.JSON {
		return a.report(parsed.Run(a))
	}
	// What people read shows all that is in it; what programs read goes by a.Raw.
	shown := &slipway.VisibleWriter{To: stdout}
	a.Stdout = shown
	err = parsed.Run(a)
	_ = shown.Flush()
	return a.report(err)
}

// Again carries out other words in this process, with nothing on standard input.
func (a *App) Again(ctx context.Context, out io.Writer, args ...string) (exit int) {
	return Run(ctx, a.program, args, strings.NewReader(""), out, a.Stderr, a.Env)
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
