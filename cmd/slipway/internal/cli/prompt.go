package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/slipway-dev/slipway"
)

// ReadSecret reads a value without showing it: from a prompt on a terminal,
// otherwise all of standard input.
func (a *App) ReadSecret(prompt string) (slipway.Secret, error) {
	if f, ok := a.Stdin.(*os.File); ok && IsTerminal(f) {
		fmt.Fprint(a.Stderr, prompt)
		value, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(a.Stderr)
		if err != nil {
			return slipway.Secret{}, slipway.Wrap(slipway.Invalid, err, "no value was given")
		}
		return slipway.NewSecret(string(value)), nil
	}
	const most = 64 << 10
	value, err := io.ReadAll(io.LimitReader(a.Stdin, most+2))
	switch {
	case err != nil:
		return slipway.Secret{}, slipway.Wrap(slipway.Invalid, err, "the value could not be read from standard input")
	case len(value) > most+1:
		return slipway.Secret{}, slipway.Errorf(slipway.Invalid, "the value is longer than %d bytes", most)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(value), "\n"), "\r")
	if text == "" {
		return slipway.Secret{}, slipway.Errorf(slipway.Invalid, "standard input holds no value")
	}
	return slipway.NewSecret(text), nil
}

// Lines returns a function that reads one secret after the other: from prompts
// on a terminal, otherwise a line of standard input each.
func (a *App) Lines() func(prompt string) (slipway.Secret, error) {
	return a.LinesOf(bufio.NewReader(io.LimitReader(a.Stdin, 64<<10)))
}

// LinesOf is Lines for standard input of which something was read already.
func (a *App) LinesOf(reader *bufio.Reader) func(prompt string) (slipway.Secret, error) {
	if IsTerminal(a.Stdin) {
		return a.ReadSecret
	}
	return func(string) (slipway.Secret, error) {
		line, err := reader.ReadString('\n')
		if err != nil && line == "" {
			return slipway.Secret{}, slipway.Errorf(slipway.Invalid, "standard input has too few lines")
		}
		return slipway.NewSecret(strings.TrimRight(line, "\r\n")), nil
	}
}
