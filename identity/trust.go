package identity

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/service"
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

// SharedIssuer is one that speaks for everybody's jobs: a subject must say whose.
type SharedIssuer struct {
	Owned   *regexp.Regexp // what its subjects begin with
	Example string
}

// SharedIssuers are known by their hosts. Issuers that have the owner in their own
// address, as Bitbucket's and CircleCI's do, aren't among them.
var SharedIssuers = map[string]SharedIssuer{
	"token.actions.githubusercontent.com": {regexp.MustCompile(`^(repo:[^/:*]+/|repository_owner:[^/:*]+(:|$))`), "repo:shop/billing:*"},
	"gitlab.com":                          {regexp.MustCompile(`^project_path:[^/:*]+/`), "project_path:shop/billing:*"},
	"agent.buildkite.com":                 {regexp.MustCompile(`^organization:[^:*]+:`), "organization:shop:pipeline:billing:*"},
	"app.terraform.io":                    {regexp.MustCompile(`^organization:[^:*]+:`), "organization:shop:project:billing:*"},
	"oidc.codefresh.io":                   {regexp.MustCompile(`^account:[^:*]+:`), "account:0123456789abcdef:pipeline:*"},
	"api.pulumi.com":                      {regexp.MustCompile(`^pulumi:[a-z]+:org:[^:*]+:`), "pulumi:deploy:org:shop:project:billing:*"},
	"accounts.google.com":                 {regexp.MustCompile(`^[0-9]+$`), "117323457890123456789, the number of a service account"},
}

