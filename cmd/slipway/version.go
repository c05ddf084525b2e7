package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/slipway-dev/slipway/python"
)

// versionCommand says which program this is.
type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(a *app) error {
	if a.JSON {
		return json.NewEncoder(a.stdout).Encode(map[string]string{"version": buildVersion(), "go": runtime.Version()})
	}
	_, err := fmt.Fprintf(a.stdout, "slipway %s (%s)\n", buildVersion(), runtime.Version())
	return err
}

// buildVersion is the module's version and commit as the toolchain stamped them.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// schemaCommand prints the JSON Schema of slipway.yaml, for editors.
type schemaCommand struct{}

// Run prints the schema.
func (schemaCommand) Run(a *app) error {
	_, err := a.stdout.Write(python.Schema)
	return err
}
