package catalog

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/ent/setting"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

var keyForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

const (
	maxKey   = 100
	maxValue = 32 << 10
)

func checkKey(field, key string) error {
	switch {
	case key == "":
		return slipway.Errorf(slipway.Invalid, "%s is missing", field).At(field)
	case len(key) > maxKey:
		return slipway.Errorf(slipway.Invalid, "%s has %d characters; at most %d are allowed", field, len(key), maxKey).At(field)
	case !keyForm.MatchString(key):
		return slipway.Errorf(slipway.Invalid, "%s %q is not a setting: use letters, digits and underscores, as for an environment variable", field, store.Printable(key)).At(field)
	case slipway.ReservedVariable(key):
		return slipway.Errorf(slipway.Invalid, "%s is set by Slipway; choose another name", key).At(field)
	}
	return nil
}

// ConfigChange sets and unsets settings of one layer, all or none.
type ConfigChange struct {
	Service     string
	Environment string
	// Layer may be left out: it is the service in the environment when both are
	// given, and otherwise that of the one that is given.
	Layer slipway.ConfigLayer
	Set   map[string]string
	Unset []string
	If    store.Precondition
}

// Validate names the field at fault.
func (c ConfigChange) Validate() error {
	if len(c.Set) == 0 && len(c.Unset) == 0 {
		return slipway.Errorf(slipway.Invalid, "nothing to set or unset; give KEY=VALUE").At("set")
	}
	for _, key := range slices.Sorted(maps.Keys(c.Set)) {
		if err := checkKey("set", key); err != nil {
			return err
		}
		if value := c.Set[key]; len(value) > maxValue || store.Clean(value) != value {
			return slipway.Errorf(slipway.Invalid, "the value of %s is not text of at most %d bytes", key, maxValue).At("set")
		}
	}
	for _, key := range c.Unset {
		if _, both := c.Set[key]; both {
			return slipway.Errorf(slipway.Invalid, "%s is both set and unset", store.Printable(key)).At("unset")
		}
	}
	return nil
}

// cell names a layer's rows: of a service, of an environment, or of both.
type cell struct {
	layer       slipway.ConfigLayer
	service     *ent.Service
	environment *ent.Environment
}

func (c cell) scope() string {
	scope := func(id *int) string {
		if id == nil {
			return "-"
		}
		return strconv.Itoa(*id)
	}
	s, e := c.ids()
	return scope(s) + "/" + scope(e)
}

func (c cell) ids() (service, environment *int) {
	if c.layer != slipway.LayerEnvironment {
		service = &c.service.ID
	}
	if c.layer != slipway.LayerService {
		environment = &c.environment.ID
	}
	return service, environment
}

// Names of the cell, for events.
func (c cell) names() (service, environment string) {
	if c.layer != slipway.LayerEnvironment {
		service = c.service.Name
	}
	if c.layer != slipway.LayerService {
		environment = c.environment.Name
	}
	return service, environment
}

// cell finds what a layer belongs to, for a viewer who may change it. What all
// services of an environment get is for admins of the platform.
func (cat *Catalog) cell(ctx context.Context, serviceName, environmentName string, layer slipway.ConfigLayer, permission slipway.Permission) (c cell, err error) {
	if layer == "" {
		switch {
		case serviceName == "":
			layer = slipway.LayerEnvironment
		case environmentName == "":
			layer = slipway.LayerService
		default:
			layer = slipway.LayerBoth
		}
	}
	c.layer = layer
	switch layer {
	case slipway.LayerService, slipway.LayerEnvironment, slipway.LayerBoth:
	default:
		return c, slipway.Errorf(slipway.Invalid, "settings of the layer %q can't be set here; the defaults stand in slipway.yaml", store.Printable(string(layer))).At("layer")
	}
	if serviceName != "" || layer != slipway.LayerEnvironment {
		if c.service, err = cat.people.ServiceFor(ctx, serviceName, permission, environmentName); err != nil {
			return c, err
		}
	}
	if layer == slipway.LayerEnvironment {
		if _, err := cat.people.SignedIn(ctx, slipway.PermitPlatform); err != nil {
			return c, err
		}
	}
	if layer == slipway.LayerService && environmentName == "" {
		return c, nil
	}
	if environmentName == "" {
		return c, slipway.Errorf(slipway.Invalid, "environment is missing").At("environment")
	}
	c.environment, err = cat.Environment(ctx, environmentName)
	return c, err
}

// layerWords say where a setting of a layer would stand.
var layerWords = map[slipway.ConfigLayer]string{
	slipway.LayerService:     "for the service in all environments",
	slipway.LayerEnvironment: "for every service of the environment",
	slipway.LayerBoth:        "for the service in this environment",
}

