package services

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// ConfigCommands show, check and change settings.
type ConfigCommands struct {
	Set    configSet    `cmd:"" help:"Set settings."`
	Unset  configUnset  `cmd:"" help:"Remove settings."`
	List   configList   `cmd:"" name:"ls" help:"Show merged settings and where each comes from."`
	Check  configCheck  `cmd:"" help:"Find settings that a release misses, and settings that do nothing."`
	Render configRender `cmd:"" help:"Show the config that a release would get, without deploying."`

	History configHistory `cmd:"" help:"Show what settings were, by version."`
	Restore configRestore `cmd:"" help:"Make a setting what it was in an earlier version."`
}

// layerFlags say which settings are meant.
type layerFlags struct {
	Env string `placeholder:"ENV" help:"The environment; without it, all environments of the service."`
	All bool   `help:"Every service of the environment."`
}

func (l layerFlags) layer() (slipway.ConfigLayer, error) {
	switch {
	case l.All && l.Env == "":
		return "", slipway.Errorf(slipway.Invalid, "--all needs --env")
	case l.All:
		return slipway.LayerEnvironment, nil
	}
	return "", nil
}

type configSet struct {
	Service  string   `arg:"" help:"The service."`
	Settings []string `arg:"" name:"KEY=VALUE" help:"What to set."`
	layerFlags
}

// Help has examples.
func (configSet) Help() string {
	return `A running deployment keeps its config until the next promotion. Passwords and tokens belong into "slipway secret set".

Examples:
  slipway config set billing --env prod LOG_LEVEL=warning WORKERS=4
  slipway config set billing CURRENCY=EUR
  slipway config set billing --env prod --all REGION=eu`
}

// Run sets settings.
func (c *configSet) Run(a *cli.App) error {
	set := map[string]string{}
	for _, s := range c.Settings {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			return slipway.Errorf(slipway.Invalid, "%q is not KEY=VALUE", s)
		}
		if _, twice := set[key]; twice {
			return slipway.Errorf(slipway.Invalid, "%s is set twice; leave one of them out", cli.Clean(key))
		}
		set[key] = value
	}
	return changeConfig(a, c.Service, c.layerFlags, client.ConfigChange{Set: set})
}

type configUnset struct {
	Service string   `arg:"" help:"The service."`
	Keys    []string `arg:"" name:"KEY" help:"What to remove."`
	layerFlags
}

// Help has examples.
func (configUnset) Help() string {
	return "Examples:\n  slipway config unset billing --env prod LOG_LEVEL"
}

// Run removes settings.
func (c *configUnset) Run(a *cli.App) error {
	return changeConfig(a, c.Service, c.layerFlags, client.ConfigChange{Unset: c.Keys})
}

func changeConfig(a *cli.App, service string, l layerFlags, change client.ConfigChange) (err error) {
	if change.Layer, err = l.layer(); err != nil {
		return err
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.UpdateConfigResponse, error) {
		return cl.UpdateConfigWithResponse(ctx, service, &client.UpdateConfigParams{Environment: cli.Given(l.Env)}, change)
	})
	if err != nil {
		return err
	}
	return printConfig(a, r.Body, r.JSON200)
}

type configList struct {
	Service string `arg:"" help:"The service."`
	Env     string `placeholder:"ENV" help:"The environment; without it, all environments of the service."`
}

// Help has examples.
func (configList) Help() string { return "Examples:\n  slipway config ls billing --env prod" }

// Run shows settings.
func (c *configList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetConfigResponse, error) {
		return cl.GetConfigWithResponse(ctx, c.Service, &client.GetConfigParams{Environment: cli.Given(c.Env)})
	})
	if err != nil {
		return err
	}
	return printConfig(a, r.Body, r.JSON200)
}

