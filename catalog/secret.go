package catalog

import (
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/configversion"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/ent/setting"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// SecretInput is a value to seal, and the setting that shall refer to it.
type SecretInput struct {
	Service     string
	Environment string // "" for the service everywhere
	Name        string
	Value       slipway.Secret
}

// Validate names the field at fault.
func (in SecretInput) Validate() error {
	if err := checkKey("name", in.Name); err != nil {
		return err
	}
	switch n := len(in.Value.Reveal()); {
	case n == 0:
		return slipway.Errorf(slipway.Invalid, "the value is empty; `slipway secret rm` removes a secret").At("value")
	case n > 64<<10:
		return slipway.Errorf(slipway.Invalid, "the value has %d bytes; at most %d are allowed", n, 64<<10).At("value")
	case strings.ContainsRune(in.Value.Reveal(), 0):
		return slipway.Errorf(slipway.Invalid, "the value holds a zero byte, which no environment variable can").At("value")
	}
	return nil
}

// SecretEntry is a secret without its value.
type SecretEntry struct {
	Name        string // the setting that refers to it
	Environment string // "" for the service everywhere
	Reference   slipway.SecretRef
}

// reference names one value of a secret for good: another value has another
// reference. So a config snapshot means the same value for ever, what a deployment
// printed is scrubbed of the value that it had, and a rollback gets what it ran with.
func (cat *Catalog) reference(c cell, name, fingerprint string) slipway.SecretRef {
	path := c.service.Name + "/"
	if c.environment != nil {
		path += c.environment.Name + "/"
	}
	return slipway.SecretRef(cat.ports.Secrets.Scheme() + "://" + path + name + "." + fingerprint)
}

// SetSecret seals a value and makes the setting of that name refer to it. The
// value can't be had back. What runs keeps its config until the next promotion.
func (cat *Catalog) SetSecret(ctx context.Context, in SecretInput) (SecretEntry, error) {
	if err := in.Validate(); err != nil {
		return SecretEntry{}, err
	}
	if in.Service == "" {
		return SecretEntry{}, slipway.Errorf(slipway.Invalid, "service is missing").At("service")
	}
	c, err := cat.cell(ctx, in.Service, in.Environment, "", slipway.PermitSecret)
	if err != nil {
		return SecretEntry{}, err
	}
	fingerprint, err := cat.fingerprint(ctx, in.Value)
	if err != nil {
		return SecretEntry{}, err
	}
	ref := cat.reference(c, in.Name, fingerprint)
	cat.audit.Record(ctx, audit.Begun, "secret.set", in.Service, in.Environment, "", "", nil, map[string]string{"name": in.Name, "reference": string(ref)})
	if err := cat.ports.Secrets.Set(ctx, ref, in.Value); err != nil {
		return SecretEntry{}, err
	}
	err = cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if err := reviseConfig(ctx, tx.Client(), c, nil); err != nil {
			return err
		}
		said := map[string]string{"name": in.Name, "reference": string(ref)}
		if err := identity.WithMakers(ctx, tx.Client(), said); err != nil {
			return err
		}
		before, err := tx.Setting.Query().Where(setting.Scope(c.scope()), setting.Key(in.Name)).Only(ctx)
		if err != nil && !ent.IsNotFound(err) {
			return err
		}
		cat.journal.Happened(ctx, "secret.set", in.Service, in.Environment, 0, said)
		v := slipway.ConfigValue{Secret: ref, Fingerprint: fingerprint}
		if err := put(ctx, tx.Client(), c, in.Name, v); err != nil {
			return err
		}
		if err := c.remember(ctx, tx.Client(), in.Name, before, v, false); err != nil {
			return err
		}
		// What is sealed now doesn't stay readable in what was before.
		_, err = tx.ConfigVersion.Delete().Where(configversion.Scope(c.scope()), configversion.Key(in.Name), configversion.Secret(""), configversion.Value(in.Value.Reveal())).Exec(ctx)
		return err
	})
	if err != nil {
		return SecretEntry{}, err
	}
	cat.lookAt(ctx, c)
	return SecretEntry{Name: in.Name, Environment: in.Environment, Reference: ref}, nil
}

// ListSecrets lists the secrets of a service, in one environment unless that is
// "", by name: names and references, never values.
func (cat *Catalog) ListSecrets(ctx context.Context, serviceName, environmentName string) ([]SecretEntry, error) {
	s, err := cat.people.ServiceFor(ctx, serviceName, slipway.PermitSecretRead, "")
	if err != nil {
		return nil, err
	}
	query := cat.db.Setting.Query().Where(setting.ServiceID(s.ID), setting.SecretNEQ(""))
	if environmentName != "" {
		e, err := cat.Environment(ctx, environmentName)
		if err != nil {
			return nil, err
		}
		query.Where(setting.EnvironmentID(e.ID))
	}
	rows, err := query.WithEnvironment().Order(setting.ByKey(), setting.ByID()).All(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]SecretEntry, 0, len(rows))
	for _, row := range rows {
		entry := SecretEntry{Name: row.Key, Reference: slipway.SecretRef(row.Secret)}
		if row.Edges.Environment != nil {
			entry.Environment = row.Edges.Environment.Name
		}
		list = append(list, entry)
	}
	return list, nil
}

