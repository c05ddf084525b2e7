package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/slipway-dev/slipway/python/stated"
)

// versionCommand says which program this is.
type versionCommand struct{}

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

// buildCommit is the commit that the toolchain stamped, with -dirty when files
// were changed; "" when there was no repository.
func buildCommit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return commitOf(info.Settings)
}

func commitOf(stamps []debug.BuildSetting) string {
	commit, dirty := "", ""
	for _, s := range stamps {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if commit == "" {
		return ""
	}
	return commit + dirty
}

// buildVersion is the module's version as the toolchain stamped it.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// stampedVersion tells two builds of this program apart.
func stampedVersion() string { return strings.TrimSpace(buildVersion() + " " + buildCommit()) }

// schemaCommand prints the JSON Schema of slipway.yaml, for editors.
type schemaCommand struct{}

// Run prints the schema.
func (schemaCommand) Run(a *app) error {
	_, err := a.stdout.Write(stated.Schema)
	return err
}
