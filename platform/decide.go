package platform

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/decision"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

// DecideInput is what a person says to a promotion that waits.
type DecideInput struct {
	Verdict slipway.Verdict
	Comment string
	Plan    slipway.Digest // hash of the plan that the person saw
}

// Validate names the field at fault.
func (in DecideInput) Validate() error {
	switch {
	case !slices.Contains(slipway.Verdicts, in.Verdict):
		return slipway.Errorf(slipway.Invalid, "%q is not a verdict; say approve, reject, exempt or break_glass", store.Printable(string(in.Verdict))).At("verdict")
	case len(in.Comment) > 2000:
		return slipway.Errorf(slipway.Invalid, "a comment has at most 2000 characters").At("comment")
	case in.Comment == "" && (in.Verdict == slipway.VerdictExempt || in.Verdict == slipway.VerdictBreakGlass):
		return slipway.Errorf(slipway.Invalid, "say why: opening a gate that is closed for a reason takes one").At("comment")
	case in.Plan == "":
		return slipway.Errorf(slipway.Invalid, "say which plan you saw: the plan_hash of the promotion").At("plan")
	}
	return nil
}

// Decide gives a promotion a person's answer. The caller learns at once whether
// it counts: Denied says who may, Conflict that the promotion no longer waits,
// that the plan has changed since, or that this person has said so before.
func (p *Platform) Decide(ctx context.Context, id string, in DecideInput) (*ent.Promotion, error) {
	row, err := p.Promotion(ctx, id)
	if err != nil {
		return nil, err
	}
	s, e := row.Edges.Service, row.Edges.Environment
	if err := in.Validate(); err != nil {
		return nil, err
	}
	permission := slipway.PermitApprove
	if in.Verdict == slipway.VerdictBreakGlass {
		permission = slipway.PermitBreakGlass
	}
	if err := p.May(ctx, permission, s.TeamID, s.Name, e.Name); err != nil {
		return nil, err
	}
	if row.State != promotion.StateWaiting {
		return nil, slipway.Errorf(slipway.Conflict, "promotion %s doesn't wait for a decision: it %s", id, standing(slipway.PromotionState(row.State)))
	}
	v := slipway.ViewerFrom(ctx)
	switch {
	case in.Verdict == slipway.VerdictBreakGlass:
		err = p.Proven(ctx, "breaking the glass")
	case in.Verdict == slipway.VerdictExempt && !v.InPerson():
		err = slipway.Errorf(slipway.Denied, "an exemption opens freezes and windows; that takes an admin of the service's team, or of the platform, in person, and no token or program; sign in and do it yourself")
		p.audit.Refused(ctx, "promotion.exempt", s.Name, e.Name, err.Error())
	case in.Verdict == slipway.VerdictExempt:
		err = p.Proven(ctx, "an exemption")
	}
	if err != nil {
		return nil, err
	}
	if v.Account == 0 && v.Kind != slipway.ViewerSystem {
		return nil, slipway.Errorf(slipway.Denied, "only people and programs with an active account decide")
	}
	factor, err := p.SessionFactor(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.mayOpen(ctx, row, in.Verdict, factor); err != nil {
		return nil, err
	}
	said := slipway.Decision{Promotion: id, Account: v.Account, Name: v.Name, Verdict: in.Verdict, Comment: store.Clean(in.Comment), Plan: in.Plan, Via: v.Via, Factor: factor, At: store.Now()}
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineWait)
	defer cancel()
	action, facts := "promotion."+string(in.Verdict), audit.Masked(map[string]string{"plan": string(in.Plan), "comment": said.Comment})
	if factor != "" {
		facts["factor"] = factor
	}
	if err := p.begun(ctx, action, row, facts); err != nil {
		return nil, err
	}
	if said, err = p.sealed(ctx, said); err != nil {
		return nil, err
	}
	if err := workflows.Decide(asked, p.Temporal, s.Name, e.Name, said); err != nil {
		if code := slipway.CodeOf(err); code == slipway.Denied || code == slipway.Conflict {
			p.audit.Refused(ctx, action, s.Name, e.Name, err.Error())
		}
		return nil, err
	}
	p.audit.Record(ctx, audit.Done, action, s.Name, e.Name, "promotion "+id, "", nil, facts)
	return p.Promotion(ctx, id)
}

// mayOpen refuses what takes a second factor that the viewer hasn't shown, before
// it is asked whether it counts. Whoever may not say it even with one is told
// that by the gates.
func (p *Platform) mayOpen(ctx context.Context, row *ent.Promotion, verdict slipway.Verdict, factor string) error {
	policy, err := catalog.PolicyOf(ctx, p.db, row.ServiceID, row.Edges.Environment)
	if err != nil || !takesFactor(policy.Policy, verdict) {
		return err
	}
	sys := store.AsSystem(ctx)
	who, err := decider(sys, p.db, slipway.ViewerFrom(ctx).Account)
	if err != nil {
		return err
	}
	may, err := approvers(sys, p.db, row, policy.Policy)
	if err != nil {
		return err
	}
	if mayDecide(sys, p.db, row, policy.Policy, who, may, verdict) != nil {
		return nil //nolint:nilerr // the gates say it
	}
	err = p.unfactored(ctx, row, policy.Policy, verdict, factor)
	if code := slipway.CodeOf(err); code == slipway.FactorMissing || code == slipway.Unproved {
		p.audit.Refused(ctx, "promotion."+string(verdict), row.Edges.Service.Name, row.Edges.Environment.Name, err.Error())
	}
	return err
}

