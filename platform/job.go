package platform

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/trust"
	"github.com/slipway-dev/slipway/store"
)

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
func (p *Platform) ExchangeToken(ctx context.Context, serviceName string, token slipway.Secret, from Caller) (JobToken, error) {
	fitting, job, err := p.trusting(ctx, serviceName, token)
	if err != nil {
		if slipway.CodeOf(err) != slipway.Unauthenticated {
			return JobToken{}, err
		}
		var open errOwnerless
		if errors.As(err, &open) {
			err = slipway.Errorf(slipway.Unauthenticated, "%s", open.Error())
		}
		who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerService, Name: store.Printable(job.Subject), Via: "ci", Address: from.Address})
		p.audit.Record(who, audit.Refused, "token.exchanged", store.Clean(serviceName), "", "", err.Error(), nil, nil)
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
	text, expires, err := p.seal(ctx, c, jobLife)
	if err != nil {
		return JobToken{}, err
	}
	out.Token, out.Expires = slipway.NewSecret(text), expires
	if err := p.db.Trust.Update().Where(trust.IDIn(c.Trusts...)).SetUsedAt(store.Now()).Exec(store.AsSystem(ctx)); err != nil {
		return JobToken{}, err
	}
	who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerService, Name: jobName(serviceName, fitting[0].Name), Via: "ci", Address: from.Address})
	p.audit.Record(who, audit.Done, "token.exchanged", serviceName, "", object, "", nil, map[string]string{"job": job.Subject, "scopes": scopes(out.Scopes)})
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
func (p *Platform) trusting(ctx context.Context, serviceName string, token slipway.Secret) ([]Trust, slipway.Job, error) {
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
	rows, err := p.db.Trust.Query().Where(trust.Issuer(said.Issuer), trust.HasServiceWith(service.Name(serviceName))).Order(trust.ByID()).All(sys)
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
	openid, err := p.openID()
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
			fresh, err := p.firstUse(sys, t, job)
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
func (p *Platform) firstUse(ctx context.Context, t Trust, job slipway.Job) (bool, error) {
	if job.ID == "" || time.Until(job.Expires) > store.IdempotencyLife-time.Hour {
		return false, nil
	}
	err := p.db.IdempotencyKey.Create().SetAccount("trust/" + strconv.Itoa(t.ID)).SetKey(store.Fingerprint(job.ID)).SetRequest("").Exec(ctx)
	if ent.IsConstraintError(err) {
		return false, nil
	}
	return err == nil, err
}

// job is who acts with the token of a CI job: nobody with an account, for one
// service alone, with what its trusts allow now.
func (p *Platform) job(ctx context.Context, c claims, v slipway.Viewer, unknown error) (slipway.Viewer, error) {
	rows, err := p.db.Trust.Query().Where(trust.IDIn(c.Trusts...), trust.HasServiceWith(service.Name(c.Subject))).WithService().Order(trust.ByID()).All(ctx)
	rows = slices.DeleteFunc(rows, func(t *ent.Trust) bool { return Ownerless(t.Issuer, t.Subject) != "" })
	if err != nil || len(rows) == 0 {
		return v, or(err, unknown)
	}
	s := rows[0].Edges.Service
	v.Kind, v.Name, v.Service, v.Via = slipway.ViewerService, jobName(s.Name, rows[0].Name), s.Name, "ci"
	v.Roles, v.Scopes = map[int]slipway.Role{s.TeamID: slipway.RoleDeveloper}, []slipway.Scope{}
	for _, row := range rows {
		v.Scopes, v.Trusts = append(v.Scopes, trustOf(row).Scopes...), append(v.Trusts, row.ID)
	}
	return v, nil
}