// sharedBy finds the shared issuer that an address is of, however it is written.
func sharedBy(issuer *url.URL) (SharedIssuer, bool) {
	s, ok := SharedIssuers[strings.TrimRight(strings.ToLower(issuer.Hostname()), ".")]
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
	if !many || whose.Owned.MatchString(subject) {
		return ""
	}
	return u.Hostname() + " signs the jobs of everybody; begin the subject with whose they are, as in " + whose.Example
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
func (d *Directory) AddTrust(ctx context.Context, serviceName string, in TrustInput) (Trust, error) {
	s, err := d.ServiceFor(ctx, serviceName, slipway.PermitServiceChange, "")
	if err != nil {
		return Trust{}, err
	}
	if err := in.Validate(); err != nil {
		return Trust{}, err
	}
	if err := d.Proven(ctx, "adding a trust"); err != nil { // as making a token does
		return Trust{}, err
	}
	taken := slipway.Errorf(slipway.Conflict, "%s has a trust %s already; give another name", s.Name, in.Name).At("name")
	names, err := d.db.Trust.Query().Where(trust.ServiceID(s.ID)).Select(trust.FieldName).Strings(ctx)
	switch {
	case err != nil:
		return Trust{}, err
	case slices.Contains(names, in.Name):
		return Trust{}, taken
	case len(names) >= maxTrusts:
		return Trust{}, slipway.Errorf(slipway.Conflict, "%s has %d trusts already; remove one first", s.Name, maxTrusts)
	}
	openid, err := d.openID()
	if err != nil {
		return Trust{}, err
	}
	if err := openid.Discover(ctx, in.Issuer); err != nil {
		return Trust{}, Given(err, "issuer")
	}
	kept := slices.Clone(in.Scopes)
	if in.Once {
		kept = append(kept, singleUse)
	}
	var row *ent.Trust
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		row, err = tx.Trust.Create().SetServiceID(s.ID).SetName(in.Name).SetIssuer(in.Issuer).SetAudience(in.Audience).SetSubject(in.Subject).SetScopes(kept).SetMadeBy(slipway.Actor(ctx)).Save(ctx)
		if err == nil {
			d.journal.Happened(ctx, "trust.added", s.Name, "", 0, trustFacts(trustOf(row)))
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
func (d *Directory) Trusts(ctx context.Context, serviceName string) ([]Trust, error) {
	s, err := d.ServiceFor(ctx, serviceName, slipway.PermitServiceRead, "")
	if err != nil {
		return nil, err
	}
	rows, err := d.db.Trust.Query().Where(trust.ServiceID(s.ID)).Order(trust.ByName()).All(ctx)
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
func (d *Directory) RemoveTrust(ctx context.Context, serviceName, name string) error {
	s, err := d.ServiceFor(ctx, serviceName, slipway.PermitServiceChange, "")
	if err != nil {
		return err
	}
	row, err := d.db.Trust.Query().Where(trust.ServiceID(s.ID), trust.Name(name)).Only(ctx)
	if err != nil {
		return store.Missing(err, "%s has no trust %s; `slipway trust ls %s` lists them", s.Name, store.Printable(name), s.Name)
	}
	return d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		d.audit.Record(ctx, audit.Done, "trust.removed", s.Name, "", "trust "+name, "", trustFacts(trustOf(row)), nil)
		return store.Missing(tx.Trust.DeleteOneID(row.ID).Exec(ctx), "%s has no trust %s any more", s.Name, store.Printable(name))
	})
}

// maxJobToken bounds the token of a CI job, in bytes.
const maxJobToken = 16 << 10

// JobToken is what a CI job gets for its own token.
type JobToken struct {
	Token   slipway.Secret
	Expires time.Time
	Scopes  []slipway.Scope
}

// ExchangeToken gives a CI job a token of ours for its own (RFC 8693). The
// trusts of the service that fit say what it may do; nobody is told which
// services and trusts there are, and why none fits stands in the audit log.
func (d *Directory) ExchangeToken(ctx context.Context, serviceName string, token slipway.Secret, from Caller) (JobToken, error) {
	fitting, job, err := d.trusting(ctx, serviceName, token)
	if err != nil {
		if slipway.CodeOf(err) != slipway.Unauthenticated {
			return JobToken{}, err
		}
		var open errOwnerless
		if errors.As(err, &open) {
			err = slipway.Errorf(slipway.Unauthenticated, "%s", open.Error())
		}
		who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerService, Name: store.Printable(job.Subject), Via: "ci", Address: from.Address})
		d.audit.Record(who, audit.Refused, "token.exchanged", store.Clean(serviceName), "", "", err.Error(), nil, nil)
		if open.trust != "" { // whose job it is knows that it would fit
			return JobToken{}, err
		}
		return JobToken{}, slipway.Errorf(slipway.Unauthenticated, "%s trusts no token like this one; compare its issuer, audience, subject and age with `slipway trust ls %s`", store.Printable(serviceName), store.Printable(serviceName))
	}
	c := claims{RegisteredClaims: jwt.RegisteredClaims{Audience: jwt.ClaimStrings{jobAudience}, Subject: serviceName}, Job: job.Subject}
	out, object := JobToken{}, "trust"
	for _, t := range fitting {
		c.Trusts = append(c.Trusts, t.ID)
		out.Scopes = append(out.Scopes, t.Scopes...)
		object += " " + t.Name
	}
	text, expires, err := d.seal(ctx, c, jobLife)
	if err != nil {
		return JobToken{}, err
	}
	out.Token, out.Expires = slipway.NewSecret(text), expires
	if err := d.db.Trust.Update().Where(trust.IDIn(c.Trusts...)).SetUsedAt(store.Now()).Exec(store.AsSystem(ctx)); err != nil {
		return JobToken{}, err
	}
	who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerService, Name: jobName(serviceName, fitting[0].Name), Via: "ci", Address: from.Address})
	d.audit.Record(who, audit.Done, "token.exchanged", serviceName, "", object, "", nil, map[string]string{"job": job.Subject, "scopes": scopes(out.Scopes)})
	return out, nil
}

// jobName is under what name a CI job acts. No account has a slash in its name.
func jobName(serviceName, trustName string) string { return serviceName + "/" + trustName }

// errOwnerless says that a job's token fits a trust that anybody's would fit.
type errOwnerless struct{ service, trust, why string }

func (e errOwnerless) Error() string {
	return "the trust " + e.trust + " of " + e.service + " is from before subjects were held to an owner, and counts no more: " + e.why +
		"; remove it, and add it anew with such a subject: slipway trust rm " + e.service + " " + e.trust
}

