package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/slipway-dev/slipway/python/stated"
)

// versionCommand says which program this is.
type versionCommand struct{}

// Help has examples.
func (versionCommand) Help() string { return "Examples:\n  slipway version\n  slipway version --json" }

// Run prints the version.
func (versionCommand) Run(a *app) error {
	if a.JSON {
		return json.NewEncoder(a.stdout).Encode(map[string]string{"version": buildVersion(), "commit": buildCommit(), "go": runtime.Version()})
	}
	commit := buildCommit()
	if commit == "" {
		commit = "commit not known: it was built outside a repository"
	}
	_, err := fmt.Fprintf(a.stdout, "slipway %s (%s, %s)\n", buildVersion(), commit, runtime.Version())
	return err
}

// schemaCommand prints the JSON Schema of slipway.yaml, for editors.
type schemaCommand struct{}

// Help has examples.
func (schemaCommand) Help() string { return "Examples:\n  slipway schema > slipway.schema.json" }

// Run prints the schema.
func (schemaCommand) Run(a *app) error {
	_, err := a.stdout.Write(stated.Schema)
	return err
}
