package platform_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
)

// answers tries to give a promotion an answer to the plan as it stands.
func (w *world) answers(who context.Context, id int, verdict slipway.Verdict) error {
	w.Helper()
	row, err := w.Promotion(w.Context(), fmt.Sprint(id))
	w.must(err)
	_, err = w.Decide(who, fmt.Sprint(id), platform.DecideInput{Verdict: verdict, Comment: "because", Plan: slipway.Digest(row.PlanHash)})
	return err
}

// maintains makes somebody with a password a maintainer of a service's team.
func (w *world) maintains(service, name string, admin bool) {
	w.Helper()
	w.person(name, admin)
	w.colleague(service, name, slipway.RoleMaintainer, admin)
}

// TestGatesOpenBySecondFactors says yes in sessions of every kind, where the
// policy asks for a second factor.
func TestGatesOpenBySecondFactors(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx, bob, root, grace := w.Context(), "bob-"+name, "root-"+name, "grace-"+name
		w.maintains(name, bob, false)
		w.maintains(name, root, true)
		w.maintains(name, grace, false)
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1), Approvers: &[]string{bob, root}, SecondFactor: ptr(slipway.SecondFactorRequired)})
		asked := func() int {
			w.Helper()
			row, err := w.Promote(ctx, platform.PromoteInput{Service: name})
			w.must(err)
			return w.waiting(row.ID, "0 of 1 approvals with a second factor").ID
		}
		id := asked()

		// A password alone opens nothing, and is told what does.
		weak := w.session(w.signIn(bob))
		w.want(w.answers(weak, id, slipway.VerdictApprove), slipway.FactorMissing, "takes a second factor, and you have none; add one in My account, Second factor; in a terminal: slipway factor add")
		row, err := w.Promotion(ctx, fmt.Sprint(id))
		w.must(err)
		may, err := w.Deciding(weak, row)
		w.must(err)
		if !may.Factor || !strings.Contains(may.Approve, "My account") || may.Reject != "" {
			t.Errorf("may say %+v", may)
		}
		if n, err := w.Storage.Client.AuditEntry.Query().Where(auditentry.Action("promotion.approve"), auditentry.Actor(bob), auditentry.Result("refused")).Count(ctx); err != nil || n != 1 {
			t.Errorf("%d refusals are on record: %v", n, err)
		}
		w.want(w.answers(w.session(w.signIn(root)), id, slipway.VerdictExempt), slipway.FactorMissing, "an exemption in dev takes a second factor")
		w.want(w.answers(w.session(w.signIn(root)), id, slipway.VerdictBreakGlass), slipway.FactorMissing, "breaking the glass in dev takes a second factor")
		w.want(w.answers(slipway.WithViewer(ctx, slipway.System(platform.Operator)), id, slipway.VerdictBreakGlass), slipway.FactorMissing, "the operator of the machine has none")
		// Nor does a token, and who may not say it anyway hears that.
		_, token, err := w.AddToken(weak, identity.TokenInput{Name: "all", Scopes: []slipway.Scope{slipway.ScopeAdmin}})
		w.must(err)
		program, err := w.Identify(ctx, token, cli)
		w.must(err)
		w.want(w.answers(slipway.WithViewer(ctx, program), id, slipway.VerdictApprove), slipway.FactorMissing, "a token has none; sign in")
		w.want(w.answers(w.session(w.signIn(grace)), id, slipway.VerdictApprove), slipway.Denied, "not an approver here")

		// Who adds one goes on in the same session, and an older one is asked for it.
		old := w.session(w.signIn(bob))
		p := w.adds(weak)
		w.must(w.answers(weak, id, slipway.VerdictApprove))
		if state, reason := w.ended(fmt.Sprint(id)); state != "succeeded" {
			t.Fatalf("%s: %s", state, reason)
		}
		row, err = w.Promotion(ctx, fmt.Sprint(id))
		w.must(err)
		if d := row.Edges.Decisions[0]; d.Factor != "totp" {
			t.Errorf("the decision has the factor %q", d.Factor)
		}
		w.commit("", "f2")
		id = asked()
		w.want(w.answers(old, id, slipway.VerdictApprove), slipway.Unproved, "this session has begun without yours; give it with: slipway prove")
		w.later()
		w.must(w.Prove(old, identity.FactorProof{Code: p.next()}))
		// What it lets in has shown as much, and so has a sign-in by code.
		d, err := w.BeginDevice(ctx, cli)
		w.must(err)
		w.must(w.DecideDevice(old, d.Code, true))
		line, err := w.PollDevice(ctx, d.Device, cli)
		w.must(err)
		w.must(w.answers(w.session(line), id, slipway.VerdictApprove))
		w.ended(fmt.Sprint(id))
		w.commit("", "f3")
		id = asked()
		done, err := w.FinishFactor(ctx, w.half(bob).Challenge, p.next(), cli)
		w.must(err)
		w.must(w.answers(w.session(done.Session), id, slipway.VerdictApprove))
		w.ended(fmt.Sprint(id))
		// A no takes none.
		w.commit("", "f4")
		id = asked()
		w.must(w.answers(w.session(w.signIn(root)), id, slipway.VerdictReject))
		if state, _ := w.ended(fmt.Sprint(id)); state != "rejected" {
			t.Error(state)
		}
	})
}