// trusting finds the trusts of a service that a job's token fits.
func (d *Directory) trusting(ctx context.Context, serviceName string, token slipway.Secret) ([]Trust, slipway.Job, error) {
	sys := store.AsSystem(ctx)
	none := slipway.Job{}
	doubt := func(sentence string, args ...any) error {
		return slipway.Errorf(slipway.Unauthenticated, sentence, args...)
	}
	var said jwt.RegisteredClaims
	if len(token.Reveal()) > maxJobToken {
		return nil, none, doubt("the token is longer than %d bytes", maxJobToken)
	}
	if _, _, err := jwt.NewParser().ParseUnverified(token.Reveal(), &said); err != nil {
		return nil, none, doubt("this is not the token of a CI job")
	}
	// Whom to ask is chosen by what the token says; whether it is true is then asked.
	rows, err := d.db.Trust.Query().Where(trust.Issuer(said.Issuer), trust.HasServiceWith(service.Name(serviceName))).Order(trust.ByID()).All(sys)
	if err != nil {
		return nil, none, err
	}
	if len(rows) == 0 {
		return nil, none, doubt("no trust is for the issuer %s", store.Printable(said.Issuer))
	}
	var audiences []string
	for _, row := range rows {
		audiences = append(audiences, row.Audience)
	}
	openid, err := d.openID()
	if err != nil {
		return nil, none, err
	}
	job, err := openid.Verify(ctx, said.Issuer, audiences, token)
	if err != nil {
		return nil, none, err
	}
	var fitting []Trust
	var open errOwnerless
	used := false
	for _, row := range rows {
		if !slices.Contains(job.Audience, row.Audience) || !slipway.MatchSubject(row.Subject, job.Subject) {
			continue
		}
		if why := Ownerless(row.Issuer, row.Subject); why != "" {
			open = errOwnerless{serviceName, row.Name, why}
			continue
		}
		t := trustOf(row)
		if t.Once {
			fresh, err := d.firstUse(sys, t, job)
			if err != nil {
				return nil, job, err
			}
			if !fresh {
				used = true
				continue
			}
		}
		fitting = append(fitting, t)
	}
	switch {
	case len(fitting) == 0 && open.trust != "":
		return nil, job, slipway.Wrap(slipway.Unauthenticated, open, "%s", open.Error())
	case len(fitting) == 0 && used:
		return nil, job, doubt("the token was used before, or has no id by which to know that it wasn't")
	case len(fitting) == 0:
		return nil, job, doubt("no trust fits the subject %s", store.Printable(job.Subject))
	}
	return fitting, job, nil
}

// firstUse tells whether a trust sees the token of a job for the first time. It
// is remembered for as long as the keys of calls are, so a token that lives
// longer isn't taken.
func (d *Directory) firstUse(ctx context.Context, t Trust, job slipway.Job) (bool, error) {
	if job.ID == "" || time.Until(job.Expires) > store.IdempotencyLife-time.Hour {
		return false, nil
	}
	err := d.db.IdempotencyKey.Create().SetAccount("trust/" + strconv.Itoa(t.ID)).SetKey(store.Fingerprint(job.ID)).SetRequest("").Exec(ctx)
	if ent.IsConstraintError(err) {
		return false, nil
	}
	return err == nil, err
}

// job is who acts with the token of a CI job: nobody with an account, for one
// service alone, with what its trusts allow now.
func (d *Directory) job(ctx context.Context, c claims, v slipway.Viewer, unknown error) (slipway.Viewer, error) {
	rows, err := d.db.Trust.Query().Where(trust.IDIn(c.Trusts...), trust.HasServiceWith(service.Name(c.Subject))).WithService().Order(trust.ByID()).All(ctx)
	rows = slices.DeleteFunc(rows, func(t *ent.Trust) bool { return Ownerless(t.Issuer, t.Subject) != "" })
	if err != nil || len(rows) == 0 {
		return v, cmp.Or[error](err, unknown)
	}
	s := rows[0].Edges.Service
	v.Kind, v.Name, v.Service, v.Via = slipway.ViewerService, jobName(s.Name, rows[0].Name), s.Name, "ci"
	v.Roles, v.Scopes = map[int]slipway.Role{s.TeamID: slipway.RoleDeveloper}, []slipway.Scope{}
	for _, row := range rows {
		v.Scopes, v.Trusts = append(v.Scopes, trustOf(row).Scopes...), append(v.Trusts, row.ID)
	}
	return v, nil
}
