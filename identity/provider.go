package identity

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/identity"
	"github.com/slipway-dev/slipway/ent/identityprovider"
	"github.com/slipway-dev/slipway/ent/signinattempt"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/store"
)

// ProviderInput is an OpenID provider to make.
type ProviderInput struct {
	Name         string // part of the address that the provider sends browsers back to
	DisplayName  string // on the button; "" is the name
	Issuer       string
	ClientID     string
	ClientSecret slipway.Secret // empty for a public client
	Scopes       []string       // beyond openid, profile and email
	GroupsClaim  string         // "" is groups
	Groups       []slipway.GroupRule
	Open         bool // whoever signs in gets an account
	TrustMFA     bool // that it has seen a second factor counts as one
}

// ProviderChange is what to change of a provider; nil leaves a field as it is.
// Its issuer stays: the same subject at another one is somebody else.
type ProviderChange struct {
	DisplayName, ClientID, GroupsClaim *string
	ClientSecret                       slipway.Secret // empty leaves it
	Scopes                             *[]string
	Groups                             *[]slipway.GroupRule
	Open, Active, TrustMFA             *bool
	If                                 store.Precondition
}

// checkProvider holds a provider to what can be stored and be made sense of.
func (d *Directory) checkProvider(ctx context.Context, row *ent.IdentityProvider) error {
	switch {
	case len(row.DisplayName) > 100:
		return slipway.Errorf(slipway.Invalid, "the display name is longer than 100 bytes").At("display_name")
	case row.ClientID == "" || len(row.ClientID) > 500:
		return slipway.Errorf(slipway.Invalid, "give the client id under which the provider knows Slipway").At("client_id")
	case row.GroupsClaim == "" || len(row.GroupsClaim) > 200:
		return slipway.Errorf(slipway.Invalid, "name the claim that holds groups, in at most 200 bytes").At("groups_claim")
	case len(row.Scopes) > 20:
		return slipway.Errorf(slipway.Invalid, "more than 20 scopes are too many").At("scopes")
	case len(row.Groups) > 200:
		return slipway.Errorf(slipway.Invalid, "more than 200 rules for groups are too many").At("groups")
	}
	for _, s := range row.Scopes {
		if s == "" || len(s) > 100 || strings.ContainsAny(s, " \"\\\r\n\t") {
			return slipway.Errorf(slipway.Invalid, "%q is not a scope", store.Printable(s)).At("scopes")
		}
	}
	for _, r := range row.Groups {
		switch {
		case r.Group == "" || len(r.Group) > 200:
			return slipway.Errorf(slipway.Invalid, "each rule names a group").At("groups")
		case r.Admin == (r.Team != "" || r.Role != ""):
			return slipway.Errorf(slipway.Invalid, "the rule for %s gives either a role in a team, or makes admins of the platform", store.Printable(r.Group)).At("groups")
		case r.Admin:
			continue
		case !r.Role.Includes(slipway.RoleViewer):
			return slipway.Errorf(slipway.Invalid, "%q is not a role; there are viewer, developer, maintainer and admin", store.Printable(string(r.Role))).At("groups")
		}
		exists, err := d.db.Team.Query().Where(team.Name(r.Team)).Exist(store.AsSystem(ctx))
		if err != nil {
			return err
		}
		if !exists {
			return slipway.Errorf(slipway.Invalid, "there is no team %s; make it before giving roles in it", store.Printable(r.Team)).At("groups")
		}
	}
	return nil
}

func (d *Directory) openID() (slipway.OpenID, error) {
	if d.settings.OpenID == nil {
		return nil, slipway.Errorf(slipway.Unavailable, "this platform speaks with no providers")
	}
	return d.settings.OpenID, nil
}

// Given says of an address that a caller gives and that doesn't answer: it is a
// field to correct, not a fault of this platform.
func Given(err error, field string) error {
	var silent *slipway.Error
	if errors.As(err, &silent) && silent.Code == slipway.Unavailable {
		return slipway.Wrap(slipway.Invalid, err, "%s", silent.Message).At(field)
	}
	return err
}

