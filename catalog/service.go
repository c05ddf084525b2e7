package catalog

import (
	"cmp"
	"context"
	"maps"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/configversion"
	"github.com/slipway-dev/slipway/ent/decision"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/domain"
	"github.com/slipway-dev/slipway/ent/hold"
	"github.com/slipway-dev/slipway/ent/logchunk"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/servicepolicy"
	"github.com/slipway-dev/slipway/ent/setting"
	"github.com/slipway-dev/slipway/ent/step"
	"github.com/slipway-dev/slipway/ent/trust"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/store"
)

// ServiceInput is a service to register.
type ServiceInput struct {
	Name       string              // "" takes the last part of the URL, or of Path
	URL        string              //
	Path       string              // the directory inside the repository
	Branch     string              // "" follows the repository's default branch
	Kind       slipway.ServiceKind // "" means web
	Team       string              // the owner; "" is the only team in which the viewer may register, or the default one
	Credential slipway.SecretRef   // of the service as it is; what isn't one yet has none
	Token      slipway.Secret      // a token or a private key, sealed for the server of URL and never given to the service itself
	Overrides  slipway.Overrides   // what counts instead of what is detected; any YAML or JSON that Overrides takes

	Environments []string // its own path; empty for the platform's; one that leads past an environment takes an admin in person
}

// Repository is where the code lives.
func (in ServiceInput) Repository() slipway.Repository {
	return slipway.Repository{URL: in.URL, Path: in.Path, Branch: in.Branch, Credential: in.Credential}
}

// Validate names the field at fault.
func (in ServiceInput) Validate() error {
	if err := in.Repository().Validate(); err != nil {
		return err
	}
	if in.Name != "" {
		if err := slipway.CheckName("name", in.Name); err != nil {
			return err
		}
	}
	return checkKind(in.Kind)
}

func checkKind(kind slipway.ServiceKind) error {
	switch kind {
	case "", slipway.KindWeb, slipway.KindWorker, slipway.KindFunction:
		return nil
	}
	return slipway.Errorf(slipway.Invalid, "%q is not a kind of service; use web, worker or function", string(kind)).At("kind")
}

// ready checks what is given of a service that isn't there yet, brings its overrides into
// their form, and finds the team that it is to belong to, where the viewer may register.
func (cat *Catalog) ready(ctx context.Context, in *ServiceInput) (*ent.Team, error) {
	if in.Credential != "" {
		return nil, errStored(in.Credential)
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	var err error
	if in.Overrides, err = stated.ReadOverrides(string(in.Overrides), nil); err != nil {
		return nil, err
	}
	return cat.owningTeam(ctx, in.Team)
}

// Register makes a service of a repository, after asking the repository
// whether it answers and has the branch. Nothing is built yet. A name that is
// taken is a Conflict, which proposes a free one before the repository is asked.
// What a service of this name was asked before it was removed
// is asked again, and leaving its team or its path takes an admin in person.
func (cat *Catalog) Register(ctx context.Context, in ServiceInput) (*ent.Service, error) {
	if in.Name == "" {
		in.Name = slipway.NameFromRepository(in.Repository())
		if in.Name == "" && in.Repository().Validate() == nil {
			return nil, slipway.Errorf(slipway.Invalid, "no name can be made of %s; give one", in.URL).At("name")
		}
	}
	owner, err := cat.ready(ctx, &in)
	if err != nil {
		return nil, err
	}
	if err := serviceNameTaken(ctx, cat.db, in.Name, owner); err != nil {
		return nil, err
	}
	if err := cat.checkPath(ctx, in.Environments); err != nil {
		return nil, err
	}
	if err := cat.placed(ctx, in.Repository()); err != nil {
		return nil, err
	}
	if in.Token.Reveal() != "" {
		if in.Credential, err = cat.keepCredential(ctx, in.Name, in.URL, in.Token); err != nil {
			return nil, err
		}
	}
	discard := func() {
		if in.Credential != "" {
			_ = cat.ports.Secrets.Delete(context.WithoutCancel(ctx), in.Credential)
		}
	}
	if err := cat.answers(ctx, in.Repository()); err != nil {
		discard()
		return nil, identity.Given(err, "url")
	}
	var s *ent.Service
	err = cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		policies, err := cat.mayRegister(ctx, tx, in, owner)
		if err != nil {
			return err
		}
		create := tx.Service.Create().SetName(in.Name).SetTeamID(owner.ID).SetRepository(in.URL).SetPath(in.Path).SetBranch(in.Branch).SetCredential(string(in.Credential)).SetEnvironments(in.Environments).SetOverrides(string(in.Overrides))
		if in.Kind != "" {
			create.SetKind(service.Kind(in.Kind))
		}
		if s, err = create.Save(ctx); err != nil {
			return err
		}
		if err := resume(ctx, tx, s, policies); err != nil {
			return err
		}
		// Now that it is there, its team's webhooks hear of it.
		_, after := Overridden("", in.Overrides)
		maps.Copy(after, map[string]string{"url": in.URL, "path": in.Path, "branch": in.Branch, "team": owner.Name})
		if len(policies) > 0 {
			after["policies"] = "what was asked under this name before is asked again"
		}
		cat.journal.Happened(ctx, "service.registered", in.Name, "", 0, after)
		return nil
	})
	if err != nil {
		discard()
		if ent.IsConstraintError(err) { // another was quicker
			return nil, cmp.Or[error](serviceNameTaken(ctx, cat.db, in.Name, owner), identity.ErrRace)
		}
		cat.people.DeniedWhile(ctx, "service.registered", in.Name, "", err)
		return nil, err
	}
	return cat.Service(ctx, s.Name)
}