// adds gives somebody who is signed in an app, in that session.
func (w *world) adds(ctx context.Context) *phone {
	w.Helper()
	p := &phone{w: w, now: time.Now()}
	w.SetClock(func() time.Time { return p.now })
	begun, err := w.BeginTOTP(ctx, "telephone", identity.FactorProof{Current: password})
	w.must(err)
	p.secret = begun.Secret
	_, err = w.ConfirmTOTP(ctx, begun.Key, p.code())
	w.must(err)
	return p
}

// TestAFactorIsCountedAtTheGate has a provider's second factor, until it is not
// trusted any more, and approvals of before the policy asked.
func TestAFactorIsCountedAtTheGate(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx, bob := w.Context(), "bob-"+name
		w.maintains(name, bob, false)
		p, _ := w.withFactor(bob)
		corp := w.corp(identity.ProviderInput{Open: true})
		saying := func(methods ...string) context.Context {
			w.Helper()
			corp.Rewrite(func(c jwt.MapClaims) string { c["amr"] = methods; return corp.Sign(c) })
			w.comesIn(corp, "bert")
			s, err := w.Service(ctx, name)
			w.must(err)
			_, err = w.SetMember(ctx, s.Edges.Team.Name, "bert", slipway.RoleMaintainer, nil)
			w.must(err)
			done, err := w.FinishSignIn(w.T.Context(), w.through(corp, "bert"), browser)
			w.must(err)
			return w.session(done.Session)
		}
		plain := saying("pwd")
		w.policy(name, slipway.PolicyChange{Approvals: ptr(2)})
		row, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		id := w.waiting(row.ID, "0 of 2 approvals").ID
		w.must(w.answers(plain, id, slipway.VerdictApprove))
		w.waiting(id, "1 of 2 approvals")
		w.policy(name, slipway.PolicyChange{SecondFactor: ptr(slipway.SecondFactorRequired)})
		row = w.waiting(id, "0 of 2 approvals with a second factor")
		if d := row.Edges.Decisions[0]; !strings.Contains(d.Void, "policy") {
			t.Errorf("it stands: %+v", d)
		}
		// What a provider says counts once it is trusted, and then it has to say it.
		early := saying("pwd", "mfa")
		w.want(w.answers(early, id, slipway.VerdictApprove), slipway.FactorMissing, "you have none; add one in My account")
		program := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: "ada", Admin: true, Token: 1, Scopes: []slipway.Scope{slipway.ScopeAdmin}})
		_, err = w.UpdateProvider(program, "corp", identity.ProviderChange{TrustMFA: ptr(true)})
		w.want(err, slipway.Denied, "in person")
		_, err = w.UpdateProvider(ctx, "corp", identity.ProviderChange{TrustMFA: ptr(true)})
		w.must(err)
		w.want(w.answers(early, id, slipway.VerdictApprove), slipway.FactorMissing, "you have none") // nobody trusted it then
		w.want(w.answers(saying("pwd"), id, slipway.VerdictApprove), slipway.FactorMissing, "or sign in through corp with a second factor there")
		w.must(w.answers(saying("pwd", "mfa"), id, slipway.VerdictApprove))
		w.waiting(id, "1 of 2 approvals")
		_, err = w.UpdateProvider(ctx, "corp", identity.ProviderChange{TrustMFA: ptr(false)})
		w.must(err)
		done, err := w.FinishFactor(ctx, w.half(bob).Challenge, p.next(), cli)
		w.must(err)
		w.must(w.answers(w.session(done.Session), id, slipway.VerdictApprove))
		w.waiting(id, "1 of 2 approvals with a second factor; bert's doesn't count now: the second factor was one of the provider corp, which is not trusted with it any more")
	})
}