// ChangeConfig changes settings. What runs keeps its config until the next
// promotion. The warnings are for people: a value that looks like a secret is
// accepted, but would be better off sealed.
func (cat *Catalog) ChangeConfig(ctx context.Context, change ConfigChange) (warnings []string, err error) {
	if err := change.Validate(); err != nil {
		return nil, err
	}
	c, err := cat.cell(ctx, change.Service, change.Environment, change.Layer, slipway.PermitConfig)
	if err != nil {
		return nil, err
	}
	said, were := map[string]string{"layer": string(c.layer)}, map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(change.Set)) {
		said["set "+key] = shown(key, change.Set[key], "")
		if slipway.LooksSecret(key) {
			warnings = append(warnings, key+" looks like a secret; `slipway secret set` keeps its value sealed")
		}
		if why := slipway.LoadsCode(key, change.Set[key], true); why != "" {
			warnings = append(warnings, key+" "+why+": who approves a promotion that brings it is shown it as a change of code")
		}
	}
	for _, key := range change.Unset {
		said["unset "+key] = ""
	}
	err = cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		clear(were) // of a try before
		if err := reviseConfig(ctx, tx.Client(), c, change.If); err != nil {
			return err
		}
		old, err := tx.Setting.Query().Where(setting.Scope(c.scope()), setting.KeyIn(slices.Concat(slices.Collect(maps.Keys(change.Set)), change.Unset)...)).All(ctx)
		if err != nil {
			return err
		}
		stood := map[string]*ent.Setting{}
		for _, row := range old {
			stood[row.Key], were["set "+row.Key] = row, shown(row.Key, row.Value, row.Secret)
		}
		for _, key := range slices.Sorted(maps.Keys(change.Set)) {
			if row := stood[key]; row != nil && row.Secret != "" {
				return slipway.Errorf(slipway.Conflict, "%s is a secret %s, and a plain value would take its place: give it another value with `slipway secret set`, or remove it with `slipway secret rm` first; nothing was changed", key, layerWords[c.layer]).At("set")
			}
			v := slipway.ConfigValue{Value: change.Set[key]}
			if err := put(ctx, tx.Client(), c, key, v); err != nil {
				return err
			}
			if err := c.remember(ctx, tx.Client(), key, stood[key], v, false); err != nil {
				return err
			}
		}
		for _, key := range change.Unset {
			row := stood[key]
			if row == nil {
				return slipway.Errorf(slipway.NotFound, "%s is not set %s; `slipway config ls` shows where each setting comes from", store.Printable(key), layerWords[c.layer])
			}
			if row.Secret != "" {
				return slipway.Errorf(slipway.Conflict, "%s is a secret; remove it with `slipway secret rm`", key)
			}
			if err := tx.Setting.DeleteOne(row).Exec(ctx); err != nil {
				return err
			}
			if err := c.remember(ctx, tx.Client(), key, row, slipway.ConfigValue{}, true); err != nil {
				return err
			}
		}
		if err := identity.WithMakers(ctx, tx.Client(), said); err != nil {
			return err
		}
		s, e := c.names()
		cat.journal.Happened(ctx, "config.changed", s, e, 0, said, were)
		return nil
	})
	if err != nil {
		return nil, err
	}
	cat.lookAt(ctx, c)
	beside, err := cat.otherLayers(ctx, c, change)
	return append(warnings, beside...), err
}

// otherLayers says what a change means together with the layers that it left alone:
// which secrets its values stand before, and what shows where something was unset.
func (cat *Catalog) otherLayers(ctx context.Context, c cell, change ConfigChange) (said []string, err error) {
	if c.service == nil {
		return nil, nil // it is of every service
	}
	layers, err := Layers(ctx, cat.db, c.service.ID, c.environment, nil)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(change.Set)) {
		for _, layer := range slipway.LayerOrder[:slices.Index(slipway.LayerOrder, c.layer)] {
			if layers[layer][key].Secret != "" {
				said = append(said, key+" stands before a secret of the same name, which is set "+layerWords[layer]+" and stays")
			}
		}
	}
	for _, key := range change.Unset {
		values, from := slipway.MergeConfig(layers)
		if v, ok := values[key]; ok {
			said = append(said, key+" is "+shown(key, v.Value, string(v.Secret))+" now, set "+layerWords[from[key]])
		}
	}
	return said, nil
}

