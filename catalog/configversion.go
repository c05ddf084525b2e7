package catalog

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/configversion"
	"github.com/slipway-dev/slipway/ent/setting"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// versionsKept is how many versions of a key in one layer can be had back; the values
// of secrets that they name stay sealed for as long.
const versionsKept = 20

// ConfigVersion is what a setting was from one change to the next.
type ConfigVersion struct {
	Key    string
	Layer  slipway.ConfigLayer
	Number int // counts the changes of the key in its layer, from 1
	slipway.ConfigValue
	Unset   bool   // it was taken away
	Author  string // "" for what was set before versions were kept
	Since   time.Time
	Current bool // it is the newest of its key and layer
}

// ConfigVersions selects versions of settings; they are listed newest first.
type ConfigVersions struct {
	Service     string
	Environment string // "" for the layer of the service alone
	Key         string // "" for all
	store.Page
}

// remember writes down what a setting has become; the value it had before versions
// were kept goes first. It is called in the transaction of the change, with the row that
// stood there before it, nil for none.
func (c cell) remember(ctx context.Context, db *ent.Client, key string, before *ent.Setting, now slipway.ConfigValue, unset bool) error {
	newest, err := db.ConfigVersion.Query().Where(configversion.Scope(c.scope()), configversion.Key(key)).Order(ent.Desc(configversion.FieldNumber)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return err
	}
	number := 1
	if newest != nil {
		number = newest.Number + 1
	} else if before != nil {
		err := c.version(db, key, number).SetValue(before.Value).SetSecret(before.Secret).SetCreatedAt(before.UpdatedAt).Exec(ctx)
		if err != nil {
			return err
		}
		number++
	}
	value := now.Value
	if now.Secret != "" {
		value = now.Fingerprint
	}
	err = c.version(db, key, number).SetValue(value).SetSecret(string(now.Secret)).SetUnset(unset).SetAuthor(slipway.Actor(ctx)).Exec(ctx)
	if err != nil {
		return err
	}
	_, err = db.ConfigVersion.Delete().Where(configversion.Scope(c.scope()), configversion.Key(key), configversion.NumberLTE(number-versionsKept)).Exec(ctx)
	return err
}

func (c cell) version(db *ent.Client, key string, number int) *ent.ConfigVersionCreate {
	s, e := c.ids()
	return db.ConfigVersion.Create().SetNillableServiceID(s).SetNillableEnvironmentID(e).SetScope(c.scope()).SetKey(key).SetNumber(number)
}

// ConfigVersions lists what the settings of a service were, in every layer that makes
// up its config in an environment. Values of secrets are unseen.
func (cat *Catalog) ConfigVersions(ctx context.Context, q ConfigVersions) (store.List[ConfigVersion], error) {
	limit, after, err := q.Numbered()
	if err != nil {
		return store.List[ConfigVersion]{}, err
	}
	s, err := cat.people.ServiceFor(ctx, q.Service, slipway.PermitServiceRead, "")
	if err != nil {
		return store.List[ConfigVersion]{}, err
	}
	scopes := map[string]slipway.ConfigLayer{strconv.Itoa(s.ID) + "/-": slipway.LayerService}
	if q.Environment != "" {
		e, err := cat.Environment(ctx, q.Environment)
		if err != nil {
			return store.List[ConfigVersion]{}, err
		}
		scopes = ScopesOf(s.ID, e.ID)
	}
	query := cat.db.ConfigVersion.Query().Where(configversion.ScopeIn(slices.Sorted(maps.Keys(scopes))...)).Order(ent.Desc(configversion.FieldID)).Limit(limit + 1)
	if q.Key != "" {
		query.Where(configversion.Key(q.Key))
	}
	if after > 0 {
		query.Where(configversion.IDLT(after))
	}
	rows, err := query.All(ctx)
	if err != nil {
		return store.List[ConfigVersion]{}, err
	}
	page := store.Cut(rows, limit, func(v *ent.ConfigVersion) string { return strconv.Itoa(v.ID) })
	newest, err := newestVersions(ctx, cat.db, slices.Sorted(maps.Keys(scopes)), page.Items)
	if err != nil {
		return store.List[ConfigVersion]{}, err
	}
	out := store.List[ConfigVersion]{Items: make([]ConfigVersion, len(page.Items)), Next: page.Next}
	for i, row := range page.Items {
		out.Items[i] = ConfigVersion{
			Key: row.Key, Layer: scopes[row.Scope], Number: row.Number, ConfigValue: versionValue(row),
			Unset: row.Unset, Author: row.Author, Since: row.CreatedAt.UTC(), Current: row.Number == newest[row.Scope+" "+row.Key],
		}
	}
	return out, nil
}

