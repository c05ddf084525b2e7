package catalog

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/store"
)

// ServiceChange is what to change of a service; nil leaves a field as it is.
// Promotions under way keep what they started with.
type ServiceChange struct {
	URL, Path, Branch *string
	Team              *string // the team that shall own it; it takes a maintainer of both, and an admin in person while a gate rests on the team
	Kind              *slipway.ServiceKind
	Credential        *slipway.SecretRef // "" forgets the one that is stored; no other can be named
	Token             slipway.Secret     // a new token or private key; it is needed when URL is on another server and one is stored
	Overrides         *slipway.Overrides // in place of all that there were; they count for releases that are built from now on
	Environments      *[]string          // its own path; empty for the platform's; one that leads past an environment takes an admin in person
	If                store.Precondition
}

// UpdateService changes a service after asking the repository, as Register does,
// unless nothing but the overrides changes.
func (cat *Catalog) UpdateService(ctx context.Context, name string, change ServiceChange) (*ent.Service, error) {
	s, err := cat.people.ServiceFor(ctx, name, slipway.PermitServiceChange, "")
	if err != nil {
		return nil, err
	}
	if err := change.If.Holds("service "+name, s.Revision); err != nil {
		return nil, err
	}
	in := ServiceInput{Name: s.Name, URL: s.Repository, Path: s.Path, Branch: s.Branch, Kind: slipway.ServiceKind(s.Kind), Credential: slipway.SecretRef(s.Credential)}
	changed := map[string]string{}
	for field, pair := range map[string][2]*string{"url": {&in.URL, change.URL}, "path": {&in.Path, change.Path}, "branch": {&in.Branch, change.Branch}, "kind": {(*string)(&in.Kind), (*string)(change.Kind)}} {
		if was, is := pair[0], pair[1]; is != nil && *was != *is {
			changed[field] = *was + " -> " + *is
			*was = *is
		}
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	if err := change.credential(s, &in); err != nil {
		return nil, err
	}
	if change.Token.Reveal() != "" {
		changed["credential"] = "a new token"
	} else if string(in.Credential) != s.Credential {
		changed["credential"] = s.Credential + " -> "
	}
	owner := s.Edges.Team
	if change.Team != nil && (owner == nil || *change.Team != owner.Name) {
		was := owner
		if owner, err = cat.owningTeam(ctx, *change.Team); err != nil {
			return nil, err
		}
		changed["team"] = "-> " + owner.Name
		if was != nil {
			changed["team"] = was.Name + " " + changed["team"]
		}
	}
	path := s.Environments
	if change.Environments != nil && !slices.Equal(*change.Environments, path) {
		path = *change.Environments
		if err := cat.checkPath(ctx, path); err != nil {
			return nil, err
		}
	}
	was := slipway.Overrides(s.Overrides)
	in.Overrides = was
	if change.Overrides != nil {
		if in.Overrides, err = stated.ReadOverrides(string(*change.Overrides), nil); err != nil {
			return nil, err
		}
	}
	before, after := Overridden(was, in.Overrides)
	var updated *ent.Service
	switch {
	case len(changed) > 0:
		if in.URL != s.Repository { // what was named before stays
			if err := cat.placed(ctx, in.Repository()); err != nil {
				return nil, err
			}
		}
		if change.Token.Reveal() != "" {
			if in.Credential, err = cat.keepCredential(ctx, s.Name, in.URL, change.Token); err != nil {
				return nil, err
			}
			defer func() {
				if updated == nil {
					_ = cat.ports.Secrets.Delete(context.WithoutCancel(ctx), in.Credential)
				}
			}()
		}
		if err := cat.tries(ctx, s, in, changed); err != nil {
			return nil, identity.Given(err, "url")
		}
	case in.Overrides == was && slices.Equal(path, s.Environments):
		return s, nil
	}
	maps.Copy(after, changed)
	moved := !slices.Equal(path, s.Environments)
	if moved {
		after["environments"] = pathWords(s.Environments) + " -> " + pathWords(path)
	}
	err = cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		policies, err := policiesOf(ctx, tx.Client(), s.ID)
		if err != nil {
			return err
		}
		if err := cat.mayTake(ctx, tx.Client(), s, policies[s.ID], path); err != nil {
			return err
		}
		if owner != nil {
			if err := cat.mayMove(ctx, tx.Client(), s, policies[s.ID], owner); err != nil {
				return err
			}
		}
		update := tx.Service.UpdateOneID(s.ID).Where(service.Revision(s.Revision)).AddRevision(1).SetRepository(in.URL).SetPath(in.Path).SetBranch(in.Branch).SetCredential(string(in.Credential)).SetEnvironments(path).SetOverrides(string(in.Overrides))
		if in.Kind != "" {
			update.SetKind(service.Kind(in.Kind))
		}
		if owner != nil {
			update.SetTeamID(owner.ID)
		}
		if updated, err = update.Save(ctx); err != nil {
			return err
		}
		if err := identity.WithMakers(ctx, tx.Client(), after); err != nil {
			return err
		}
		cat.journal.Happened(ctx, "service.changed", s.Name, "", 0, after, before) // its new team's webhooks hear of it
		return nil
	})
	if ent.IsNotFound(err) {
		return nil, store.ErrOutdated("service " + name)
	}
	if err != nil {
		cat.people.DeniedWhile(ctx, "service.changed", s.Name, "", err)
		return nil, err
	}
	updated.Edges.Team = owner
	if moved || changed["team"] != "" {
		cat.changed(ctx, s.ID, 0) // gates look at the environment before, and at who is in the team
	}
	return updated, nil
}

// credential decides what opens the repository after the change: what opened it
// before, if it is on the same server. The caller can't name another.
func (change ServiceChange) credential(s *ent.Service, in *ServiceInput) error {
	named := change.Credential
	switch {
	case named != nil && *named != "" && string(*named) != s.Credential:
		return errStored(*named)
	case named != nil && *named == "":
		if change.Token.Reveal() != "" {
			return slipway.Errorf(slipway.Invalid, "give either a token or an empty credential, which forgets the one that is stored").At("credential")
		}
		in.Credential = ""
	case change.Token.Reveal() != "":
		in.Credential = "" // until it is sealed
	case s.Credential != "" && slipway.ServerOf(in.URL) != slipway.ServerOf(s.Repository):
		return slipway.Errorf(slipway.Invalid, "the token that is stored was given for %s and isn't sent to another server; give one for the new server, or say that it takes none by an empty credential", slipway.ServerOf(s.Repository)).At("token")
	}
	return nil
}

// tries asks the repository of a changed service. That a stored credential goes to
// a place where it wasn't before is on record before it does.
func (cat *Catalog) tries(ctx context.Context, s *ent.Service, in ServiceInput, changed map[string]string) error {
	fresh := in.Credential != "" && (in.URL != s.Repository || string(in.Credential) != s.Credential)
	if fresh {
		cat.audit.Record(ctx, audit.Begun, "service.changed", s.Name, "", "", "", nil, changed)
	}
	err := cat.answers(ctx, in.Repository())
	if err != nil && fresh {
		cat.audit.Refused(ctx, "service.changed", s.Name, "", cat.Why(err))
	}
	return err
}

// Why is what people may read of an error.
func (cat *Catalog) Why(err error) string {
	var known *slipway.Error
	switch {
	case errors.As(err, &known) && known.Code != slipway.Internal:
		return known.Message
	case errors.Is(err, context.DeadlineExceeded):
		return "what runs the service does not answer"
	}
	cat.log.Error("the target could not be observed", "error", err)
	return "internal error; see the platform's log"
}
