package platform

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

// trying is in the place of a service's name while a repository is only looked
// at. No service can have it.
const trying = "_trying"

// credentialsOf are the names of a service's git credentials.
func credentialsOf(name string) string { return slipway.GitCredentials + name + "/" }

// keepCredential seals a token or private key for the server of a repository
// under a name of its own: what is under way goes on with the one before, and
// who gives up has replaced nothing.
func (p *Platform) keepCredential(ctx context.Context, name, url string, token slipway.Secret) (slipway.SecretRef, error) {
	if len(token.Reveal()) > 48<<10 { // with what it is bound to it has to fit into the store
		return "", slipway.Errorf(slipway.Invalid, "the token has %d bytes; at most %d are allowed", len(token.Reveal()), 48<<10).At("token")
	}
	ref := slipway.RefIn(p.Secrets, credentialsOf(name)+hex.EncodeToString(identity.Random(8)))
	bound, err := slipway.BindCredential(ref, url, token)
	if err != nil {
		return "", err
	}
	return ref, p.Secrets.Set(ctx, ref, bound)
}

// errStored refuses a reference in the place of a value: whoever could name one
// would have it sent to a server of his.
func errStored(ref slipway.SecretRef) error {
	return slipway.Errorf(slipway.Invalid, "%s can't be used here: a stored credential opens the repository that it was given for and no other; give the value as token", store.Printable(string(ref))).At("credential")
}

// BindCredentials gives every git credential of an earlier version a name of the
// kind, and binds it to the server that its service has now. It is called when
// the platform starts, before anything reads a repository, and may be called again.
func (p *Platform) BindCredentials(ctx context.Context) error {
	ctx = store.AsSystem(ctx)
	rows, err := p.db.Service.Query().Where(service.CredentialNEQ("")).Order(service.ByID()).All(ctx)
	if err != nil {
		return err
	}
	var replaced []slipway.SecretRef
	for _, s := range rows {
		old := slipway.SecretRef(s.Credential)
		if strings.HasPrefix(old.Name(), credentialsOf(s.Name)) {
			continue
		}
		value, err := p.Secrets.Get(ctx, old)
		if slipway.CodeOf(err) == slipway.NotFound {
			p.Log.Warn("the git credential of a service is gone; give it again: slipway service set NAME --token", "service", s.Name)
			continue
		}
		if err != nil {
			return err
		}
		ref, err := p.keepCredential(ctx, s.Name, s.Repository, value)
		if slipway.CodeOf(err) == slipway.Invalid { // a path of this machine, which never took one
			ref, err = "", nil
		}
		if err != nil {
			return err
		}
		if err := p.db.Service.Update().Where(service.ID(s.ID), service.Credential(s.Credential)).SetCredential(string(ref)).Exec(ctx); err != nil {
			return err
		}
		p.audit.Record(ctx, audit.Done, "service.changed", s.Name, "", "", "its git credential is bound to its server", map[string]string{"credential": s.Credential}, map[string]string{"credential": string(ref)})
		if strings.HasSuffix(old.Name(), "/GIT_TOKEN") { // which was never a setting's
			replaced = append(replaced, old)
		}
	}
	for _, ref := range replaced {
		if err := p.Secrets.Delete(ctx, ref); err != nil {
			return err
		}
	}
	return nil
}

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
	waiting, err := p.db.Promotion.Query().Where(promotion.StateIn(underWay...)).All(ctx)
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

// forgetCredentials removes those of a service that is removed.
func (p *Platform) forgetCredentials(ctx context.Context, s *ent.Service) error {
	refs, err := p.Secrets.List(ctx, credentialsOf(s.Name))
	for _, ref := range refs {
		if err == nil {
			err = p.Secrets.Delete(ctx, ref)
		}
	}
	return err
}
