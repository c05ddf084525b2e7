package platform

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/hold"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// Holds lists the holds on a service, with their environments; "" is every
// service that the viewer may see.
func (p *Platform) Holds(ctx context.Context, serviceName string) ([]*ent.Hold, error) {
	query := p.db.Hold.Query().Where(hold.Active(true)).WithService().WithEnvironment()
	if serviceName != "" {
		s, err := p.Service(ctx, serviceName)
		if err != nil {
			return nil, err
		}
		query.Where(hold.ServiceID(s.ID))
	} else {
		if _, err := p.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
			return nil, err
		}
		if seen := identity.Visible(ctx); seen != nil {
			query.Where(hold.HasServiceWith(seen...))
		}
	}
	return query.Order(hold.ByID()).Limit(1000).All(ctx)
}

// Hold stops automatic promotion of a service into an environment until
// somebody releases it; what waits there by itself ends. Promoting by hand goes on.
func (p *Platform) Hold(ctx context.Context, serviceName, environmentName, reason string) (*ent.Hold, error) {
	s, e, err := p.holdable(ctx, serviceName, environmentName)
	if err != nil {
		return nil, err
	}
	if reason == "" || len(reason) > 500 {
		return nil, slipway.Errorf(slipway.Invalid, "say why, in at most 500 characters").At("reason")
	}
	if err := p.placeHold(ctx, s, e, 0, store.Clean(reason), slipway.Actor(ctx)); err != nil {
		return nil, err
	}
	p.look(ctx, s.ID, e.ID) // what waits there by itself ends
	return holdOn(ctx, p.db, s, e)
}

func (p *Platform) holdable(ctx context.Context, serviceName, environmentName string) (*ent.Service, *ent.Environment, error) {
	s, err := p.ServiceFor(ctx, serviceName, slipway.PermitPromote, environmentName)
	if err != nil {
		return nil, nil, err
	}
	e, err := p.Environment(ctx, environmentName)
	return s, e, err
}

// placeHold places a hold unless there is one.
func (p *Platform) placeHold(ctx context.Context, s *ent.Service, e *ent.Environment, promotion int, reason, by string) error {
	err := p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		err := tx.Hold.Create().SetServiceID(s.ID).SetEnvironmentID(e.ID).SetPromotionID(promotion).SetReason(reason).SetPlacedBy(by).Exec(ctx)
		if err == nil {
			p.journal.Happened(ctx, "hold.placed", s.Name, e.Name, promotion, map[string]string{"reason": reason})
		}
		return err
	})
	if ent.IsConstraintError(err) {
		return nil
	}
	return err
}

// holdOn is the hold on a service in an environment; nil for none.
func holdOn(ctx context.Context, db *ent.Client, s *ent.Service, e *ent.Environment) (*ent.Hold, error) {
	row, err := db.Hold.Query().Where(hold.HasServiceWith(service.ID(s.ID)), hold.EnvironmentID(e.ID), hold.Active(true)).
		WithService().WithEnvironment().Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return row, err
}

// ReleaseHold lets automatic promotion go on.
func (p *Platform) ReleaseHold(ctx context.Context, serviceName, environmentName string) error {
	s, e, err := p.holdable(ctx, serviceName, environmentName)
	if err != nil {
		return err
	}
	return p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		n, err := tx.Hold.Update().Where(hold.ServiceID(s.ID), hold.EnvironmentID(e.ID), hold.Active(true)).
			SetActive(false).SetReleasedBy(slipway.Actor(ctx)).SetReleasedAt(store.Now()).Save(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return slipway.Errorf(slipway.NotFound, "nothing holds %s in %s", s.Name, e.Name)
		}
		p.journal.Happened(ctx, "hold.released", s.Name, e.Name, 0, map[string]string{"holds": strconv.Itoa(n)})
		return nil
	})
}