// Decide records what a person said, if that person may say it now. It takes
// what Platform.Decide sealed, from nobody else.
func (g *Gates) Decide(ctx context.Context, d slipway.Decision) error {
	ctx = store.AsSystem(ctx)
	seal := d.Seal
	d.Seal = ""
	if err := g.genuine(ctx, d, seal); err != nil {
		return err
	}
	row, err := g.promotion(ctx, d.Promotion)
	if err != nil {
		return err
	}
	if slipway.PromotionState(row.State).Over() {
		return slipway.Errorf(slipway.Conflict, "promotion %s is over", d.Promotion)
	}
	if row.PlanHash != string(d.Plan) {
		return slipway.Errorf(slipway.Conflict, "the plan of promotion %s has changed since you saw it; look at it again: slipway promotion show %s", d.Promotion, d.Promotion)
	}
	policy, err := catalog.PolicyOf(ctx, g.Ledger.db, row.ServiceID, row.Edges.Environment)
	if err != nil {
		return err
	}
	who, err := decider(ctx, g.Ledger.db, d.Account)
	if err != nil {
		return err
	}
	may, err := approvers(ctx, g.Ledger.db, row, policy.Policy)
	if err != nil {
		return err
	}
	if err := mayDecide(ctx, g.Ledger.db, row, policy.Policy, who, may, d.Verdict); err != nil {
		return err
	}
	if takesFactor(policy.Policy, d.Verdict) {
		if why, err := uncounted(ctx, g.Ledger.db, d.Factor); err != nil || why != "" {
			return cmp.Or[error](err, slipway.Errorf(slipway.Denied, "this doesn't count: %s", why))
		}
	}
	at := place{row.Edges.Service.Name, row.Edges.Environment.Name}
	err = store.InTx(ctx, g.Ledger.db, func(tx *ent.Tx) error {
		before, err := tx.Decision.Query().Where(decision.PromotionID(row.ID), decision.AccountID(who.ID), decision.VerdictEQ(decision.Verdict(d.Verdict)),
			decision.Plan(string(d.Plan)), decision.Void("")).Exist(ctx)
		if err != nil {
			return err
		}
		if before {
			return slipway.Errorf(slipway.Conflict, "you have said %s to promotion %s already", d.Verdict, d.Promotion)
		}
		err = tx.Decision.Create().SetPromotionID(row.ID).SetAccountID(who.ID).SetName(who.Name).SetVerdict(decision.Verdict(d.Verdict)).
			SetComment(d.Comment).SetPlan(string(d.Plan)).SetVia(d.Via).SetFactor(d.Factor).SetOwn(owns(who, row) != "").SetCreatedAt(d.At).Exec(ctx)
		if err != nil {
			return err
		}
		return g.Ledger.storage.outbox.Record(ctx, tx, tx.Event.Create().SetKind("promotion."+string(d.Verdict)).SetActor(who.Name).SetService(at.service).SetEnvironment(at.environment).
			SetPromotionID(row.ID).SetData(audit.Masked(map[string]string{"comment": d.Comment, "plan": string(d.Plan)})))
	})
	if err == nil {
		g.Ledger.storage.bell.Ring(row.ID)
	}
	return err
}

// Operator is who runs Slipway on its own machine. Where nobody else could
// approve, such as before there are accounts, the operator may.
const Operator = "operator"

// decider finds who decides; 0 is the operator.
func decider(ctx context.Context, db *ent.Client, id int) (*ent.Account, error) {
	if id == 0 {
		return &ent.Account{Name: Operator, Kind: account.KindPerson, Admin: true}, nil
	}
	who, err := db.Account.Query().Where(account.ID(id), account.Active(true)).WithIdentities().WithBylines().Only(ctx)
	return who, store.Missing(err, "only people and programs with an active account decide")
}

