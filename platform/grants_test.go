package platform_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/openid"
	"github.com/slipway-dev/slipway/adapters/openid/openidtest"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent/trust"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/store"
)

const mainBranch = "repo:shop/billing:ref:refs/heads/main"

// ci starts an issuer of job tokens; billing trusts its main branch.
func (w *world) ci(once bool) *openidtest.Server {
	w.Helper()
	s := openidtest.NewServer(w.T)
	w.OpenID = openid.New(http.DefaultClient)
	w.register("billing")
	w.register("wages")
	_, err := w.AddTrust(w.Context(), "billing", identity.TrustInput{
		Name: "main", Issuer: s.Issuer(), Audience: "https://slipway.example.com", Subject: "repo:shop/billing:ref:refs/heads/*",
		Scopes: []slipway.Scope{"promote:dev"}, Once: once,
	})
	w.must(err)
	return s
}

func (w *world) exchange(token string) (identity.JobToken, error) {
	return w.ExchangeToken(w.T.Context(), "billing", slipway.NewSecret(token), cli)
}

func TestJobToken(t *testing.T) {
	both(t, func(w *world) {
		ci := w.ci(false)
		job := func() jwt.MapClaims { return ci.Job("https://slipway.example.com", mainBranch) }
		got, err := w.exchange(ci.Sign(job()))
		w.must(err)
		if left := time.Until(got.Expires); left > 15*time.Minute || left < 14*time.Minute || len(got.Scopes) != 1 || got.Scopes[0] != "promote:dev" {
			w.Errorf("%+v", got)
		}
		v, err := w.Identify(w.T.Context(), got.Token, cli)
		if made, asked := w.Storage.Client.Trust.Query().Where(trust.IDIn(v.Trusts...), trust.MadeBy("ada")).Exist(w.Context()); asked != nil || !made {
			w.Errorf("it acts by the trusts %v, which ada did not make: %v", v.Trusts, asked)
		}
		w.must(err)
		if v.Kind != slipway.ViewerService || v.Name != "billing/main" || v.Service != "billing" || v.Via != "ci" || v.Admin || v.Account != 0 || v.Session != "" {
			w.Errorf("%+v", v)
		}
		as := slipway.WithViewer(w.T.Context(), v)
		// Its own service and environment, and nothing else.
		if _, err := w.Service(as, "billing"); err != nil {
			w.Error(err)
		}
		_, err = w.Service(as, "wages")
		w.want(err, slipway.NotFound, "there is no service wages")
		list, err := w.Services(as, catalog.ServicesQuery{})
		w.must(err)
		if len(list.Items) != 1 || list.Items[0].Name != "billing" {
			w.Errorf("%d services", len(list.Items))
		}
		for name, try := range map[string]func(ctx context.Context) error{
			"promote to prod": func(ctx context.Context) error {
				_, err := w.Promote(ctx, platform.PromoteInput{Service: "billing", Environment: "prod"})
				return err
			},
			"change a service": func(ctx context.Context) error {
				_, err := w.UpdateService(ctx, "billing", catalog.ServiceChange{})
				return err
			},
			"remove a service": func(ctx context.Context) error { return w.RemoveService(ctx, "billing", nil) },
			"set a secret": func(ctx context.Context) error {
				_, err := w.SetSecret(ctx, catalog.SecretInput{Service: "billing", Name: "KEY", Value: slipway.NewSecret("hunter22")})
				return err
			},
			"make a trust": func(ctx context.Context) error {
				_, err := w.AddTrust(ctx, "billing", identity.TrustInput{})
				return err
			},
			"make a token": func(ctx context.Context) error {
				_, _, err := w.AddToken(ctx, identity.TokenInput{Name: "x", Scopes: []slipway.Scope{"read"}})
				return err
			},
			"register": func(ctx context.Context) error {
				_, err := w.Register(ctx, catalog.ServiceInput{URL: "https://git.example.com/x.git"})
				return err
			},
			"list the people": func(ctx context.Context) error { _, err := w.Accounts(ctx, store.Page{}); return err },
			"list the teams":  func(ctx context.Context) error { _, err := w.Teams(ctx); return err },
			"see the team":    func(ctx context.Context) error { _, err := w.Team(ctx, "default"); return err },
			"read the audit":  func(ctx context.Context) error { _, err := w.Audit(ctx, audit.Query{}); return err },
			"list providers":  func(ctx context.Context) error { _, err := w.Providers(ctx); return err },
			"let in a device": func(ctx context.Context) error { return w.DecideDevice(ctx, "BCDF-GHJK", true) },
			"freeze": func(ctx context.Context) error {
				_, err := w.AddFreeze(ctx, catalog.FreezeInput{Reason: "x", Team: "default", Ends: time.Now().Add(time.Hour)})
				return err
			},
			"promote the other": func(ctx context.Context) error {
				_, err := w.Promote(ctx, platform.PromoteInput{Service: "wages", Environment: "dev"})
				return err
			},
		} {
			if code := slipway.CodeOf(try(as)); code != slipway.Denied && code != slipway.NotFound && code != slipway.Invalid {
				w.Errorf("%s: %q", name, code)
			}
		}
		// A trust that is gone takes its tokens with it.
		w.must(w.RemoveTrust(w.Context(), "billing", "main"))
		_, err = w.Identify(w.T.Context(), got.Token, cli)
		w.want(err, slipway.Unauthenticated, "not good")
		_, err = w.exchange(ci.Sign(job()))
		w.want(err, slipway.Unauthenticated, "trusts no token like this one")
	})
}

