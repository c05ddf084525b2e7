package platform

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/delivery"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/webhook"
	"github.com/slipway-dev/slipway/store"
)

// RemoveTeam removes a team that owns nothing. It takes an admin of the platform.
func (p *Platform) RemoveTeam(ctx context.Context, name string, only store.Precondition) error {
	if _, err := p.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return err
	}
	t, err := p.Team(ctx, name)
	if err != nil {
		return err
	}
	if err := only.Holds("team "+name, t.Revision); err != nil {
		return err
	}
	var hooks []*ent.Webhook
	err = p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		owns, err := tx.Service.Query().Where(service.TeamID(t.ID)).Exist(ctx)
		if err != nil {
			return err
		}
		if owns {
			return slipway.Errorf(slipway.Conflict, "team %s owns services; give them to another team first", name)
		}
		if err := approvesNowhere(ctx, tx.Client(), name); err != nil {
			return err
		}
		if hooks, err = tx.Webhook.Query().Where(webhook.TeamID(t.ID)).All(ctx); err != nil {
			return err
		}
		if _, err := tx.Delivery.Delete().Where(delivery.HasWebhookWith(webhook.TeamID(t.ID))).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.Webhook.Delete().Where(webhook.TeamID(t.ID)).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.Membership.Delete().Where(membership.TeamID(t.ID)).Exec(ctx); err != nil {
			return err
		}
		p.RecordTeam(ctx, "team.removed", name, "", nil)
		return tx.Team.DeleteOneID(t.ID).Exec(ctx)
	})
	if err != nil {
		return err
	}
	for _, h := range hooks {
		p.DropSecret(ctx, slipway.SecretRef(h.Secret))
	}
	return nil
}

// approvesNowhere refuses to remove a team that a policy names: whoever made one of
// its name anew would say who approves.
func approvesNowhere(ctx context.Context, db *ent.Client, name string) error {
	all, err := catalog.InOrder(ctx, db)
	if err != nil {
		return err
	}
	named := "team:" + name
	for _, e := range all {
		if slices.Contains(e.Policy.Approvers, named) {
			return slipway.Errorf(slipway.Conflict, "team %s approves in %s; name others there first: slipway policy set --env %s --approver NAME", name, e.Name, e.Name)
		}
	}
	rows, err := db.ServicePolicy.Query().WithService().WithEnvironment().All(store.AsSystem(ctx))
	for _, row := range rows {
		if who := row.Change.Approvers; who != nil && slices.Contains(*who, named) {
			at, of := row.Edges.Environment.Name, row.Edges.Service.Name
			return slipway.Errorf(slipway.Conflict, "team %s approves what %s promotes into %s; name others there first: slipway policy set --env %s --service %s --approver NAME", name, of, at, at, of)
		}
	}
	return err
}
