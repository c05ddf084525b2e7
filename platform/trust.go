package platform

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/trust"
	"github.com/slipway-dev/slipway/store"
)

// singleUse marks, among the scopes of a trust as they are stored, one that
// takes each token of a job once. No token ever has it.
const singleUse slipway.Scope = "once"

// maxTrusts bounds the trusts of a service.
const maxTrusts = 50

// TrustInput says which jobs of a CI system may act for a service.
type TrustInput struct {
	Name     string
	Issuer   string // of the jobs' tokens
	Audience string // for whom they must be made
	Subject  string // a pattern, in which * stands for any text
	Scopes   []slipway.Scope
	Once     bool // each token of a job is taken once
}

// Trust is which jobs may act for a service, and what they may do.
type Trust struct {
	*ent.Trust
	Scopes []slipway.Scope
	Once   bool
}

func trustOf(row *ent.Trust) Trust {
	scopes := slices.DeleteFunc(slices.Clone(row.Scopes), func(s slipway.Scope) bool { return s == singleUse })
	return Trust{Trust: row, Scopes: scopes, Once: len(scopes) < len(row.Scopes)}
}

// sharedIssuer is one that speaks for everybody's jobs: a subject must say whose.
type sharedIssuer struct {
	owned   *regexp.Regexp
	example string
}

// shared are known by their hosts. Issuers that have the owner in their own
// address, as Bitbucket's and CircleCI's do, aren't among them.
var shared = map[string]sharedIssuer{
	"token.actions.githubusercontent.com": {regexp.MustCompile(`^(repo:[^/:*]+/|repository_owner:[^/:*]+(:|$))`), "repo:shop/billing:*"},
	"gitlab.com":                          {regexp.MustCompile(`^project_path:[^/:*]+/`), "project_path:shop/billing:*"},
	"agent.buildkite.com":                 {regexp.MustCompile(`^organization:[^:*]+:`), "organization:shop:pipeline:billing:*"},
	"app.terraform.io":                    {regexp.MustCompile(`^organization:[^:*]+:`), "organization:shop:project:billing:*"},
	"oidc.codefresh.io":                   {regexp.MustCompile(`^account:[^:*]+:`), "account:0123456789abcdef:pipeline:*"},
	"api.pulumi.com":                      {regexp.MustCompile(`^pulumi:[a-z]+:org:[^:*]+:`), "pulumi:deploy:org:shop:project:billing:*"},
	"accounts.google.com":                 {regexp.MustCompile(`^[0-9]+$`), "117323457890123456789, the number of a service account"},
}

// sharedBy finds the shared issuer that an address is of, however it is written.
func sharedBy(issuer *url.URL) (sharedIssuer, bool) {
	s, ok := shared[strings.TrimRight(strings.ToLower(issuer.Hostname()), ".")]
	return s, ok
}

// Ownerless tells why a trust is for anybody's jobs, and what to do: its issuer
// signs those of everybody, and its subject doesn't say whose are meant. "" when it
// is held to an owner. Trusts from before this was asked are stored as they are.
func Ownerless(issuer, subject string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return "its issuer is no address"
	}
	whose, many := sharedBy(u)
	if !many || whose.owned.MatchString(subject) {
		return ""
	}
	return u.Hostname() + " signs the jobs of everybody; begin the subject with whose they are, as in " + whose.example
}

// Validate names the field at fault.
func (in TrustInput) Validate() error {
	if err := slipway.CheckName("name", in.Name); err != nil {
		return err
	}
	if err := slipway.CheckIssuer("issuer", in.Issuer); err != nil {
		return err
	}
	switch {
	case in.Audience == "" || len(in.Audience) > 500 || store.Clean(in.Audience) != in.Audience:
		return slipway.Errorf(slipway.Invalid, "say for whom the tokens must be made, such as this platform's address").At("audience")
	case in.Subject == "" || len(in.Subject) > 500 || store.Clean(in.Subject) != in.Subject:
		return slipway.Errorf(slipway.Invalid, "say which jobs are meant by their subject, such as repo:shop/billing:ref:refs/heads/main").At("subject")
	case in.Subject[0] == '*' || strings.Count(in.Subject, "*") > 5:
		return slipway.Errorf(slipway.Invalid, "the subject begins with a text of its own, and has five * at most").At("subject")
	case Ownerless(in.Issuer, in.Subject) != "":
		return slipway.Errorf(slipway.Invalid, "%s", Ownerless(in.Issuer, in.Subject)).At("subject")
	case len(in.Scopes) == 0 || len(in.Scopes) > 20:
		return slipway.Errorf(slipway.Invalid, "give the trust between one and twenty scopes, such as promote:dev").At("scopes")
	}
	for _, s := range in.Scopes {
		if err := slipway.CheckScope(s); err != nil {
			return err
		}
		if s == slipway.ScopeAdmin || s == slipway.ScopeApprove || s == slipway.ScopeBreakGlass {
			return slipway.Errorf(slipway.Invalid, "a CI job never has the scope %s; it can have read, config and promote:ENVIRONMENT", s).At("scopes")
		}
	}
	return nil
}