// mayDecide tells whether somebody may give a verdict, and if not whom to ask.
// e is who may approve.
func mayDecide(ctx context.Context, db *ent.Client, row *ent.Promotion, policy slipway.Policy, who *ent.Account, e electorate, verdict slipway.Verdict) error {
	switch verdict {
	case slipway.VerdictBreakGlass:
		if !who.Admin {
			return slipway.Errorf(slipway.Denied, "breaking the glass takes an admin of the platform")
		}
		return nil
	case slipway.VerdictExempt:
		ok, err := db.Membership.Query().Where(membership.AccountID(who.ID), membership.TeamID(row.Edges.Service.TeamID), membership.RoleEQ(membership.RoleAdmin)).Exist(ctx)
		switch {
		case err != nil || who.Admin:
			return err
		case !ok:
			return slipway.Errorf(slipway.Denied, "an exemption takes an admin of the service's team")
		case owns(who, row) != "":
			return slipway.Errorf(slipway.Denied, "this is your own change, as you %s, so another admin of the service's team exempts it, or one of the platform", owns(who, row))
		}
		return nil
	}
	if who.Kind != account.KindPerson {
		return slipway.Errorf(slipway.Denied, "a program can't decide for people; let one sign in, or use a personal token")
	}
	if e.may(who) {
		return nil
	}
	if who.ID == 0 && len(e.people) == 0 && policy.Defaults().OwnChanges != slipway.OwnNever {
		return nil
	}
	ask := "; name approvers in the policy of " + row.Edges.Environment.Name
	if len(e.people) > 0 {
		ask = "; ask " + oneOf(accountNames(e.people))
	}
	if why := owns(who, row); why != "" && row.RequestedBy != who.Name {
		return slipway.Errorf(slipway.Denied, "this is your own change, as you %s, so somebody else decides%s", why, ask)
	} else if why != "" {
		return slipway.Errorf(slipway.Denied, "this is your own change, so somebody else decides%s", ask)
	}
	if why := e.new[who.ID]; why != "" {
		return slipway.Errorf(slipway.Denied, "you don't approve this one: %s, and the policy of %s takes no new approvers%s", why, row.Edges.Environment.Name, ask)
	}
	return slipway.Errorf(slipway.Denied, "you are not an approver here%s", ask)
}

func oneOf(names []string) string {
	if len(names) > 3 {
		names = append(slices.Clone(names[:3]), strconv.Itoa(len(names)-3)+" more")
	}
	out := names[0]
	for _, n := range names[1:] {
		out += " or " + n
	}
	return out
}

// Deciding is what a viewer may say to a promotion.
type Deciding struct {
	Approve    string // why not to approve; "" when it is allowed
	Reject     string
	Exempt     string
	BreakGlass string
	Factor     bool // what is missing is a second factor, which can be added
}

// Deciding tells what the viewer may say to a promotion that waits.
func (p *Platform) Deciding(ctx context.Context, row *ent.Promotion) (Deciding, error) {
	const idle = "it doesn't wait for a decision"
	no := Deciding{Approve: idle, Reject: idle, Exempt: idle, BreakGlass: idle}
	if row.State != promotion.StateWaiting {
		return no, nil
	}
	policy, err := catalog.PolicyOf(ctx, p.db, row.ServiceID, row.Edges.Environment)
	if err != nil {
		return no, err
	}
	who, err := decider(ctx, p.db, slipway.ViewerFrom(ctx).Account)
	if err != nil {
		return no, nil //nolint:nilerr // whoever has no account decides nothing
	}
	may, err := approvers(ctx, p.db, row, policy.Policy)
	if err != nil {
		return no, err
	}
	factor, err := p.SessionFactor(ctx)
	if err != nil {
		return no, err
	}
	var d Deciding
	for verdict, why := range map[slipway.Verdict]*string{slipway.VerdictApprove: &d.Approve, slipway.VerdictReject: &d.Reject, slipway.VerdictExempt: &d.Exempt, slipway.VerdictBreakGlass: &d.BreakGlass} {
		err := mayDecide(ctx, p.db, row, policy.Policy, who, may, verdict)
		if err == nil {
			switch err = p.unfactored(ctx, row, policy.Policy, verdict, factor); slipway.CodeOf(err) {
			case slipway.FactorMissing:
				d.Factor, *why = true, err.Error()
				continue
			case slipway.Unproved: // the answer asks for it
				continue
			}
		}
		if err != nil && slipway.CodeOf(err) != slipway.Denied {
			return no, err
		}
		if err != nil {
			*why = err.Error()
		}
	}
	if d.Exempt == "" && !slipway.ViewerFrom(ctx).InPerson() {
		d.Exempt = "an exemption takes somebody in person, and no token"
	}
	if d.BreakGlass == "" && slipway.ViewerFrom(ctx).May(slipway.PermitBreakGlass, row.Edges.Service.TeamID, row.Edges.Environment.Name) != slipway.Allowed {
		d.BreakGlass = "this token has no scope break_glass"
	}
	return d, nil
}

// WaitingFor lists the promotions that wait for the viewer's decision, the
// oldest first.
func (p *Platform) WaitingFor(ctx context.Context) ([]*ent.Promotion, error) {
	if _, err := p.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	query := p.db.Promotion.Query().Where(promotion.StateEQ(promotion.StateWaiting))
	if seen := identity.Visible(ctx); seen != nil {
		query.Where(promotion.HasServiceWith(seen...))
	}
	rows, err := report.Listed(ctx, query.Order(promotion.ByID()).Limit(1000))
	if err != nil {
		return nil, err
	}
	name := slipway.ViewerFrom(ctx).Name
	return slices.DeleteFunc(rows, func(row *ent.Promotion) bool { return !WaitsOn(row, name) }), nil
}

// WaitsOn tells whether a promotion waits for the approval of somebody.
func WaitsOn(row *ent.Promotion, name string) bool {
	return slices.ContainsFunc(row.Waits, func(w slipway.Wait) bool {
		return w.Gate == slipway.GateApproval && slices.Contains(w.On, name)
	})
}
