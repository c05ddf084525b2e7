package platform

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// UnrecordedInput says which deployment, that runs without being on record, is to be
// adopted or ended, and why.
type UnrecordedInput struct {
	Service, Environment string
	Deployment           string // as Unrecorded lists it; "" for the one there is
	Reason               string
	WithoutGoingBack     bool // an end: nothing gets the traffic, also what the record says runs there
}

// Adopt puts on record what runs without being on record: the release, the config
// and a promotion of the deployment's own number, by whoever says so. It counts as
// verified from now on, by that word; the steps of a promotion haven't run for it.
// What can't be put on record honestly is a Conflict that says why.
func (p *Platform) Adopt(ctx context.Context, in UnrecordedInput) (*ent.Promotion, error) {
	u, err := p.unrecordedFor(ctx, &in)
	if err != nil {
		return nil, err
	}
	if u.Unfit != "" {
		return nil, slipway.Errorf(slipway.Conflict, "deployment %s of %s in %s can't be adopted: %s; or end it: slipway unrecorded end %s --env %s --reason ...",
			u.Deployment, u.Service, u.Environment, u.Unfit, u.Service, u.Environment)
	}
	s, err := p.Service(ctx, u.Service)
	if err != nil {
		return nil, err
	}
	e, err := p.Environment(ctx, u.Environment)
	if err != nil {
		return nil, err
	}
	d, err := p.Inventory.Recall(ctx, u.Service, u.Environment, u.Deployment)
	if err != nil {
		return nil, err
	}
	made, err := p.recalled(ctx, s, d)
	if err != nil {
		return nil, err
	}
	id, err := report.Number(u.Deployment)
	if err != nil {
		return nil, err
	}
	err = p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		r := made.row
		if r == nil {
			if r, err = newRelease(ctx, tx, s.ID, made.built, numbering{wanted: d.Release}); err != nil {
				return err
			}
		}
		if err := saveSnapshot(ctx, tx.Client(), d.Config); err != nil {
			return err
		}
		if err := adopt(ctx, tx, s, e, r, id, in.Reason, string(d.Config.Digest)); err != nil {
			return err
		}
		p.journal.Happened(ctx, "deployment.adopted", s.Name, e.Name, id, map[string]string{
			"deployment": u.Deployment, "release": strconv.Itoa(r.Number), "started_as": strconv.Itoa(d.Release), "artifact": r.Artifact, "config": string(d.Config.Digest), "reason": store.Clean(in.Reason),
		}, map[string]string{"release": strconv.Itoa(u.Recorded)})
		return nil
	})
	if ent.IsConstraintError(err) {
		return nil, slipway.Errorf(slipway.Conflict, "somebody else did something about %s in %s in this moment; look again", s.Name, e.Name)
	}
	if err != nil {
		return nil, err
	}
	p.look(ctx, s.ID, 0)
	return p.Promotion(ctx, u.Deployment)
}

// adopt writes the rows of a deployment that was found running.
func adopt(ctx context.Context, tx *ent.Tx, s *ent.Service, e *ent.Environment, r *ent.Release, id int, why, config string) error {
	now := store.Now()
	said := "adopted: it was found running without being on record"
	known, err := tx.Promotion.Query().Where(promotion.ID(id)).Exist(ctx)
	if err != nil {
		return err
	}
	if known { // from before it was made, and over since
		n, err := tx.Promotion.Update().Where(promotion.ID(id), promotion.ServiceID(s.ID), promotion.EnvironmentID(e.ID), promotion.StateNotIn(catalog.UnderWay...)).
			SetState(promotion.StateSucceeded).SetReason(said + ", by " + slipway.Actor(ctx) + ": " + store.Clean(why)).SetEndedAtStep("").SetReleaseID(r.ID).SetEndedAt(now).Save(ctx)
		if err == nil && n == 0 {
			err = slipway.Errorf(slipway.Conflict, "promotion %d, which has the number of what runs, has begun meanwhile", id)
		}
		if err != nil {
			return err
		}
	} else {
		commit := slipway.Commit{ID: r.Commit, Ref: r.Ref, Author: r.Author, Subject: r.Subject, Time: r.CommittedAt}
		err := tx.Promotion.Create().SetID(id).SetServiceID(s.ID).SetEnvironmentID(e.ID).SetReleaseID(r.ID).SetCommit(commit).SetState(promotion.StateSucceeded).
			SetReason(said).SetRequestedBy(slipway.Actor(ctx)).SetWhy(store.Clean(why)).SetStartedAt(now).SetEndedAt(now).Exec(ctx)
		if err != nil {
			return err
		}
	}
	if err := tx.Deployment.Update().Where(deployment.ServiceID(s.ID), deployment.EnvironmentID(e.ID), deployment.Live(true)).SetLive(false).SetEndedAt(now).Exec(ctx); err != nil {
		return err
	}
	return tx.Deployment.Create().SetServiceID(s.ID).SetEnvironmentID(e.ID).SetReleaseID(r.ID).SetPromotionID(id).SetSnapshot(config).SetLive(true).SetVerified(true).Exec(ctx)
}

