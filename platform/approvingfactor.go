package platform

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/identityprovider"
	"github.com/slipway-dev/slipway/store"
)

// takesFactor tells whether a policy asks for a second factor to say something.
// A no opens nothing, and takes none.
func takesFactor(policy slipway.Policy, verdict slipway.Verdict) bool {
	return policy.SecondFactor == slipway.SecondFactorRequired && verdict != slipway.VerdictReject
}

// uncounted tells why a second factor doesn't count, "" when it does: one of ours
// does, and a provider's as long as the provider is trusted with it.
func uncounted(ctx context.Context, db *ent.Client, factor string) (string, error) {
	name := slipway.ProviderOf(factor)
	switch {
	case slipway.FactorKind(factor).Known():
		return "", nil
	case name == "":
		return "it was said without a second factor, which the policy asks for", nil
	}
	trusted, err := db.IdentityProvider.Query().Where(identityprovider.Name(name), identityprovider.TrustMfa(true)).Exist(ctx)
	if err != nil || trusted {
		return "", err
	}
	return "the second factor was one of the provider " + name + ", which is not trusted with it any more", nil
}

// unfactored refuses what the viewer says where the policy asks for a second
// factor that his session hasn't shown, and tells what to do. Its code is
// Unproved where showing one is enough, and otherwise FactorMissing.
func (p *Platform) unfactored(ctx context.Context, row *ent.Promotion, policy slipway.Policy, verdict slipway.Verdict, factor string) error {
	if !takesFactor(policy, verdict) {
		return nil
	}
	if why, err := uncounted(store.AsSystem(ctx), p.db, factor); err != nil || why == "" {
		return err
	}
	v := slipway.ViewerFrom(ctx)
	what := map[slipway.Verdict]string{slipway.VerdictApprove: "approving", slipway.VerdictExempt: "an exemption", slipway.VerdictBreakGlass: "breaking the glass"}[verdict] +
		" in " + row.Edges.Environment.Name + " takes a second factor"
	switch {
	case v.Kind == slipway.ViewerSystem:
		return slipway.Errorf(slipway.FactorMissing, "%s, and the operator of the machine has none; let an approver sign in who has one", what)
	case v.Session == "":
		return slipway.Errorf(slipway.FactorMissing, "%s, and a token has none; sign in and say it yourself, in the portal or after: slipway login", what)
	}
	kinds, err := p.FactorKinds(ctx, v.Account)
	if err != nil {
		return err
	}
	if len(kinds) > 0 {
		return slipway.Errorf(slipway.Unproved, "%s, and this session has begun without yours; give it with: slipway prove", what)
	}
	trusted, err := p.db.IdentityProvider.Query().Where(identityprovider.Active(true), identityprovider.TrustMfa(true)).Order(identityprovider.ByName()).Limit(3).Select(identityprovider.FieldName).Strings(store.AsSystem(ctx))
	if err != nil {
		return err
	}
	or := ""
	if len(trusted) > 0 {
		or = ", or sign in through " + oneOf(trusted) + " with a second factor there"
	}
	return slipway.Errorf(slipway.FactorMissing, "%s, and you have none; add one in My account, Second factor%s; in a terminal: slipway factor add", what, or)
}