// owningTeam finds the team that a new service will belong to.
func (cat *Catalog) owningTeam(ctx context.Context, name string) (*ent.Team, error) {
	v := slipway.ViewerFrom(ctx)
	if name == "" {
		name = identity.DefaultTeam
		var able []int
		for id := range v.Roles {
			if v.May(slipway.PermitServiceAdd, id, "") == slipway.Allowed {
				able = append(able, id)
			}
		}
		for id := range v.Roles {
			if len(v.Roles) == 1 && len(able) == 0 {
				able = append(able, id) // which then says what is missing
			}
		}
		if len(able) == 1 && !v.Admin {
			name = cat.people.TeamName(ctx, able[0])
		}
	}
	t, err := cat.people.TeamFor(ctx, name, slipway.PermitServiceAdd)
	if slipway.CodeOf(err) == slipway.NotFound {
		return nil, slipway.Errorf(slipway.Invalid, "there is no team %s of yours; name the team that will own the service", store.Printable(name)).At("team")
	}
	return t, err
}

// ServicesQuery selects services; they are listed by name.
type ServicesQuery struct {
	Search string // part of the name or of the repository's URL
	store.Page
}

// Services lists services by name.
func (cat *Catalog) Services(ctx context.Context, q ServicesQuery) (store.List[*ent.Service], error) {
	limit, after, err := q.Named()
	if err != nil {
		return store.List[*ent.Service]{}, err
	}
	if _, err := cat.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return store.List[*ent.Service]{}, err
	}
	where := identity.Visible(ctx)
	if after != "" {
		where = append(where, service.NameGT(after))
	}
	if q.Search != "" {
		where = append(where, service.Or(service.NameContainsFold(q.Search), service.RepositoryContainsFold(q.Search)))
	}
	rows, err := cat.db.Service.Query().Where(where...).WithTeam().Order(service.ByName()).Limit(limit + 1).All(ctx)
	if err != nil {
		return store.List[*ent.Service]{}, err
	}
	return store.Cut(rows, limit, func(s *ent.Service) string { return s.Name }), nil
}

// Service finds a service by its name.
func (cat *Catalog) Service(ctx context.Context, name string) (*ent.Service, error) {
	return cat.people.ServiceFor(ctx, name, slipway.PermitServiceRead, "")
}