// recalledRelease is what a deployment runs: on record, or to be put there.
type recalledRelease struct {
	row   *ent.Release
	built slipway.BuiltRelease
}

// recalled finds the release of a deployment. One that isn't on record is put there
// by its artifact, which says of which commit it is, and by the repository, which
// has that commit. Who can't be asked makes no record.
func (p *Platform) recalled(ctx context.Context, s *ent.Service, d slipway.Deployment) (recalledRelease, error) {
	var found recalledRelease
	a, err := p.Builder.Open(ctx, d.Artifact)
	if slipway.CodeOf(err) == slipway.NotFound {
		return found, slipway.Errorf(slipway.Conflict, "the artifact of what runs is gone (%v), so nothing could start it again; end it: slipway unrecorded end %s --env %s --reason ...", err, d.Service, d.Environment)
	}
	if err != nil {
		return found, err
	}
	if a.Manifest.Service != "" && a.Manifest.Service != s.Name {
		return found, slipway.Errorf(slipway.Conflict, "what runs was built as %s, and not as %s", store.Printable(a.Manifest.Service), s.Name)
	}
	row, err := p.db.Release.Query().Where(release.ServiceID(s.ID), release.Commit(a.Manifest.Commit), release.Artifact(string(d.Artifact))).Only(ctx)
	if err == nil {
		found.row = row
		return found, nil
	}
	if !ent.IsNotFound(err) {
		return found, err
	}
	found.built = slipway.BuiltRelease{Service: s.Name, Artifact: a}
	if found.built.Commit, err = p.Source.Resolve(ctx, catalog.RepositoryOf(s), a.Manifest.Commit); err != nil {
		return found, slipway.Wrap(slipway.Conflict, err, "release %d isn't on record, and its commit %s can't be read from the repository of %s (%v); try again when it can, or end what runs",
			d.Release, report.Short(a.Manifest.Commit), s.Name, err)
	}
	if found.built.Dependencies, err = p.Builder.Dependencies(ctx, d.Artifact); err != nil {
		return found, err
	}
	found.built.Migrations, err = p.Builder.Migrations(ctx, d.Artifact)
	return found, err
}

// endWait bounds how long it is waited for the end of what isn't on record: what gets
// the traffic has to become healthy first, and what loses it is drained.
const endWait = 5 * time.Minute

// EndUnrecorded ends what runs without being on record, as a deployment ends that
// loses the traffic; what the record says runs there gets the traffic when it is
// still kept ready. Should that not be able to take it, what runs goes on, and the
// error says how to end it all the same: nothing would answer then, which somebody
// has to want. What the service keeps on disk stays.
func (p *Platform) EndUnrecorded(ctx context.Context, in UnrecordedInput) error {
	u, err := p.unrecordedFor(ctx, &in)
	if err != nil {
		return err
	}
	facts := map[string]string{"deployment": u.Deployment, "release": strconv.Itoa(u.Release), "artifact": string(u.Artifact), "config": string(u.Config), "reason": store.Clean(in.Reason)}
	if in.WithoutGoingBack {
		facts["without_going_back"] = "true"
	}
	ending := slipway.Ending{Service: u.Service, Environment: u.Environment, Deployment: u.Deployment}
	serviceID := 0
	if u.Registered {
		s, err := p.Service(ctx, u.Service)
		if err != nil {
			return err
		}
		e, err := p.Environment(ctx, u.Environment)
		if err != nil {
			return err
		}
		live, err := report.LiveIn(ctx, p.db, s.ID, e.ID)
		if err != nil {
			return err
		}
		if live != nil && !in.WithoutGoingBack {
			ending.Back = strconv.Itoa(live.PromotionID)
		}
		serviceID = s.ID
	}
	const action = "deployment.ended"
	err = p.audit.Change(ctx, func(ctx context.Context, _ *ent.Tx) error {
		p.audit.Record(ctx, audit.Begun, action, u.Service, u.Environment, "deployment "+u.Deployment, "", nil, facts)
		return nil
	})
	if err != nil {
		return err
	}
	// Who goes away in between must not leave it half done.
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWait)
	defer cancel()
	if err := p.Inventory.End(asked, ending, io.Discard); err != nil {
		return notEnded(ending, err)
	}
	p.journal.Happened(ctx, action, u.Service, u.Environment, 0, facts)
	if serviceID != 0 {
		p.look(ctx, serviceID, 0)
	}
	return nil
}

