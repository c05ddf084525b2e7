package catalog

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// trying is in the place of a service's name while a repository is only looked
// at. No service can have it.
const trying = "_trying"

// credentialsOf are the names of a service's git credentials.
func credentialsOf(name string) string { return slipway.GitCredentials + name + "/" }

// keepCredential seals a token or private key for the server of a repository
// under a name of its own: what is under way goes on with the one before, and
// who gives up has replaced nothing.
func (cat *Catalog) keepCredential(ctx context.Context, name, url string, token slipway.Secret) (slipway.SecretRef, error) {
	if len(token.Reveal()) > 48<<10 { // with what it is bound to it has to fit into the store
		return "", slipway.Errorf(slipway.Invalid, "the token has %d bytes; at most %d are allowed", len(token.Reveal()), 48<<10).At("token")
	}
	ref := slipway.RefIn(cat.ports.Secrets, credentialsOf(name)+hex.EncodeToString(identity.Random(8)))
	bound, err := slipway.BindCredential(ref, url, token)
	if err != nil {
		return "", err
	}
	return ref, cat.ports.Secrets.Set(ctx, ref, bound)
}

// errStored refuses a reference in the place of a value: whoever could name one
// would have it sent to a server of his.
func errStored(ref slipway.SecretRef) error {
	return slipway.Errorf(slipway.Invalid, "%s can't be used here: a stored credential opens the repository that it was given for and no other; give the value as token", store.Printable(string(ref))).At("credential")
}

// BindCredentials gives every git credential of an earlier version a name of the
// kind, and binds it to the server that its service has now. It is called when
// the platform starts, before anything reads a repository, and may be called again.
func (cat *Catalog) BindCredentials(ctx context.Context) error {
	ctx = store.AsSystem(ctx)
	rows, err := cat.db.Service.Query().Where(service.CredentialNEQ("")).Order(service.ByID()).All(ctx)
	if err != nil {
		return err
	}
	var replaced []slipway.SecretRef
	for _, s := range rows {
		old := slipway.SecretRef(s.Credential)
		if strings.HasPrefix(old.Name(), credentialsOf(s.Name)) {
			continue
		}
		value, err := cat.ports.Secrets.Get(ctx, old)
		if slipway.CodeOf(err) == slipway.NotFound {
			cat.log.Warn("the git credential of a service is gone; give it again: slipway service set NAME --token", "service", s.Name)
			continue
		}
		if err != nil {
			return err
		}
		ref, err := cat.keepCredential(ctx, s.Name, s.Repository, value)
		if slipway.CodeOf(err) == slipway.Invalid { // a path of this machine, which never took one
			ref, err = "", nil
		}
		if err != nil {
			return err
		}
		if err := cat.db.Service.Update().Where(service.ID(s.ID), service.Credential(s.Credential)).SetCredential(string(ref)).Exec(ctx); err != nil {
			return err
		}
		cat.audit.Record(ctx, audit.Done, "service.changed", s.Name, "", "", "its git credential is bound to its server", map[string]string{"credential": s.Credential}, map[string]string{"credential": string(ref)})
		if strings.HasSuffix(old.Name(), "/GIT_TOKEN") { // which was never a setting's
			replaced = append(replaced, old)
		}
	}
	for _, ref := range replaced {
		if err := cat.ports.Secrets.Delete(ctx, ref); err != nil {
			return err
		}
	}
	return nil
}

// forgetCredentials removes those of a service that is removed.
func (cat *Catalog) forgetCredentials(ctx context.Context, s *ent.Service) error {
	refs, err := cat.ports.Secrets.List(ctx, credentialsOf(s.Name))
	for _, ref := range refs {
		if err == nil {
			err = cat.ports.Secrets.Delete(ctx, ref)
		}
	}
	return err
}