func printConfig(a *cli.App, body []byte, c *client.Config) error {
	for _, w := range c.Warnings {
		fmt.Fprintln(a.Stderr, "note:", cli.Clean(w))
	}
	if a.JSON {
		return a.PrintAnswer(body)
	}
	if len(c.Items) == 0 {
		fmt.Fprintf(a.Stdout, "No settings. Set one: slipway config set %s KEY=VALUE\n", c.Service)
		return nil
	}
	var rows [][]string
	for _, s := range c.Items {
		value := s.Secret
		if s.Value != nil {
			value = *s.Value
		}
		if value == "" {
			value = `""` // set, and empty: "-" would say that it isn't
		}
		rows = append(rows, []string{s.Key, value, strings.ReplaceAll(string(s.Layer), "_", " in ")})
	}
	return a.Table([]string{"key", "value", "from"}, rows)
}

type configCheck struct {
	Service string `arg:"" help:"The service."`
	Env     string `placeholder:"ENV" help:"The environment; without it, all environments, where nothing can be called missing."`
}

// Help has examples.
func (configCheck) Help() string {
	return `Reads which keys the release that runs in the environment, or else the newest one, asks for by name. Exit code 3 when a key is missing. An unused setting is only told: a name that is put together at run time is not seen.

Examples:
  slipway config check billing --env prod
  slipway config check billing --env prod --json | jq -r '.missing[].key'`
}

// Run tells what is missing and what is unused.
func (c *configCheck) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CheckConfigResponse, error) {
		return cl.CheckConfigWithResponse(ctx, c.Service, &client.CheckConfigParams{Environment: cli.Given(c.Env)})
	})
	if err != nil {
		return err
	}
	check := r.JSON200
	if a.JSON {
		err = a.PrintAnswer(r.Body)
	} else {
		err = printConfigCheck(a, check)
	}
	if err == nil && len(check.Missing) > 0 {
		return slipway.Errorf(slipway.Refused, "%s misses %s in %s; set it: slipway config set %s --env %s KEY=VALUE, or for a secret slipway secret set",
			c.Service, cli.Counted(len(check.Missing), "key"), c.Env, c.Service, c.Env)
	}
	return err
}

func printConfigCheck(a *cli.App, c *client.ConfigCheck) error {
	switch {
	case c.Release == 0:
		fmt.Fprintf(a.Stdout, "%s has no release yet, so nothing says which keys it asks for.\n", c.Service)
		return nil
	case c.Why != "":
		fmt.Fprintf(a.Stdout, "It can't be told what release %d asks for: %s\n", c.Release, cli.Clean(c.Why))
		return nil
	}
	where := "the newest"
	if c.Running {
		where = "running in " + c.Environment
	}
	fmt.Fprintf(a.Stdout, "Release %d (%s) asks for %s by name.\n", c.Release, where, cli.Counted(c.Asked, "key"))
	var rows [][]string
	for _, m := range c.Missing {
		rows = append(rows, []string{"missing", m.Key, fmt.Sprintf("%s:%d", cli.Clean(m.File), m.Line)})
	}
	for _, key := range c.Unused {
		rows = append(rows, []string{"unused", key, "no file of the release names it"})
	}
	if len(rows) == 0 {
		return nil
	}
	return a.Table([]string{"state", "key", "where"}, rows)
}

type configRender struct {
	Service string `arg:"" help:"The service."`
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
	Release int    `placeholder:"N" help:"The release; the newest unless given."`
}

// Help has examples.
func (configRender) Help() string {
	return "Examples:\n  slipway config render billing --env prod --release 7"
}

// Run renders a preview.
func (c *configRender) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.RenderConfigResponse, error) {
		return cl.RenderConfigWithResponse(ctx, c.Service, client.RenderInput{Environment: c.Env, Release: c.Release})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	s := r.JSON200
	fmt.Fprintln(a.Stdout, "#", s.Digest)
	for _, v := range s.Env {
		value := v.Secret
		if v.Value != nil {
			value = *v.Value
		}
		fmt.Fprintf(a.Stdout, "%s=%s\n", v.Key, cli.Clean(value))
	}
	for _, f := range s.Files {
		fmt.Fprintf(a.Stdout, "\n# %s\n", cli.Clean(f.Path))
		for line := range strings.Lines(f.Content) {
			fmt.Fprintln(a.Stdout, cli.CleanLine(strings.TrimRight(line, "\n")))
		}
	}
	return nil
}
