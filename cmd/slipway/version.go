package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
	"github.com/slipway-dev/slipway/python/stated"
)

// versionCommand says which program this is.
type versionCommand struct{}

// Help has examples.
func (versionCommand) Help() string { return "Examples:\n  slipway version\n  slipway version --json" }

// Run prints the version.
func (versionCommand) Run(a *cli.App) error {
	if a.JSON {
		return json.NewEncoder(a.Stdout).Encode(map[string]string{"version": cli.Version(), "commit": cli.Commit(), "go": runtime.Version()})
	}
	commit := cli.Commit()
	if commit == "" {
		commit = "commit not known: it was built outside a repository"
	}
	_, err := fmt.Fprintf(a.Stdout, "slipway %s (%s, %s)\n", cli.Version(), commit, runtime.Version())
	return err
}

// schemaCommand prints the JSON Schema of slipway.yaml, for editors.
type schemaCommand struct{}

// Help has examples.
func (schemaCommand) Help() string { return "Examples:\n  slipway schema > slipway.schema.json" }

// Run prints the schema.
func (schemaCommand) Run(a *cli.App) error {
	_, err := a.Stdout.Write(stated.Schema)
	return err
}