// TestJobTokenRefused tries what a job's token must not be. Every answer is the
// same; why, stands in the audit log.
func TestJobTokenRefused(t *testing.T) {
	both(t, func(w *world) {
		ci := w.ci(false)
		other := openidtest.NewServer(w.T)
		with := func(name string, value any) string {
			c := ci.Job("https://slipway.example.com", mainBranch)
			c[name] = value
			return ci.Sign(c)
		}
		good := ci.Job("https://slipway.example.com", mainBranch)
		for name, c := range map[string]struct{ token, reason string }{
			"subject of another repository": {with("sub", "repo:shop/wages:ref:refs/heads/main"), "no trust fits the subject"},
			"subject that begins alike":     {with("sub", "repo:shop/billing-evil:ref:refs/heads/main"), "no trust fits"},
			"pull request":                  {with("sub", "repo:shop/billing:pull_request"), "no trust fits"},
			"wrong audience":                {with("aud", "sts.amazonaws.com"), "audience"},
			"expired":                       {with("exp", time.Now().Add(-time.Minute).Unix()), "expired"},
			"not yet":                       {with("nbf", time.Now().Add(2*time.Minute).Unix()), "not good yet"},
			"of the future":                 {with("iat", time.Now().Add(time.Hour).Unix()), "future"},
			"alg none":                      {ci.Unsigned(good), "is not one that"},
			"HS256 with the public key":     {ci.Confused(good), "is not one that"},
			"signed by somebody else":       {ci.SignForeign(good), "is not one that"},
			"foreign issuer":                {other.Sign(other.Job("https://slipway.example.com", mainBranch)), "no trust is for the issuer"},
			"foreign issuer that lies": {func() string {
				c := other.Job("https://slipway.example.com", mainBranch)
				c["iss"] = ci.Issuer()
				return other.Sign(c)
			}(), "is not one that"},
			"nonsense":  {"not.a.token", "not the token of a CI job"},
			"very long": {strings.Repeat("x", 1<<20), "longer"},
		} {
			_, err := w.exchange(c.token)
			w.want(err, slipway.Unauthenticated, "billing trusts no token like this one; compare its issuer, audience, subject and age")
			list, err := w.Audit(w.Context(), audit.Query{Action: "token.exchanged", Page: store.Page{Limit: 1}})
			w.must(err)
			if e := list.Items[0]; e.Result != "refused" || !strings.Contains(e.Reason, c.reason) || e.Via != "ci" {
				w.Errorf("%s: %s %q", name, e.Result, e.Reason)
			}
		}
		_, err := w.ExchangeToken(w.T.Context(), "wages", slipway.NewSecret(ci.Sign(good)), cli)
		w.want(err, slipway.Unauthenticated, "wages trusts no token like this one")
		_, err = w.ExchangeToken(w.T.Context(), "absent", slipway.NewSecret(ci.Sign(good)), cli)
		w.want(err, slipway.Unauthenticated, "absent trusts no token like this one")
	})
}

func TestJobTokenOnce(t *testing.T) {
	both(t, func(w *world) {
		ci := w.ci(true)
		token := ci.Sign(ci.Job("https://slipway.example.com", mainBranch))
		_, err := w.exchange(token)
		w.must(err)
		_, err = w.exchange(token)
		w.want(err, slipway.Unauthenticated, "trusts no token")
		_, err = w.exchange(ci.Sign(ci.Job("https://slipway.example.com", mainBranch)))
		w.must(err)
		c := ci.Job("https://slipway.example.com", mainBranch)
		delete(c, "jti")
		_, err = w.exchange(ci.Sign(c))
		w.want(err, slipway.Unauthenticated, "trusts no token")
		list, err := w.Trusts(w.Context(), "billing")
		w.must(err)
		if len(list) != 1 || !list[0].Once || len(list[0].Scopes) != 1 || list[0].UsedAt == nil {
			w.Errorf("%+v", list)
		}
	})
}

