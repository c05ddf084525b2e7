package catalog

import (
	"context"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
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
		cat.journal.Happened(ctx, "secret.set", in.Service, in.Environment, 0, said)
		return put(ctx, tx.Client(), c, in.Name, slipway.ConfigValue{Secret: ref, Fingerprint: fingerprint})
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

// RemoveSecret removes the setting that refers to a value. The value goes too,
// unless a deployment that runs, or could be gone back to, needs it: then Retain
// removes it when that is over.
func (cat *Catalog) RemoveSecret(ctx context.Context, serviceName, environmentName, name string) error {
	if serviceName == "" {
		return slipway.Errorf(slipway.Invalid, "service is missing").At("service")
	}
	c, err := cat.cell(ctx, serviceName, environmentName, "", slipway.PermitSecret)
	if err != nil {
		return err
	}
	row, err := cat.db.Setting.Query().Where(setting.Scope(c.scope()), setting.Key(name), setting.SecretNEQ("")).Only(ctx)
	if err != nil {
		return store.Missing(err, "there is no secret %s; `slipway secret ls %s` lists them", store.Printable(name), serviceName)
	}
	cat.audit.Record(ctx, audit.Begun, "secret.removed", serviceName, environmentName, "", "", nil, map[string]string{"name": name, "reference": row.Secret})
	err = store.InTx(ctx, cat.db, func(tx *ent.Tx) error {
		if err := reviseConfig(ctx, tx.Client(), c, nil); err != nil {
			return err
		}
		return tx.Setting.DeleteOne(row).Exec(ctx)
	})
	if err != nil && !ent.IsNotFound(err) {
		return err
	}
	ref := slipway.SecretRef(row.Secret)
	needed, err := cat.NeededSecrets(store.AsSystem(ctx), c.service)
	if err != nil {
		return err
	}
	if !needed[ref] {
		if err := cat.ports.Secrets.Delete(ctx, ref); err != nil {
			return err
		}
	}
	said := map[string]string{"name": name, "reference": string(ref), "kept": strconv.FormatBool(needed[ref])}
	err = identity.WithMakers(ctx, cat.db, said)
	cat.journal.Happened(ctx, "secret.removed", serviceName, environmentName, 0, said)
	return err
}

// NeededSecrets are the values that a service's settings name, and those that its
// deployments run with, or would when they are gone back to.
func (cat *Catalog) NeededSecrets(ctx context.Context, s *ent.Service) (map[slipway.SecretRef]bool, error) {
	settings, err := cat.db.Setting.Query().Where(setting.ServiceID(s.ID), setting.SecretNEQ("")).All(ctx)
	if err != nil {
		return nil, err
	}
	needed := map[slipway.SecretRef]bool{}
	for _, row := range settings {
		needed[slipway.SecretRef(row.Secret)] = true
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