// newestVersions is the number of the newest version, by scope and key, of each key of rows.
func newestVersions(ctx context.Context, db *ent.Client, scopes []string, rows []*ent.ConfigVersion) (map[string]int, error) {
	keys := make([]string, len(rows))
	for i, row := range rows {
		keys[i] = row.Key
	}
	var found []struct {
		Scope, Key string
		Max        int
	}
	err := db.ConfigVersion.Query().Where(configversion.ScopeIn(scopes...), configversion.KeyIn(keys...)).
		GroupBy(configversion.FieldScope, configversion.FieldKey).Aggregate(ent.Max(configversion.FieldNumber)).Scan(ctx, &found)
	newest := map[string]int{}
	for _, f := range found {
		newest[f.Scope+" "+f.Key] = f.Max
	}
	return newest, err
}

// versionValue is a row's value; the column holds a secret's fingerprint.
func versionValue(row *ent.ConfigVersion) slipway.ConfigValue {
	if row.Secret != "" {
		return slipway.ConfigValue{Secret: slipway.SecretRef(row.Secret), Fingerprint: row.Value}
	}
	return slipway.ConfigValue{Value: row.Value}
}

// ConfigRestore makes a setting what it was in an earlier version.
type ConfigRestore struct {
	Service     string
	Environment string
	Layer       slipway.ConfigLayer // may be left out, as in a ConfigChange
	Key         string
	Number      int
	If          store.Precondition
}

// RestoreConfig makes a setting what it was, as a version of its own. A secret, to or
// from which it goes, takes who may set secrets; its value must not have been erased.
// What runs keeps its config until the next promotion.
func (cat *Catalog) RestoreConfig(ctx context.Context, in ConfigRestore) error {
	c, err := cat.cell(ctx, in.Service, in.Environment, in.Layer, slipway.PermitConfig)
	if err != nil {
		return err
	}
	row, err := cat.db.ConfigVersion.Query().Where(configversion.Scope(c.scope()), configversion.Key(in.Key), configversion.Number(in.Number)).Only(ctx)
	if err != nil {
		return store.Missing(err, "%s has no version %d %s; `slipway config history %s` lists those that can be had back", store.Printable(in.Key), in.Number, layerWords[c.layer], in.Service)
	}
	v := versionValue(row)
	if v.Secret != "" {
		if _, err := cat.ports.Secrets.Get(ctx, v.Secret); err != nil {
			return slipway.Wrap(slipway.Conflict, err, "the value of version %d of %s can't be had back: it was erased, or the store of secrets doesn't answer", in.Number, in.Key)
		}
	}
	stood, err := cat.db.Setting.Query().Where(setting.Scope(c.scope()), setting.Key(in.Key)).Only(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return err
	}
	sealed := v.Secret != "" || stood != nil && stood.Secret != ""
	if sealed {
		if _, err := cat.people.ServiceFor(ctx, in.Service, slipway.PermitSecret, in.Environment); err != nil {
			return err
		}
	}
	said, were := map[string]string{"layer": string(c.layer), "version": strconv.Itoa(in.Number)}, map[string]string{}
	err = cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		clear(were) // of a try before
		if err := reviseConfig(ctx, tx.Client(), c, in.If); err != nil {
			return err
		}
		before, err := tx.Setting.Query().Where(setting.Scope(c.scope()), setting.Key(in.Key)).Only(ctx)
		if err != nil && !ent.IsNotFound(err) {
			return err
		}
		if !sealed && before != nil && before.Secret != "" {
			return store.ErrOutdated("the config") // it became a secret after it was looked at
		}
		if before != nil {
			were["set "+in.Key] = shown(in.Key, before.Value, before.Secret)
		}
		switch {
		case row.Unset && before == nil:
			return slipway.Errorf(slipway.Conflict, "%s is not set %s, as in version %d; nothing is to be done", in.Key, layerWords[c.layer], in.Number)
		case row.Unset:
			said["unset "+in.Key] = ""
			err = tx.Setting.DeleteOne(before).Exec(ctx)
		default:
			said["set "+in.Key] = shown(in.Key, row.Value, row.Secret)
			err = put(ctx, tx.Client(), c, in.Key, v)
		}
		if err == nil {
			err = c.remember(ctx, tx.Client(), in.Key, before, v, row.Unset)
		}
		if err == nil {
			err = identity.WithMakers(ctx, tx.Client(), said)
		}
		s, e := c.names()
		cat.journal.Happened(ctx, "config.changed", s, e, 0, said, were)
		return err
	})
	if err == nil {
		cat.lookAt(ctx, c)
	}
	return err
}

// shown is a setting's value as it is put on record.
func shown(key, value, secret string) string {
	if secret != "" || slipway.LooksSecret(key) {
		return "[secret]"
	}
	return value
}
