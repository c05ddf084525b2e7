package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/decision"
	"github.com/slipway-dev/slipway/ent/event"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

// Gates is the gatekeeper of promotions. Like the ledger it needs storage and
// the adapters only, so that a worker can run apart from the platform.
type Gates struct {
	Ledger   *Ledger
	Source   slipway.Source // tells who wrote what is promoted
	Target   slipway.Target // tells what runs; nil, and it isn't asked
	Builder  slipway.Builder
	Renderer slipway.Renderer
	Secrets  slipway.SecretStore // has the key by which the platform's words are known
}

var _ slipway.Gatekeeper = (*Gates)(nil)

// lookAgain bounds how long a promotion waits without looking at its gates,
// whatever was missed.
const lookAgain = time.Hour

// Review works out the plan and the gates as they stand now.
func (g *Gates) Review(ctx context.Context, req slipway.ReviewRequest) (slipway.Review, error) {
	ctx = store.AsSystem(ctx)
	row, err := g.promotion(ctx, req.Promotion)
	if err != nil {
		return slipway.Review{}, err
	}
	review := slipway.Review{State: slipway.PromotionState(row.State), Reason: row.Reason, Plan: slipway.Digest(row.PlanHash), Config: req.Config}
	if review.State.Over() {
		return review, nil
	}
	frozen, err := frozenInput(row)
	if err != nil {
		return review, err
	}
	if row.PlanHash != "" && frozen.Snapshot == "" { // config may have been edited while it waited
		if review.Config, err = g.render(ctx, row, req); err != nil {
			return review, err
		}
	}
	facts, err := g.facts(ctx, row, frozen, req, review.Config)
	if err != nil {
		return review, err
	}
	review.Plan, review.Strategy = facts.Plan.Hash(), takeOver(facts.Plan)
	if !row.Rollback { // going back must not take longer than it has to
		review.Bake = facts.Plan.Policy.Bake
	}
	var waits []slipway.Wait
	review.State, review.Reason, waits = facts.Outcome()
	review.Ready = row.Bundle != 0 && !review.State.Over() && slipway.OnlyBundle(waits)
	if review.State == slipway.PromotionWaiting {
		review.Again, review.Expires = again(facts, waits), facts.Expires()
	}
	review.Waited = len(waits) > 0 || len(row.Waits) > 0 || len(facts.Decisions) > 0
	return review, g.keep(ctx, row, facts, review, waits)
}

// takeOver is how a plan's release takes over. Going back must not take longer
// than it has to, but what must not run twice must not do so then either.
func takeOver(plan slipway.PromotionPlan) slipway.Strategy {
	s := plan.Policy.Strategy
	if plan.Rollback && s.Kind != slipway.Recreate {
		return slipway.Strategy{Judge: s.Judge} // it is watched all the same
	}
	return s
}

func withTeam(q *ent.ServiceQuery) { q.WithTeam() }

func (g *Gates) promotion(ctx context.Context, id string) (*ent.Promotion, error) {
	n, err := report.Number(id)
	if err != nil {
		return nil, err
	}
	row, err := g.Ledger.db.Promotion.Query().Where(promotion.ID(n)).WithService(withTeam).WithEnvironment().
		WithDecisions(func(q *ent.DecisionQuery) { q.Where(decision.Void("")).Order(decision.ByID()) }).Only(ctx)
	return row, store.Missing(err, "there is no promotion %s", id)
}

// render renders the config again. It is pure: unchanged settings give the same digest.
func (g *Gates) render(ctx context.Context, row *ent.Promotion, req slipway.ReviewRequest) (slipway.Digest, error) {
	artifact, err := g.Builder.Open(ctx, req.Artifact)
	if err != nil {
		return "", err
	}
	s, e := row.Edges.Service.Name, row.Edges.Environment.Name
	values, err := g.Ledger.Config(ctx, s, e, artifact.Manifest.Env)
	if err != nil {
		return "", err
	}
	snapshot, err := g.Renderer.Render(ctx, slipway.RenderRequest{
		Artifact: req.Artifact, Service: s, Environment: e, Release: req.Release, Templates: artifact.Manifest.Templates, Values: values,
	}, io.Discard)
	if err != nil {
		return "", err
	}
	return snapshot.Digest, g.Ledger.SaveSnapshot(ctx, snapshot)
}

