package platform

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/setting"
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

func (p *Platform) reference(c cell, name string) slipway.SecretRef {
	path := c.service.Name + "/"
	if c.environment != nil {
		path += c.environment.Name + "/"
	}
	return slipway.SecretRef(p.Secrets.Scheme() + "://" + path + name)
}

// SetSecret seals a value and makes the setting of that name refer to it. The
// value can't be had back. What runs keeps its config until the next promotion.
func (p *Platform) SetSecret(ctx context.Context, in SecretInput) (SecretEntry, error) {
	if err := in.Validate(); err != nil {
		return SecretEntry{}, err
	}
	if in.Service == "" {
		return SecretEntry{}, slipway.Errorf(slipway.Invalid, "service is missing").At("service")
	}
	c, err := p.cell(ctx, in.Service, in.Environment, "", slipway.PermitSecret)
	if err != nil {
		return SecretEntry{}, err
	}
	ref := p.reference(c, in.Name)
	p.audit(ctx, AuditBegun, "secret.set", in.Service, in.Environment, "", "", nil, map[string]string{"name": in.Name, "reference": string(ref)})
	if err := p.Secrets.Set(ctx, ref, in.Value); err != nil {
		return SecretEntry{}, err
	}
	fingerprint, err := p.fingerprint(ctx, in.Value)
	if err != nil {
		return SecretEntry{}, err
	}
	err = p.recorded(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if err := reviseConfig(ctx, tx.Client(), c, nil); err != nil {
			return err
		}
		p.record(ctx, "secret.set", in.Service, in.Environment, 0, map[string]string{"name": in.Name, "reference": string(ref)})
		return put(ctx, tx.Client(), c, in.Name, slipway.ConfigValue{Secret: ref, Fingerprint: fingerprint})
	})
	if err != nil {
		return SecretEntry{}, err
	}
	p.lookAt(ctx, c)
	return SecretEntry{Name: in.Name, Environment: in.Environment, Reference: ref}, nil
}

// ListSecrets lists the secrets of a service, in one environment unless that is
// "", by name: names and references, never values.
func (p *Platform) ListSecrets(ctx context.Context, serviceName, environmentName string) ([]SecretEntry, error) {
	s, err := p.service(ctx, serviceName, slipway.PermitSecretRead, "")
	if err != nil {
		return nil, err
	}
	query := p.db.Setting.Query().Where(setting.ServiceID(s.ID), setting.SecretNEQ(""))
	if environmentName != "" {
		e, err := p.Environment(ctx, environmentName)
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

// RemoveSecret removes a value and the setting that refers to it. A deployment
// that uses it goes on until it is started again, which then fails; so it is a
// Conflict while the snapshot of a live deployment refers to it.
func (p *Platform) RemoveSecret(ctx context.Context, serviceName, environmentName, name string) error {
	if serviceName == "" {
		return slipway.Errorf(slipway.Invalid, "service is missing").At("service")
	}
	c, err := p.cell(ctx, serviceName, environmentName, "", slipway.PermitSecret)
	if err != nil {
		return err
	}
	row, err := p.db.Setting.Query().Where(setting.Scope(c.scope()), setting.Key(name), setting.SecretNEQ("")).Only(ctx)
	if err != nil {
		return missing(err, "there is no secret %s; `slipway secret ls %s` lists them", printable(name), serviceName)
	}
	p.audit(ctx, AuditBegun, "secret.removed", serviceName, environmentName, "", "", nil, map[string]string{"name": name, "reference": row.Secret})
	err = p.inTx(ctx, func(tx *ent.Tx) error {
		if err := reviseConfig(ctx, tx.Client(), c, nil); err != nil {
			return err
		}
		return tx.Setting.DeleteOne(row).Exec(ctx)
	})
	if err != nil && !ent.IsNotFound(err) {
		return err
	}
	ref := slipway.SecretRef(row.Secret)
	using, err := p.usedBy(ctx, ref)
	if err != nil {
		return err
	}
	if len(using) == 0 {
		if err := p.Secrets.Delete(ctx, ref); err != nil {
			return err
		}
	}
	p.record(ctx, "secret.removed", serviceName, environmentName, 0, map[string]string{"name": name, "reference": string(ref), "kept_for": strings.Join(using, ", ")})
	return nil
}

// usedBy names the live deployments whose config refers to a secret.
func (p *Platform) usedBy(ctx context.Context, ref slipway.SecretRef) ([]string, error) {
	var using []string
	rows, err := p.liveDeployments(ctx, nil)
	if err != nil {
		return nil, err
	}
	for _, d := range rows {
		s, err := NewLedger(p.Storage).Snapshot(ctx, slipway.Digest(d.Snapshot))
		if slipway.CodeOf(err) == slipway.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		uses := slices.ContainsFunc(s.Files, func(f slipway.RenderedFile) bool { return strings.Contains(f.Content, slipway.SecretMark(ref)) })
		for _, v := range s.Env {
			uses = uses || v.Secret == ref
		}
		if uses {
			using = append(using, d.Edges.Service.Name+" in "+d.Edges.Environment.Name)
		}
	}
	return using, nil
}