// AddProvider makes a provider, which must answer. It takes an admin of the platform.
func (d *Directory) AddProvider(ctx context.Context, in ProviderInput) (*ent.IdentityProvider, error) {
	if _, err := d.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return nil, err
	}
	if err := d.comesIn(ctx, "provider.added", "a provider says who is who"); err != nil {
		return nil, err
	}
	if err := slipway.CheckName("name", in.Name); err != nil {
		return nil, err
	}
	if err := slipway.CheckIssuer("issuer", in.Issuer); err != nil {
		return nil, err
	}
	if in.GroupsClaim == "" {
		in.GroupsClaim = "groups"
	}
	want := &ent.IdentityProvider{DisplayName: in.DisplayName, ClientID: in.ClientID, GroupsClaim: in.GroupsClaim, Scopes: in.Scopes, Groups: in.Groups}
	if err := d.checkProvider(ctx, want); err != nil {
		return nil, err
	}
	exists, err := d.db.IdentityProvider.Query().Where(identityprovider.Name(in.Name)).Exist(ctx)
	taken := slipway.Errorf(slipway.Conflict, "there is a provider %s already; give another name", in.Name).At("name")
	if err != nil || exists {
		return nil, cmp.Or[error](err, taken)
	}
	openid, err := d.openID()
	if err != nil {
		return nil, err
	}
	if err := openid.Discover(ctx, in.Issuer); err != nil {
		return nil, Given(err, "issuer")
	}
	var ref slipway.SecretRef
	if in.ClientSecret.Reveal() != "" {
		ref = d.providerSecret(in.Name)
		if err := d.secrets.Set(ctx, ref, in.ClientSecret); err != nil {
			return nil, err
		}
	}
	var row *ent.IdentityProvider
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) (err error) {
		row, err = tx.IdentityProvider.Create().SetName(in.Name).SetDisplayName(store.Clean(in.DisplayName)).SetIssuer(in.Issuer).SetClientID(in.ClientID).
			SetScopes(in.Scopes).SetGroupsClaim(in.GroupsClaim).SetGroups(in.Groups).SetOpen(in.Open).SetTrustMfa(in.TrustMFA).SetClientSecret(string(ref)).Save(ctx)
		if err == nil {
			d.recordProvider(ctx, "provider.added", row, providerFacts(row))
		}
		return err
	})
	if ent.IsConstraintError(err) {
		return nil, taken
	}
	return row, err
}

func (d *Directory) providerSecret(name string) slipway.SecretRef {
	return slipway.RefIn(d.secrets, "_platform/provider-"+name)
}

func (d *Directory) recordProvider(ctx context.Context, action string, row *ent.IdentityProvider, after map[string]string, before ...map[string]string) {
	d.audit.Record(ctx, audit.Done, action, "", "", "provider "+row.Name, "", audit.Before(before), after)
}

// providerFacts are what the record holds of a provider.
func providerFacts(row *ent.IdentityProvider) map[string]string {
	var rules []string
	for _, r := range row.Groups {
		rules = append(rules, r.String())
	}
	return map[string]string{
		"display_name": row.DisplayName, "issuer": row.Issuer, "client_id": row.ClientID, "scopes": strings.Join(row.Scopes, " "),
		"groups_claim": row.GroupsClaim, "groups": strings.Join(rules, ", "), "open": audit.Yes(row.Open), "trust_mfa": audit.Yes(row.TrustMfa), "active": audit.Yes(row.Active),
	}
}

// Providers lists the providers by name. It takes an admin of the platform.
func (d *Directory) Providers(ctx context.Context) ([]*ent.IdentityProvider, error) {
	if _, err := d.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return nil, err
	}
	return d.db.IdentityProvider.Query().Order(identityprovider.ByName()).Limit(1000).All(ctx)
}

