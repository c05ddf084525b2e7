package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/slipway-dev/slipway"
)

// readSecret reads a value without showing it: from a prompt on a terminal,
// otherwise all of standard input.
func (a *app) readSecret(prompt string) (slipway.Secret, error) {
	if f, ok := a.stdin.(*os.File); ok && terminal(f) {
		fmt.Fprint(a.stderr, prompt)
		value, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(a.stderr)
		if err != nil {
			return slipway.Secret{}, slipway.Wrap(slipway.Invalid, err, "no value was given")
		}
		return slipway.NewSecret(string(value)), nil
	}
	const most = 64 << 10
	value, err := io.ReadAll(io.LimitReader(a.stdin, most+2))
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

// lines returns a function that reads one secret after the other: from prompts
// on a terminal, otherwise a line of standard input each.
func (a *app) lines() func(prompt string) (slipway.Secret, error) {
	return a.linesOf(bufio.NewReader(io.LimitReader(a.stdin, 64<<10)))
}

// linesOf is lines for standard input of which something was read already.
func (a *app) linesOf(reader *bufio.Reader) func(prompt string) (slipway.Secret, error) {
	if terminal(a.stdin) {
		return a.readSecret
	}
	return func(string) (slipway.Secret, error) {
		line, err := reader.ReadString('\n')
		if err != nil && line == "" {
			return slipway.Secret{}, slipway.Errorf(slipway.Invalid, "standard input has too few lines")
		}
		return slipway.NewSecret(strings.TrimRight(line, "\r\n")), nil
	}
}
