package platform

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/store"
)

// TakePushes starts a promotion wherever an environment takes what is pushed to a
// branch and the branch has a commit that was never promoted there. A commit is
// tried once: one that ended badly is tried again by people.
func (p *Platform) TakePushes(ctx context.Context) error {
	ctx = store.AsSystem(ctx)
	services, err := p.db.Service.Query().WithTeam().All(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, 4) // repositories asked at once
	for _, s := range services {
		path, err := catalog.PathOf(ctx, p.db, s)
		if err != nil {
			return err
		}
		for _, e := range path {
			policy, err := catalog.PolicyOf(ctx, p.db, s.ID, e)
			if err != nil {
				return err
			}
			if policy.Policy.Advance != slipway.AdvancePush {
				continue
			}
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				if failed := p.takePush(ctx, s, e, policy.Policy.Branch); failed != nil {
					mu.Lock()
					err = errors.Join(err, failed)
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	return err
}

func (p *Platform) takePush(ctx context.Context, s *ent.Service, e *ent.Environment, branch string) error {
	if branch == "" {
		branch = s.Branch
	}
	commit, err := p.Source.Resolve(ctx, catalog.RepositoryOf(s), branch)
	if err != nil {
		return err
	}
	before, err := p.db.Promotion.Query().Where(promotion.ServiceID(s.ID), promotion.EnvironmentID(e.ID)).Order(promotion.ByID()).All(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(before, func(q *ent.Promotion) bool { return q.Commit.ID == commit.ID }) {
		return nil
	}
	held, err := holdOn(ctx, p.db, s, e)
	if err != nil || held != nil {
		return err
	}
	plan, err := p.plan(ctx, PromoteInput{Service: s.Name, Environment: e.Name, Ref: branch, onward: true}, slipway.PermitServiceRead)
	if err == nil {
		plan.Cause, plan.Requester = "push to "+branch, "push"
		_, err = p.start(ctx, plan)
	}
	if code := slipway.CodeOf(err); code == slipway.Conflict || code == slipway.Refused || code == slipway.Invalid {
		return nil // something else is under way, or a gate on the way in is closed: asked again
	}
	return err
}