// Provider finds a provider by its name. It takes an admin of the platform.
func (d *Directory) Provider(ctx context.Context, name string) (*ent.IdentityProvider, error) {
	if _, err := d.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return nil, err
	}
	row, err := d.db.IdentityProvider.Query().Where(identityprovider.Name(name)).Only(ctx)
	return row, store.Missing(err, "there is no provider %s; `slipway provider ls` lists them", store.Printable(name))
}

// UpdateProvider changes a provider. One through which alone admins come in
// stays active while passwords are switched off.
func (d *Directory) UpdateProvider(ctx context.Context, name string, change ProviderChange) (*ent.IdentityProvider, error) {
	row, err := d.Provider(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := d.comesIn(ctx, "provider.changed", "a provider says who is who"); err != nil {
		return nil, err
	}
	if err := change.If.Holds("provider "+name, row.Revision); err != nil {
		return nil, err
	}
	before, want := providerFacts(row), *row
	Give(&want.DisplayName, change.DisplayName)
	Give(&want.ClientID, change.ClientID)
	Give(&want.GroupsClaim, change.GroupsClaim)
	Give(&want.Scopes, change.Scopes)
	Give(&want.Groups, change.Groups)
	Give(&want.Open, change.Open)
	Give(&want.Active, change.Active)
	Give(&want.TrustMfa, change.TrustMFA)
	if err := d.checkProvider(ctx, &want); err != nil {
		return nil, err
	}
	if change.ClientSecret.Reveal() != "" {
		want.ClientSecret = string(d.providerSecret(name))
		if err := d.secrets.Set(ctx, d.providerSecret(name), change.ClientSecret); err != nil {
			return nil, err
		}
	}
	after := providerFacts(&want)
	for field, was := range before {
		if after[field] == was {
			delete(before, field)
			delete(after, field)
		}
	}
	if change.ClientSecret.Reveal() != "" {
		after["credential"] = "replaced"
	}
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		d.recordProvider(ctx, "provider.changed", row, after, before)
		err := tx.IdentityProvider.UpdateOneID(row.ID).Where(identityprovider.Revision(row.Revision)).AddRevision(1).SetDisplayName(store.Clean(want.DisplayName)).
			SetClientID(want.ClientID).SetClientSecret(want.ClientSecret).SetScopes(want.Scopes).SetGroupsClaim(want.GroupsClaim).SetGroups(want.Groups).
			SetOpen(want.Open).SetTrustMfa(want.TrustMfa).SetActive(want.Active).Exec(ctx)
		if ent.IsNotFound(err) {
			return store.ErrOutdated("provider " + name)
		}
		if err != nil || want.Active {
			return err
		}
		return adminsComeIn(ctx, tx.Client())
	})
	if err != nil {
		return nil, err
	}
	return d.Provider(ctx, name)
}

// Give has a field take a value, unless that is nil.
func Give[T any](into *T, value *T) {
	if value != nil {
		*into = *value
	}
}

// RemoveProvider removes a provider and who its people are here. Their accounts
// stay; those without a password open to nobody until an admin sets one, or they
// come through another provider.
func (d *Directory) RemoveProvider(ctx context.Context, name string, only store.Precondition) error {
	row, err := d.Provider(ctx, name)
	if err != nil {
		return err
	}
	if err := only.Holds("provider "+name, row.Revision); err != nil {
		return err
	}
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		d.recordProvider(ctx, "provider.removed", row, nil, providerFacts(row))
		if _, err := tx.Identity.Delete().Where(identity.ProviderID(row.ID)).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.SignInAttempt.Delete().Where(signinattempt.Provider(name)).Exec(ctx); err != nil {
			return err
		}
		if err := tx.IdentityProvider.DeleteOneID(row.ID).Exec(ctx); err != nil {
			return err
		}
		return adminsComeIn(ctx, tx.Client())
	})
	if err != nil {
		return err
	}
	if row.ClientSecret != "" {
		if err := d.secrets.Delete(ctx, slipway.SecretRef(row.ClientSecret)); err != nil {
			d.log.Warn("the secret of a provider that was removed could not be deleted", "provider", name, "error", err)
		}
	}
	return nil
}