// RemoveService stops a service in every environment and removes it with its
// releases, settings and secrets; events about it stay, and so does what its
// policies ask, for who registers the name again. It is a Conflict while
// a promotion of it is under way.
func (cat *Catalog) RemoveService(ctx context.Context, name string, only store.Precondition) error {
	s, err := cat.people.ServiceFor(ctx, name, slipway.PermitServiceChange, "")
	if err != nil {
		return err
	}
	if err := only.Holds("service "+name, s.Revision); err != nil {
		return err
	}
	if err := cat.notUnderWay(ctx, s); err != nil {
		return err
	}
	environments, err := cat.Environments(ctx)
	if err != nil {
		return err
	}
	// First what runs: if that can't be stopped, the service is still known and
	// the removal can be asked for again.
	cat.audit.Record(ctx, audit.Begun, "service.removed", s.Name, "", "", "", nil, map[string]string{"url": s.Repository})
	for _, e := range environments {
		if err := cat.ports.Target.Remove(ctx, s.Name, e.Name); err != nil {
			return slipway.Wrap(slipway.Unavailable, err, "%s could not be stopped in %s; nothing was removed from the records, so try again", s.Name, e.Name)
		}
	}
	refs, err := cat.ports.Secrets.List(ctx, s.Name+"/")
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if err := cat.ports.Secrets.Delete(ctx, ref); err != nil {
			return err
		}
	}
	if err := cat.forgetCredentials(ctx, s); err != nil {
		return err
	}
	if err := cat.forget(ctx, s); err != nil {
		return err
	}
	cat.answerNow(ctx)
	return nil
}

func (cat *Catalog) notUnderWay(ctx context.Context, s *ent.Service) error {
	under, err := cat.db.Promotion.Query().Where(promotion.ServiceID(s.ID), promotion.StateIn(UnderWay...)).WithEnvironment().First(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return slipway.Errorf(slipway.Conflict, "promotion %d of %s to %s is under way; cancel it or wait for its end, then remove the service", under.ID, s.Name, under.Edges.Environment.Name)
}

// forget deletes the rows of a service, all or none.
func (cat *Catalog) forget(ctx context.Context, s *ent.Service) error {
	return cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		// While it is still known whose it is.
		if err := cat.journal.Outbox.Record(ctx, tx, removal(ctx, tx, s)); err != nil {
			return err
		}
		cat.audit.Record(ctx, audit.Done, "service.removed", s.Name, "", "", "", nil, map[string]string{"url": s.Repository})
		if err := remember(ctx, tx, s); err != nil {
			return err
		}
		ids, err := tx.Promotion.Query().Where(promotion.ServiceID(s.ID)).IDs(ctx)
		if err != nil {
			return err
		}
		for len(ids) > 0 {
			n := min(len(ids), 500)
			if _, err := tx.Step.Delete().Where(step.PromotionIDIn(ids[:n]...)).Exec(ctx); err != nil {
				return err
			}
			if _, err := tx.LogChunk.Delete().Where(logchunk.PromotionIDIn(ids[:n]...)).Exec(ctx); err != nil {
				return err
			}
			ids = ids[n:]
		}
		if _, err := tx.Deployment.Delete().Where(deployment.ServiceID(s.ID)).Exec(ctx); err != nil {
			return err
		}
		for _, remove := range []func() (int, error){
			func() (int, error) {
				return tx.Decision.Delete().Where(decision.HasPromotionWith(promotion.ServiceID(s.ID))).Exec(ctx)
			},
			func() (int, error) { return tx.Domain.Delete().Where(domain.ServiceID(s.ID)).Exec(ctx) },
			func() (int, error) { return tx.Hold.Delete().Where(hold.ServiceID(s.ID)).Exec(ctx) },
			func() (int, error) { return tx.Trust.Delete().Where(trust.ServiceID(s.ID)).Exec(ctx) },
			func() (int, error) { return tx.ServicePolicy.Delete().Where(servicepolicy.ServiceID(s.ID)).Exec(ctx) },
		} {
			if _, err := remove(); err != nil {
				return err
			}
		}
		if _, err := tx.Promotion.Delete().Where(promotion.ServiceID(s.ID)).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.Release.Delete().Where(release.ServiceID(s.ID)).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.Setting.Delete().Where(setting.ServiceID(s.ID)).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.ConfigVersion.Delete().Where(configversion.ServiceID(s.ID)).Exec(ctx); err != nil {
			return err
		}
		return tx.Service.DeleteOneID(s.ID).Exec(ctx)
	})
}

// removal is the last event of a service.
func removal(ctx context.Context, tx *ent.Tx, s *ent.Service) *ent.EventCreate {
	return tx.Event.Create().SetKind("service.removed").SetActor(slipway.Actor(ctx)).SetService(s.Name).SetData(audit.Masked(map[string]string{"url": s.Repository}))
}

// UnderWay are the states of promotions that aren't over.
var UnderWay = []promotion.State{promotion.StateQueued, promotion.StateWaiting, promotion.StateRunning, promotion.StateVerifying}
