package main

import (
	"context"
	"io"

	"github.com/alecthomas/kong"
)

// settings is the configuration of the program: flag, environment variable and
// help on one line each.
type settings struct {
	Server  string `env:"SLIPWAY_SERVER" placeholder:"URL" help:"The platform's address. Unless given, that of the platform of the data directory."`
	Data    string `env:"SLIPWAY_DATA" type:"path" placeholder:"DIR" help:"The data directory (default ~/.slipway)."`
	Profile string `env:"SLIPWAY_PROFILE" placeholder:"NAME" help:"The profile to use; slipway login makes one. SLIPWAY_TOKEN holds a token for scripts."`
	JSON    bool   `name:"json" help:"Print the API's objects instead of tables, and an error as an object with code and detail on standard error."`
}

// app is what a command gets to work with: kong gives it to every Run method.
type app struct {
	settings
	program program
	chosen  bool // the data directory was named, rather than left alone
	ctx     context.Context
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	env     func(string) string
	parser  *kong.Kong

	proving bool // a proof was asked for already
}
