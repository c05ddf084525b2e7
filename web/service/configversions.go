package service

import (
	"net/http"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// configVersions is what the settings of a service were, in an environment or in all of them.
type configVersions struct {
	Environment  string // "" for all
	Environments []*ent.Environment
	Key          string // "" for all
	Versions     []catalog.ConfigVersion
	Revision     string
	Next         string // where the next page begins
}

// value is what a version held, as a page may show it.
func versionValue(v catalog.ConfigVersion) string {
	if v.Unset {
		return "not set"
	}
	return masked(catalog.Setting{Key: v.Key, ConfigValue: v.ConfigValue})
}

// restorable tells whether a version can be made the current one from this page: it is of
// the layer that the page edits, and the viewer may.
func (w configVersions) restorable(v serviceView, version catalog.ConfigVersion) bool {
	own := slipway.LayerBoth
	if w.Environment == "" {
		own = slipway.LayerService
	}
	return !version.Current && version.Layer == own && (v.Config.May && version.Secret == "" || v.Secrets.May && version.Secret != "")
}

// author is who made a version.
func author(v catalog.ConfigVersion) string {
	if v.Author == "" {
		return "before versions were kept"
	}
	return v.Author
}

func (p *pages) showConfigVersions(c *shell.Call) error {
	v, err := p.serviceOf(c, "config")
	if err != nil {
		return err
	}
	return p.configVersionsPage(c, v, configVersions{Environment: c.Query("env"), Key: c.Query("key")})
}

func (p *pages) configVersionsPage(c *shell.Call, v serviceView, w configVersions) error {
	var err error
	if w.Environments, err = p.Environments(c.Ctx); err != nil {
		return err
	}
	if _, w.Revision, err = p.Config(c.Ctx, v.Name, w.Environment); err != nil {
		return err
	}
	list, err := p.ConfigVersions(c.Ctx, catalog.ConfigVersions{
		Service: v.Name, Environment: w.Environment, Key: w.Key, Page: store.Page{Cursor: c.Query("after"), Limit: 50},
	})
	if err != nil {
		return err
	}
	w.Versions, w.Next = list.Items, list.Next
	return c.Show(http.StatusOK, configVersionsPage(c.Frame("Config history of "+v.Name, "overview"), v, w))
}

func (p *pages) restoreConfig(c *shell.Call) error {
	v, err := p.serviceOf(c, "config")
	if err != nil {
		return err
	}
	environment, key := c.Form("env"), c.Form("key")
	number, _ := strconv.Atoi(c.Form("version")) // what is no number is no version either
	change := catalog.ConfigRestore{Service: v.Name, Environment: environment, Key: key, Number: number}
	if revision := c.Form("revision"); revision != "" {
		change.If = store.Precondition{revision}
	}
	if err := p.RestoreConfig(c.Ctx, change); err != nil {
		return err
	}
	return c.To(versionsAddress(v, environment, c.Form("of")), key+" is restored to version "+words.Number(number)+". It goes live with the next promotion.")
}

func versionsAddress(v serviceView, environment, key string) string {
	return string(words.WithQuery(words.Path("services", v.Name, "config", "versions"), "env", environment, "key", key))
}
