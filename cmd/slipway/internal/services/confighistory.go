package services

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

type configHistory struct {
	Service string `arg:"" help:"The service."`
	Key     string `arg:"" optional:"" help:"Only this setting."`
	Env     string `placeholder:"ENV" help:"The environment; without it, all environments of the service."`
	Limit   int    `default:"50" placeholder:"N" help:"At most so many versions, the newest first."`
}

// Help has examples.
func (configHistory) Help() string {
	return `The last 20 versions of each setting are kept, secrets with them, whose values are not shown.

Examples:
  slipway config history billing --env prod
  slipway config history billing LOG_LEVEL --env prod`
}

// Run lists versions.
func (c *configHistory) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListConfigVersionsResponse, error) {
		return cl.ListConfigVersionsWithResponse(ctx, c.Service, &client.ListConfigVersionsParams{Environment: cli.Given(c.Env), Key: cli.Given(c.Key), Limit: &c.Limit})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	if len(r.JSON200.Items) == 0 {
		fmt.Fprintln(a.Stdout, "No versions: nothing was changed since they are kept.")
		return nil
	}
	var rows [][]string
	for _, v := range r.JSON200.Items {
		value, version := v.Secret, strconv.Itoa(v.Version)
		switch {
		case v.Unset:
			value = "(not set)"
		case v.Value != nil && *v.Value == "":
			value = `""`
		case v.Value != nil:
			value = *v.Value
		}
		if v.Current {
			version += " *"
		}
		rows = append(rows, []string{v.Key, version, value, strings.ReplaceAll(string(v.Layer), "_", " in "), v.Author, v.Since.UTC().Format(time.RFC3339)})
	}
	return a.Table([]string{"key", "version", "value", "from", "by", "since"}, rows)
}

type configRestore struct {
	Service string `arg:"" help:"The service."`
	Key     string `arg:"" help:"The setting, or the secret."`
	To      int    `required:"" placeholder:"VERSION" help:"The version, as slipway config history shows it."`
	layerFlags
}

// Help has examples.
func (configRestore) Help() string {
	return `It becomes a new version; a running deployment keeps its config until the next promotion. A secret comes back with its value, unless that was erased.

Examples:
  slipway config restore billing LOG_LEVEL --env prod --to 3`
}

// Run restores a version.
func (c *configRestore) Run(a *cli.App) error {
	layer, err := c.layer()
	if err != nil {
		return err
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.RestoreConfigResponse, error) {
		return cl.RestoreConfigWithResponse(ctx, c.Service, &client.RestoreConfigParams{Environment: cli.Given(c.Env)}, client.ConfigRestore{Key: c.Key, Version: c.To, Layer: layer})
	})
	if err != nil {
		return err
	}
	return printConfig(a, r.Body, r.JSON200)
}