// put writes one setting of a layer.
func put(ctx context.Context, db *ent.Client, c cell, key string, v slipway.ConfigValue) error {
	s, e := c.ids()
	value := v.Value
	if v.Secret != "" {
		value = v.Fingerprint
	}
	return db.Setting.Create().SetNillableServiceID(s).SetNillableEnvironmentID(e).SetScope(c.scope()).SetKey(key).
		SetValue(value).SetSecret(string(v.Secret)).
		OnConflictColumns(setting.FieldScope, setting.FieldKey).
		Update(func(u *ent.SettingUpsert) { u.UpdateValue().UpdateSecret().UpdateUpdatedAt() }).Exec(ctx)
}

// Setting is one key of the merged config, and where its value was set.
type Setting struct {
	Key   string
	Layer slipway.ConfigLayer
	slipway.ConfigValue
}

// Config returns the settings of a service in an environment ("" for the
// service everywhere) by key, over the defaults of its newest release there, and
// their revision. Secrets are references.
func (cat *Catalog) Config(ctx context.Context, serviceName, environmentName string) ([]Setting, string, error) {
	s, err := cat.Service(ctx, serviceName)
	if err != nil {
		return nil, "", err
	}
	var e *ent.Environment // read before what it revises, so that a tag is never newer than what it is for
	if environmentName != "" {
		if e, err = cat.Environment(ctx, environmentName); err != nil {
			return nil, "", err
		}
	}
	r, err := cat.Newest(ctx, s, e)
	if err != nil {
		return nil, "", err
	}
	var defaults map[string]string
	if r != nil {
		defaults = r.Manifest.Env
	}
	layers, err := Layers(ctx, cat.db, s.ID, e, defaults)
	if err != nil {
		return nil, "", err
	}
	values, from := slipway.MergeConfig(layers)
	list := make([]Setting, 0, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		list = append(list, Setting{Key: key, Layer: from[key], ConfigValue: values[key]})
	}
	return list, configRevision(s, e), nil
}

// Newest is the release live in e, or else the newest one; nil without releases.
func (cat *Catalog) Newest(ctx context.Context, s *ent.Service, e *ent.Environment) (*ent.Release, error) {
	if e != nil {
		d, err := cat.Live(ctx, s.ID, e.ID)
		if err != nil {
			return nil, err
		}
		if d != nil {
			return d.Edges.Release, nil
		}
	}
	r, err := cat.db.Release.Query().Where(release.ServiceID(s.ID)).Order(ent.Desc(release.FieldNumber)).First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return r, err
}

// Live is the deployment that has the traffic, with its release; nil for none.
func (cat *Catalog) Live(ctx context.Context, service, environment int) (*ent.Deployment, error) {
	d, err := cat.db.Deployment.Query().Where(deployment.ServiceID(service), deployment.EnvironmentID(environment), deployment.Live(true)).
		WithRelease().Order(ent.Desc(deployment.FieldID)).First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return d, err
}

// ScopesOf are the scopes of settings that make up the config of a service in an
// environment, with their layers.
func ScopesOf(service, environment int) map[string]slipway.ConfigLayer {
	s, e := strconv.Itoa(service), strconv.Itoa(environment)
	return map[string]slipway.ConfigLayer{s + "/-": slipway.LayerService, "-/" + e: slipway.LayerEnvironment, s + "/" + e: slipway.LayerBoth}
}

// Layers reads what is set for a service, in an environment unless that is nil.
func Layers(ctx context.Context, db *ent.Client, service int, e *ent.Environment, defaults map[string]string) (map[slipway.ConfigLayer]map[string]slipway.ConfigValue, error) {
	scopes := map[string]slipway.ConfigLayer{strconv.Itoa(service) + "/-": slipway.LayerService}
	if e != nil {
		scopes = ScopesOf(service, e.ID)
	}
	rows, err := db.Setting.Query().Where(setting.ScopeIn(slices.Sorted(maps.Keys(scopes))...)).All(ctx)
	if err != nil {
		return nil, err
	}
	return Layered(rows, scopes, defaults), nil
}

// Layered puts settings into their layers, over defaults.
func Layered(rows []*ent.Setting, scopes map[string]slipway.ConfigLayer, defaults map[string]string) map[slipway.ConfigLayer]map[string]slipway.ConfigValue {
	out := map[slipway.ConfigLayer]map[string]slipway.ConfigValue{slipway.LayerDefaults: {}}
	for key, value := range defaults {
		out[slipway.LayerDefaults][key] = slipway.ConfigValue{Value: value}
	}
	for _, row := range rows {
		layer := scopes[row.Scope]
		if out[layer] == nil {
			out[layer] = map[string]slipway.ConfigValue{}
		}
		value := slipway.ConfigValue{Value: row.Value, Secret: slipway.SecretRef(row.Secret)}
		if row.Secret != "" { // then the column for the value holds its fingerprint
			value.Value, value.Fingerprint = "", row.Value
		}
		out[layer][row.Key] = value
	}
	return out
}