// notEnded adds the way on where what was to have the traffic again may be what is in
// the way.
func notEnded(e slipway.Ending, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		err = slipway.Wrap(slipway.Unavailable, err, "it has not ended within %s, and may yet", endWait)
	}
	code := slipway.CodeOf(err)
	if e.Back == "" || code == slipway.Internal {
		return err
	}
	return slipway.Wrap(code, err, "%v; to end it without giving the traffic back, so that nothing answers until the next promotion: slipway unrecorded end %s --env %s --without-going-back --reason ...", err, e.Service, e.Environment)
}

// MaySettle tells whether the viewer may say what becomes of what runs in a place
// without being on record; Denied says who may. It changes what runs there, or what is
// believed of it, as a rollback does, so it takes the role that goes back alone. Where
// others would be asked to approve, nobody is asked here: it takes one of those who
// approve by their role, in person.
func (p *Platform) MaySettle(ctx context.Context, serviceName, environmentName string) error {
	s, err := p.ServiceFor(ctx, serviceName, slipway.PermitRollback, environmentName)
	if err != nil {
		return err
	}
	e, err := p.Environment(ctx, environmentName)
	if err != nil {
		return err
	}
	policy, err := catalog.PolicyOf(ctx, p.db, s.ID, e)
	if err != nil {
		return err
	}
	least, asks := policy.Policy.Defaults().RollbackRole, policy.Policy.Approvals > 0 || policy.Policy.RollbackApprovals > 0
	if asks && !least.Includes(slipway.RoleMaintainer) {
		least = slipway.RoleMaintainer
	}
	v := slipway.ViewerFrom(ctx)
	switch role := roleOf(ctx, s.TeamID); {
	case v.Kind == slipway.ViewerSystem:
		return nil
	case !role.Includes(least):
		return slipway.Errorf(slipway.Denied, "saying what becomes of what runs in %s without being on record takes the role %s in team %s, and you are %s there%s", e.Name, least, p.TeamName(ctx, s.TeamID), role,
			p.Whom(ctx, inTeam(s.TeamID, least)))
	case asks && !v.InPerson():
		return slipway.Errorf(slipway.Denied, "promotions into %s are approved, so saying what becomes of what runs there without being on record takes a %s of the service's team, or an admin of the platform, in person, and no token or program; sign in and do it yourself", e.Name, least)
	case asks && policy.Policy.SecondFactor == slipway.SecondFactorRequired:
		factor, err := p.SessionFactor(ctx)
		if err != nil {
			return err
		}
		at := &ent.Promotion{Edges: ent.PromotionEdges{Environment: e}}
		return p.unfactored(ctx, at, policy.Policy, slipway.VerdictApprove, factor) // as a yes would take
	}
	return nil
}

// unrecordedFor finds what is to be adopted or ended, for whom MaySettle lets;
// for an admin of the platform where the service or the environment isn't known.
func (p *Platform) unrecordedFor(ctx context.Context, in *UnrecordedInput) (slipway.Unrecorded, error) {
	none := slipway.Unrecorded{}
	if err := slipway.CheckName("service", in.Service); err != nil {
		return none, err
	}
	_, err := p.ServiceFor(ctx, in.Service, slipway.PermitRollback, in.Environment)
	if err == nil {
		if err = p.MaySettle(ctx, in.Service, in.Environment); err != nil && slipway.CodeOf(err) != slipway.NotFound {
			p.audit.Refused(ctx, string(slipway.PermitRollback), in.Service, in.Environment, err.Error())
		}
	}
	if slipway.CodeOf(err) == slipway.NotFound && slipway.ViewerFrom(ctx).Admin {
		err = p.May(ctx, slipway.PermitPlatform, 0, in.Service, in.Environment)
	}
	if err != nil {
		return none, err
	}
	if err := slipway.CheckName("environment", in.Environment); err != nil {
		return none, err
	}
	if in.Reason == "" || len(in.Reason) > 500 {
		return none, slipway.Errorf(slipway.Invalid, "say why, in at most 500 characters").At("reason")
	}
	all, err := p.allUnrecorded(ctx)
	if err != nil {
		return none, err
	}
	for _, u := range all {
		if u.Service != in.Service || u.Environment != in.Environment {
			continue
		}
		if in.Deployment != "" && in.Deployment != u.Deployment {
			return none, slipway.Errorf(slipway.Conflict, "deployment %s of %s runs in %s, and not %s; look again: slipway unrecorded ls", u.Deployment, u.Service, u.Environment, store.Printable(in.Deployment))
		}
		return u, nil
	}
	return none, slipway.Errorf(slipway.NotFound, "nothing runs of %s in %s that isn't on record; `slipway unrecorded ls` lists what does", store.Printable(in.Service), store.Printable(in.Environment))
}