// RemoveSecret removes the setting that refers to a value. The value itself stays
// sealed, so that it can be had back by its version. With erase it goes, and with it
// every value that the setting had, but those that a deployment which runs, or could be
// gone back to, needs: these go when that is over.
func (cat *Catalog) RemoveSecret(ctx context.Context, serviceName, environmentName, name string, erase bool) error {
	if serviceName == "" {
		return slipway.Errorf(slipway.Invalid, "service is missing").At("service")
	}
	c, err := cat.cell(ctx, serviceName, environmentName, "", slipway.PermitSecret)
	if err != nil {
		return err
	}
	row, err := cat.db.Setting.Query().Where(setting.Scope(c.scope()), setting.Key(name), setting.SecretNEQ("")).Only(ctx)
	if err != nil && !(erase && ent.IsNotFound(err)) { // what was removed before can still be erased
		return store.Missing(err, "there is no secret %s; `slipway secret ls %s` lists them", store.Printable(name), serviceName)
	}
	versions := cat.db.ConfigVersion.Query().Where(configversion.Scope(c.scope()), configversion.Key(name), configversion.SecretNEQ(""))
	refs, err := versions.Unique(true).Select(configversion.FieldSecret).Strings(ctx)
	if err != nil {
		return err
	}
	said := map[string]string{"name": name, "erased": strconv.FormatBool(erase)}
	if row != nil {
		said["reference"] = row.Secret
		refs = append(refs, row.Secret)
	} else if len(refs) == 0 {
		return slipway.Errorf(slipway.NotFound, "there is no secret %s; `slipway secret ls %s` lists them", store.Printable(name), serviceName)
	}
	cat.audit.Record(ctx, audit.Begun, "secret.removed", serviceName, environmentName, "", "", nil, maps.Clone(said))
	err = store.InTx(ctx, cat.db, func(tx *ent.Tx) error {
		if erase {
			_, err := tx.ConfigVersion.Delete().Where(configversion.Scope(c.scope()), configversion.Key(name), configversion.SecretNEQ("")).Exec(ctx)
			if err != nil {
				return err
			}
		}
		if row == nil {
			return nil
		}
		if err := reviseConfig(ctx, tx.Client(), c, nil); err != nil {
			return err
		}
		if err := tx.Setting.DeleteOne(row).Exec(ctx); err != nil || erase {
			return err
		}
		return c.remember(ctx, tx.Client(), name, row, slipway.ConfigValue{}, true)
	})
	if err != nil && !ent.IsNotFound(err) {
		return err
	}
	kept := false
	if erase {
		if kept, err = cat.erase(ctx, c.service, refs); err != nil {
			return err
		}
	}
	said["kept"] = strconv.FormatBool(kept || !erase)
	err = identity.WithMakers(ctx, cat.db, said)
	cat.journal.Happened(ctx, "secret.removed", serviceName, environmentName, 0, said)
	return err
}

// erase deletes values that nothing needs; kept tells whether one is needed.
func (cat *Catalog) erase(ctx context.Context, s *ent.Service, refs []string) (kept bool, err error) {
	needed, err := cat.NeededSecrets(store.AsSystem(ctx), s)
	if err != nil {
		return false, err
	}
	for _, name := range refs {
		ref := slipway.SecretRef(name)
		if needed[ref] {
			kept = true
		} else if err := cat.ports.Secrets.Delete(ctx, ref); err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// NeededSecrets are the values that a service's settings name or can be brought back
// to, and those that its deployments run with, or would when they are gone back to.
func (cat *Catalog) NeededSecrets(ctx context.Context, s *ent.Service) (map[slipway.SecretRef]bool, error) {
	settings, err := cat.db.Setting.Query().Where(setting.ServiceID(s.ID), setting.SecretNEQ("")).All(ctx)
	if err != nil {
		return nil, err
	}
	needed := map[slipway.SecretRef]bool{}
	for _, row := range settings {
		needed[slipway.SecretRef(row.Secret)] = true
	}
	earlier, err := cat.db.ConfigVersion.Query().Where(configversion.ServiceID(s.ID), configversion.SecretNEQ("")).Unique(true).Select(configversion.FieldSecret).Strings(ctx)
	if err != nil {
		return nil, err
	}
	for _, ref := range earlier {
		needed[slipway.SecretRef(ref)] = true
	}
	used, err := cat.db.Deployment.Query().Where(deployment.ServiceID(s.ID), deployment.Or(deployment.Live(true), deployment.HasReleaseWith(release.DiscardedAtIsNil()))).
		Unique(true).Select(deployment.FieldSnapshot).Strings(ctx)
	if err != nil {
		return nil, err
	}
	waiting, err := cat.db.Promotion.Query().Where(promotion.ServiceID(s.ID), promotion.StateIn(UnderWay...)).All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range waiting {
		if row.Plan != nil {
			used = append(used, string(row.Plan.Config))
		}
	}
	for _, digest := range used {
		snapshot, err := SnapshotOf(ctx, cat.db, digest)
		if err != nil {
			return nil, err
		}
		if snapshot == nil {
			continue
		}
		for _, v := range snapshot.Env {
			if v.Secret != "" {
				needed[v.Secret] = true
			}
		}
	}
	return needed, nil
}
