package platform

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

// dropCredentials removes what no service reads its repository with any more, nor
// a promotion under way, and what a platform that was ended left of a try.
func (p *Platform) dropCredentials(ctx context.Context, after time.Duration) error {
	refs, err := p.Secrets.List(ctx, slipway.GitCredentials)
	if err != nil || len(refs) == 0 {
		return err
	}
	services, err := p.db.Service.Query().Where(service.CredentialNEQ("")).All(ctx)
	if err != nil {
		return err
	}
	needed := map[slipway.SecretRef]bool{}
	for _, s := range services {
		needed[slipway.SecretRef(s.Credential)] = true
	}
	waiting, err := p.db.Promotion.Query().Where(promotion.StateIn(catalog.UnderWay...)).All(ctx)
	if err != nil {
		return err
	}
	for _, row := range waiting {
		var in workflows.Input
		if json.Unmarshal(row.Input, &in) == nil {
			needed[in.Repository.Credential] = true
		}
	}
	for _, ref := range refs {
		if needed[ref] {
			p.idle.Delete(ref)
		} else if p.idleFor(ref, after) {
			if err := p.Secrets.Delete(ctx, ref); err != nil {
				return err
			}
			p.idle.Delete(ref)
			p.Log.Info("a git credential that nothing needs any more was removed", "secret", ref)
		}
	}
	return nil
}

// dropSecrets removes the values of a service that have been needed by nothing for
// a while.
func (p *Platform) dropSecrets(ctx context.Context, s *ent.Service, after time.Duration) error {
	refs, err := p.Secrets.List(ctx, s.Name+"/")
	if err != nil || len(refs) == 0 {
		return err
	}
	needed, err := p.NeededSecrets(ctx, s)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if needed[ref] || !strings.Contains(ref.Name()[strings.LastIndexByte(ref.Name(), '/')+1:], ".") { // of an earlier version, or no setting's
			p.idle.Delete(ref)
			continue
		}
		if !p.idleFor(ref, after) {
			continue
		}
		if err := p.Secrets.Delete(ctx, ref); err != nil {
			return err
		}
		p.idle.Delete(ref)
		p.Log.Info("a secret that nothing needs any more was removed", "service", s.Name, "secret", ref)
	}
	return nil
}

// idleFor tells whether a value has been needed by nothing for that long. One that
// was just sealed is named by nothing for a moment.
func (p *Platform) idleFor(ref slipway.SecretRef, after time.Duration) bool {
	since, _ := p.idle.LoadOrStore(ref, store.Now())
	return store.Now().Sub(since.(time.Time)) >= after
}