func TestTrustInput(t *testing.T) {
	good := identity.TrustInput{Name: "main", Issuer: "https://token.actions.githubusercontent.com", Audience: "slipway", Subject: "repo:shop/billing:*", Scopes: []slipway.Scope{"promote:dev"}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*identity.TrustInput){
		"name":     func(in *identity.TrustInput) { in.Name = "" },
		"issuer":   func(in *identity.TrustInput) { in.Issuer = "http://ci.example.com" },
		"audience": func(in *identity.TrustInput) { in.Audience = "" },
		"subject":  func(in *identity.TrustInput) { in.Subject = "*" },
	} {
		in := good
		change(&in)
		if err := in.Validate(); slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), field) && field != "audience" {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, subject := range []string{"", "repo:*", "repo:*/billing:*", "*:billing", "repo:shop*/x", strings.Repeat("x", 501)} {
		in := good
		in.Subject = subject
		if err := in.Validate(); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("subject %.20q: %v", subject, err)
		}
	}
	// Issuers that sign everybody's jobs take a subject that says whose, however
	// their address is written.
	for issuer, subjects := range map[string][2]string{
		"https://token.actions.githubusercontent.com":       {"repository_owner:shop:*", "repository_owner:*"},
		"https://TOKEN.actions.githubusercontent.com:443":   {"repo:shop/billing:*", "repo:*"},
		"https://token.actions.githubusercontent.com./acme": {"repo:shop/*", "repo:s*/billing:*"},
		"https://gitlab.com":                                {"project_path:shop/billing:*", "project_path:*"},
		"https://agent.buildkite.com":                       {"organization:shop:pipeline:billing:*", "organization:*:pipeline:billing:*"},
		"https://app.terraform.io":                          {"organization:shop:project:billing:*", "organization:sh*"},
		"https://oidc.codefresh.io":                         {"account:0123:pipeline:*", "account:*"},
		"https://api.pulumi.com/oidc":                       {"pulumi:deploy:org:shop:project:x", "pulumi:deploy:*"},
		"https://accounts.google.com":                       {"117323457890123456789", "1173*"},
	} {
		for i, subject := range subjects {
			in := good
			in.Issuer, in.Subject = issuer, subject
			err := in.Validate()
			if i == 0 && err != nil {
				t.Errorf("%s of %s: %v", subject, issuer, err)
			}
			if e, ok := err.(*slipway.Error); i == 1 && (!ok || e.Field != "subject" || !strings.Contains(e.Message, "everybody")) {
				t.Errorf("%s of %s: %v", subject, issuer, err)
			}
		}
	}
	for _, scope := range []slipway.Scope{"admin", "approve", "break_glass", "once", "king", ""} {
		in := good
		in.Scopes = []slipway.Scope{scope}
		if err := in.Validate(); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("scope %q: %v", scope, err)
		}
	}
}