// AddTrust lets jobs act for a service. The issuer must answer. It takes a
// maintainer of the service's team, and a proof.
func (p *Platform) AddTrust(ctx context.Context, serviceName string, in TrustInput) (Trust, error) {
	s, err := p.service(ctx, serviceName, slipway.PermitServiceChange, "")
	if err != nil {
		return Trust{}, err
	}
	if err := in.Validate(); err != nil {
		return Trust{}, err
	}
	if err := p.proven(ctx, "adding a trust"); err != nil { // as making a token does
		return Trust{}, err
	}
	taken := slipway.Errorf(slipway.Conflict, "%s has a trust %s already; give another name", s.Name, in.Name).At("name")
	names, err := p.db.Trust.Query().Where(trust.ServiceID(s.ID)).Select(trust.FieldName).Strings(ctx)
	switch {
	case err != nil:
		return Trust{}, err
	case slices.Contains(names, in.Name):
		return Trust{}, taken
	case len(names) >= maxTrusts:
		return Trust{}, slipway.Errorf(slipway.Conflict, "%s has %d trusts already; remove one first", s.Name, maxTrusts)
	}
	openid, err := p.openID()
	if err != nil {
		return Trust{}, err
	}
	if err := openid.Discover(ctx, in.Issuer); err != nil {
		return Trust{}, given(err, "issuer")
	}
	kept := slices.Clone(in.Scopes)
	if in.Once {
		kept = append(kept, singleUse)
	}
	var row *ent.Trust
	err = p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		row, err = tx.Trust.Create().SetServiceID(s.ID).SetName(in.Name).SetIssuer(in.Issuer).SetAudience(in.Audience).SetSubject(in.Subject).SetScopes(kept).SetMadeBy(Actor(ctx)).Save(ctx)
		if err == nil {
			p.record(ctx, "trust.added", s.Name, "", 0, trustFacts(trustOf(row)))
		}
		return err
	})
	if ent.IsConstraintError(err) {
		return Trust{}, taken
	}
	if err != nil {
		return Trust{}, err
	}
	return trustOf(row), nil
}

func trustFacts(t Trust) map[string]string {
	return map[string]string{"trust": t.Name, "issuer": t.Issuer, "audience": t.Audience, "subject": t.Subject, "scopes": scopes(t.Scopes), "once": audit.Yes(t.Once)}
}

// Trusts lists which jobs may act for a service, by name.
func (p *Platform) Trusts(ctx context.Context, serviceName string) ([]Trust, error) {
	s, err := p.service(ctx, serviceName, slipway.PermitServiceRead, "")
	if err != nil {
		return nil, err
	}
	rows, err := p.db.Trust.Query().Where(trust.ServiceID(s.ID)).Order(trust.ByName()).All(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Trust, len(rows))
	for i, row := range rows {
		out[i] = trustOf(row)
	}
	return out, nil
}

// RemoveTrust ends a trust, and what tokens were given for it, at once.
func (p *Platform) RemoveTrust(ctx context.Context, serviceName, name string) error {
	s, err := p.service(ctx, serviceName, slipway.PermitServiceChange, "")
	if err != nil {
		return err
	}
	row, err := p.db.Trust.Query().Where(trust.ServiceID(s.ID), trust.Name(name)).Only(ctx)
	if err != nil {
		return missing(err, "%s has no trust %s; `slipway trust ls %s` lists them", s.Name, store.Printable(name), s.Name)
	}
	return p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		p.audit.Record(ctx, audit.Done, "trust.removed", s.Name, "", "trust "+name, "", trustFacts(trustOf(row)), nil)
		return missing(tx.Trust.DeleteOneID(row.ID).Exec(ctx), "%s has no trust %s any more", s.Name, store.Printable(name))
	})
}
