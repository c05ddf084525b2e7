// Package cli is what every command stands on: the flags that all have, the way to
// the platform, profiles, what is asked and printed on a terminal, and exit codes.
package cli

import (
	"context"
	"io"

	"github.com/alecthomas/kong"
)

// Settings is the configuration of the program: flag, environment variable and
// help on one line each.
type Settings struct {
	Server  string `env:"SLIPWAY_SERVER" placeholder:"URL" help:"The platform's address. Unless given, that of the platform of the data directory."`
	Data    string `env:"SLIPWAY_DATA" type:"path" placeholder:"DIR" help:"The data directory (default ~/.slipway)."`
	Profile string `env:"SLIPWAY_PROFILE" placeholder:"NAME" help:"The profile to use; slipway login makes one. SLIPWAY_TOKEN holds a token for scripts."`
	JSON    bool   `name:"json" help:"Print the API's objects instead of tables, and an error as an object with code and detail on standard error."`
}

// App is what a command gets to work with: kong gives it to every Run method.
type App struct {
	Settings
	DataNamed bool // the data directory was named, rather than left alone
	Context   context.Context
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
	Env       func(string) string
	Parser    *kong.Kong

	program Program
	proving bool // a proof was asked for already
}