func TestDevice(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		w.person("bob", false)
		s := w.signIn("bob")
		v, err := w.Identify(ctx, s.Access, browser)
		w.must(err)
		as := slipway.WithViewer(ctx, v)
		// waited makes the question before this one long ago.
		waited := func() {
			w.Helper()
			w.must(w.Storage.Client.DeviceLogin.Update().SetPolledAt(time.Now().UTC().Add(-time.Minute)).Exec(w.Context()))
		}
		begun, err := w.BeginDevice(ctx, cli)
		w.must(err)
		_, err = w.PollDevice(ctx, begun.Device, cli)
		w.want(err, slipway.Conflict, "nobody has confirmed")
		_, err = w.PollDevice(ctx, begun.Device, cli)
		w.want(err, slipway.Limited, "asked too soon")
		waited()
		_, err = w.PollDevice(ctx, begun.Device, cli)
		w.want(err, slipway.Conflict, "nobody has confirmed")
		// The code that a person sees opens nothing.
		_, err = w.PollDevice(ctx, slipway.NewSecret(begun.Code), cli)
		w.want(err, slipway.Unauthenticated, "begin again")

		row, err := w.Device(as, " "+strings.ToLower(strings.ReplaceAll(begun.Code, "-", " "))+" ")
		w.must(err)
		if row.Agent != cli.Agent || row.Address != cli.Address {
			w.Errorf("%+v", row)
		}
		_, err = w.Device(as, "BBBB-BBBB")
		w.want(err, slipway.NotFound, "no command line waits")
		// A token lets nobody in, not even its owner's.
		_, token, err := w.AddToken(as, identity.TokenInput{Name: "all", Scopes: []slipway.Scope{"admin"}})
		w.must(err)
		narrow, err := w.Identify(ctx, token, cli)
		w.must(err)
		w.want(w.DecideDevice(slipway.WithViewer(ctx, narrow), begun.Code, true), slipway.Denied, "signed in with a browser")
		w.want(w.DecideDevice(ctx, begun.Code, true), slipway.Unauthenticated, "sign in first")

		w.must(w.DecideDevice(as, begun.Code, true))
		w.want(w.DecideDevice(as, begun.Code, false), slipway.NotFound, "no command line waits") // it is decided
		got, err := w.PollDevice(ctx, begun.Device, cli)
		w.must(err)
		if in, err := w.Identify(ctx, got.Access, cli); err != nil || in.Name != "bob" || in.Session == v.Session {
			w.Errorf("%+v %v", in, err)
		}
		_, err = w.PollDevice(ctx, begun.Device, cli)
		w.want(err, slipway.Unauthenticated, "begin again") // once

		// Refused, expired, and of somebody who was made inactive meanwhile.
		begun, err = w.BeginDevice(ctx, cli)
		w.must(err)
		w.must(w.DecideDevice(as, begun.Code, false))
		_, err = w.PollDevice(ctx, begun.Device, cli)
		w.want(err, slipway.Denied, "refused in the browser")
		_, err = w.PollDevice(ctx, begun.Device, cli)
		w.want(err, slipway.Unauthenticated, "begin again")

		begun, err = w.BeginDevice(ctx, cli)
		w.must(err)
		old, err := w.Storage.Client.DeviceLogin.Query().Only(w.Context())
		w.must(err)
		w.must(w.Storage.Client.DeviceLogin.DeleteOne(old).Exec(w.Context()))
		w.must(w.Storage.Client.DeviceLogin.Create().SetDevice(old.Device).SetCode(old.Code).SetAgent(old.Agent).SetAddress(old.Address).
			SetExpiresAt(time.Now().UTC().Add(-time.Second)).Exec(w.Context()))
		w.want(w.DecideDevice(as, begun.Code, true), slipway.NotFound, "no command line waits")
		_, err = w.PollDevice(ctx, begun.Device, cli)
		w.want(err, slipway.Unauthenticated, "expired")

		begun, err = w.BeginDevice(ctx, cli)
		w.must(err)
		w.must(w.DecideDevice(as, begun.Code, true))
		no := false
		_, err = w.UpdateAccount(w.Context(), "bob", identity.AccountChange{Active: &no})
		w.must(err)
		_, err = w.PollDevice(ctx, begun.Device, cli)
		w.want(err, slipway.Denied, "refused")

		// One address doesn't fill the table.
		for err = nil; err == nil; _, err = w.BeginDevice(ctx, cli) {
		}
		w.want(err, slipway.Limited, "wait already")
	})
}

// A trust from before subjects were held to an owner isn't believed any more, and
// whose job it is hears what to do.
func TestOwnerlessTrustIsNotUsed(t *testing.T) {
	both(t, func(w *world) {
		ci := w.ci(false)
		text := ci.Sign(ci.Job("https://slipway.example.com", mainBranch))
		got, err := w.exchange(text)
		w.must(err)
		anybody := platform.ShareIssuer(w.T, ci.Issuer())
		_, err = w.exchange(text)
		w.must(err) // its subject says whose jobs are meant
		anybody("^organization:")
		_, err = w.exchange(text)
		w.want(err, slipway.Unauthenticated, "the trust main of billing is from before subjects were held to an owner, and counts no more")
		w.want(err, slipway.Unauthenticated, "begin the subject with whose they are, as in repo:shop/billing:*; remove it, and add it anew with such a subject: slipway trust rm billing main")
		_, err = w.Identify(w.T.Context(), got.Token, cli)
		w.want(err, slipway.Unauthenticated, "")
		refused, err := w.Audit(w.Context(), audit.Query{Action: "token.exchanged", Result: audit.Refused, Page: store.Page{Limit: 10}})
		w.must(err)
		if len(refused.Items) != 1 || !strings.Contains(refused.Items[0].Reason, "counts no more") {
			t.Errorf("on record: %+v", refused.Items)
		}
	})
}
