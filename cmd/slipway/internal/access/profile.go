package access

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// ProfileCommands list, choose and forget profiles.
type ProfileCommands struct {
	List profileList `cmd:"" name:"ls" help:"List profiles."`
	Use  profileUse  `cmd:"" help:"Choose the profile that commands use."`
	Rm   profileRm   `cmd:"" help:"Forget a profile."`
}

type profileList struct{}

// Help has examples.
func (profileList) Help() string {
	return "Examples:\n  slipway profile ls\n  slipway profile ls --json"
}

// Run lists profiles.
func (profileList) Run(a *cli.App) error {
	known, err := a.Profiles()
	if err != nil {
		return err
	}
	type row struct {
		Name    string `json:"name"`
		Server  string `json:"server"`
		Account string `json:"account"`
		Current bool   `json:"current"`
	}
	list, cells := []row{}, [][]string{}
	for _, name := range slices.Sorted(maps.Keys(known.Profiles)) {
		p := known.Profiles[name]
		list = append(list, row{name, p.Server, p.Account, name == known.Current})
		mark := ""
		if name == known.Current {
			mark = "current"
		}
		cells = append(cells, []string{name, p.Server, p.Account, mark})
	}
	if a.JSON {
		enc := json.NewEncoder(a.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"items": list})
	}
	return a.Table([]string{"name", "server", "account", ""}, cells)
}

type profileUse struct {
	Name string `arg:"" optional:"" help:"The profile; without it, none: commands speak to the platform of the data directory."`
}

// Help has examples.
func (profileUse) Help() string {
	return `Commands speak to the platform of, the first that is there: --server (SLIPWAY_SERVER), --profile (SLIPWAY_PROFILE), the profile in use, the data directory.

Examples:
  slipway profile use staging
  slipway profile use`
}

// Run chooses a profile.
func (c *profileUse) Run(a *cli.App) error {
	err := a.ChangeProfiles(func(all *cli.Profiles) error {
		if _, ok := all.Profiles[c.Name]; !ok && c.Name != "" {
			return slipway.Errorf(slipway.Invalid, "there is no profile %s; `slipway profile ls` lists them", c.Name).At("name")
		}
		all.Current = c.Name
		return nil
	})
	if err == nil {
		fmt.Fprintln(a.Stderr, "done")
	}
	return err
}

type profileRm struct {
	Name string `arg:"" help:"The profile."`
}

// Help has examples.
func (profileRm) Help() string {
	return "Forgets a profile with its session or token. The server isn't asked: slipway logout ends the session there too.\n\nExamples:\n  slipway profile rm staging"
}

// Run forgets a profile.
func (c *profileRm) Run(a *cli.App) error {
	err := a.ChangeProfiles(func(all *cli.Profiles) error {
		if _, ok := all.Profiles[c.Name]; !ok {
			return slipway.Errorf(slipway.NotFound, "there is no profile %s; `slipway profile ls` lists them", c.Name).At("name")
		}
		delete(all.Profiles, c.Name)
		if all.Current == c.Name {
			all.Current = ""
		}
		return nil
	})
	if err == nil {
		fmt.Fprintf(a.Stderr, "Profile %s is forgotten.\n", c.Name)
	}
	return err
}