// facts gathers what the gates look at.
func (g *Gates) facts(ctx context.Context, row *ent.Promotion, input workflows.Input, req slipway.ReviewRequest, config slipway.Digest) (facts slipway.GateFacts, err error) {
	db := g.Ledger.db
	release, err := releaseOf(ctx, db, row.ServiceID, req.Release)
	if err != nil {
		return facts, err
	}
	policy, err := catalog.PolicyOf(ctx, db, row.ServiceID, row.Edges.Environment)
	if err != nil {
		return facts, err
	}
	bundle, members, err := bundleOf(ctx, db, row.Bundle)
	if err != nil {
		return facts, err
	}
	facts, err = gateFacts(ctx, db, subject{
		service: row.Edges.Service, environment: row.Edges.Environment, release: release, commit: row.Commit, config: config,
		rollback: row.Rollback, steps: input.Steps, policy: policy.Policy, id: row.ID, automatic: row.Cause != "", before: input.Before, namedOver: namedOver(row, input), bundle: members,
	})
	if err != nil {
		return facts, err
	}
	if facts.Unrecorded, err = unrecordedIn(ctx, db, g.Target, row.Edges.Service.Name, row.Edges.Environment.Name); err != nil {
		return facts, err
	}
	facts.Promotion, facts.Bundle, facts.BundleID = strconv.Itoa(row.ID), bundle, row.Bundle
	facts.Asked, facts.WaitedSince = row.CreatedAt, map[slipway.GateKind]time.Time{}
	for _, w := range row.Waits {
		facts.WaitedSince[w.Gate] = w.Since
	}
	if asksForAuthors(facts, policy.Policy) {
		var b brought
		if b.config, err = catalog.SnapshotOf(ctx, db, string(config)); err != nil {
			return facts, err
		}
		if release != nil && !row.Rollback {
			b.overrides = &release.Manifest.Overrides
		}
		if row.Authors, err = authors(ctx, db, g.commitLog, row, b); err != nil {
			return facts, err
		}
		facts.AuthorsWhy = row.Authors.Why
	}
	who, err := approvers(ctx, db, row, policy.Policy)
	if err != nil {
		return facts, err
	}
	hash := facts.Plan.Hash()
	for _, d := range row.Edges.Decisions {
		if d.Plan != string(hash) {
			continue
		}
		if d.Lapsed, err = lapsed(ctx, db, row, policy.Policy, who, d); err != nil {
			return facts, err
		}
		facts.Decisions = append(facts.Decisions, said(d))
	}
	facts.Approvers, facts.New = who.namesFor(policy.Policy), who.names
	facts.Seconded = seconded(row.Rollback, input.Role, policy.Policy)
	return facts, nil
}

// namedOver is the newer release that ran there when somebody named this one. Where the
// input doesn't say so yet, which was frozen by an earlier version, the plan that was
// kept with it does: nobody but who names an older release is let replace a newer one.
func namedOver(row *ent.Promotion, input workflows.Input) int {
	switch {
	case input.NamedOver != nil:
		return *input.NamedOver
	case row.Cause == "" && !row.Rollback && row.Plan != nil:
		return row.Plan.ReplacesNumber
	}
	return 0
}

// frozenInput is what a promotion was started with.
func frozenInput(row *ent.Promotion) (input workflows.Input, err error) {
	if err := json.Unmarshal(row.Input, &input); err != nil {
		return input, fmt.Errorf("read the input of promotion %d: %w", row.ID, err)
	}
	return input, nil
}

func said(d *ent.Decision) slipway.Decision {
	return slipway.Decision{Promotion: strconv.Itoa(d.PromotionID), Account: d.AccountID, Name: d.Name, Verdict: slipway.Verdict(d.Verdict),
		Comment: d.Comment, Plan: slipway.Digest(d.Plan), Via: d.Via, Factor: d.Factor, Own: d.Own, Lapsed: d.Lapsed, At: d.CreatedAt}
}

// keep writes down what a review found, in one transaction.
func (g *Gates) keep(ctx context.Context, row *ent.Promotion, facts slipway.GateFacts, review slipway.Review, waits []slipway.Wait) error {
	at := place{row.Edges.Service.Name, row.Edges.Environment.Name}
	var moved []string
	if row.Plan != nil {
		moved = facts.Plan.Moved(*row.Plan)
	}
	err := store.InTx(ctx, g.Ledger.db, func(tx *ent.Tx) error {
		update := tx.Promotion.Update().Where(promotion.ID(row.ID), promotion.StateIn(catalog.UnderWay...)).
			SetPlan(&facts.Plan).SetPlanHash(string(review.Plan)).SetWaits(waits).SetExpiresAt(facts.Expires())
		if row.Authors != nil {
			update.SetAuthors(row.Authors)
		}
		if review.State == slipway.PromotionWaiting {
			update.SetReason(store.Clean(review.Reason))
		} else if !review.State.Over() {
			update.SetReason("")
		}
		if err := update.Exec(ctx); err != nil {
			return err
		}
		if len(moved) > 0 {
			why := strings.Join(moved, "; ")
			voided, err := tx.Decision.Update().Where(decision.PromotionID(row.ID), decision.Void(""), decision.PlanNEQ(string(review.Plan))).SetVoid(store.Clean(why)).Save(ctx)
			if err != nil {
				return err
			}
			if err := at.event(ctx, g.Ledger.storage, tx, "promotion.plan_moved", row.ID, map[string]string{"what": store.Clean(why), "void": strconv.Itoa(voided)}); err != nil {
				return err
			}
		}
		for _, d := range row.Edges.Decisions {
			if err := tx.Decision.Update().Where(decision.ID(d.ID)).SetLapsed(d.Lapsed).Exec(ctx); err != nil {
				return err
			}
		}
		if review.State != slipway.PromotionWaiting {
			return nil
		}
		if row.State == promotion.StateWaiting && row.Reason != review.Reason {
			if err := at.event(ctx, g.Ledger.storage, tx, report.PromotionChanged, row.ID, map[string]string{"state": string(review.State), "reason": store.Clean(review.Reason)}); err != nil {
				return err
			}
		}
		return remind(ctx, g.Ledger.storage, tx, at, row.ID, facts, waits)
	})
	if err == nil {
		g.Ledger.storage.bell.Ring(row.ID)
	}
	return err
}

// reminded is the kind of event that tells people again that they are waited for.
const reminded = "promotion.reminder"

// remind tells those who could approve when they were last told too long ago.
func remind(ctx context.Context, storage *Storage, tx *ent.Tx, at place, id int, facts slipway.GateFacts, waits []slipway.Wait) error {
	for _, w := range waits {
		if w.Gate != slipway.GateApproval {
			continue
		}
		every := time.Duration(facts.Plan.Policy.RemindAfter) * time.Second
		if facts.Now.Sub(w.Since) < every {
			return nil
		}
		told, err := tx.Event.Query().Where(event.PromotionID(id), event.Kind(reminded), event.AtGT(facts.Now.Add(-every))).Exist(ctx)
		if err != nil || told {
			return err
		}
		return at.event(ctx, storage, tx, reminded, id, map[string]string{"waits": w.Reason, "on": strings.Join(w.On, ", "), "until": w.Until.UTC().Format(time.RFC3339)})
	}
	return nil
}

// again is when the gates are looked at without being asked.
func again(facts slipway.GateFacts, waits []slipway.Wait) time.Time {
	next := facts.Now.Add(lookAgain)
	sooner := func(t time.Time) {
		if t.After(facts.Now) && t.Before(next) {
			next = t
		}
	}
	sooner(facts.Expires())
	if facts.AuthorsWhy != "" {
		sooner(facts.Now.Add(authorAgain))
	}
	if strings.HasPrefix(facts.Unrecorded, unobserved) {
		sooner(observedAgain(facts.Now, waits))
	}
	for _, w := range waits {
		sooner(w.Until)
		if w.Gate == slipway.GateApproval {
			sooner(w.Since.Add(time.Duration(facts.Plan.Policy.RemindAfter) * time.Second))
		}
	}
	return next
}
