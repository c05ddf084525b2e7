package node

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/slipway-dev/slipway"
)

var _ slipway.Inventory = (*Node)(nil)

// Running lists what the node's own state knows.
func (n *Node) Running(ctx context.Context) ([]slipway.Running, error) {
	n.mu.Lock()
	places := n.list()
	n.mu.Unlock()
	all := make([]slipway.Running, 0, len(places))
	for _, p := range places {
		seen, err := n.Observe(ctx, p.service, p.environment)
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		newest := p.state.Fence
		p.mu.Unlock()
		if newest > 0 { // others were only asked about
			all = append(all, slipway.Running{Service: p.service, Environment: p.environment, Newest: newest, Observed: seen})
		}
	}
	slices.SortFunc(all, func(a, b slipway.Running) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Environment, b.Environment))
	})
	return all, nil
}

// Recall returns a deployment as it was asked for.
func (n *Node) Recall(_ context.Context, service, environment, id string) (slipway.Deployment, error) {
	if err := checkPlace(service, environment); err != nil {
		return slipway.Deployment{}, err
	}
	if p := n.find(service, environment); p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if d := p.state.Deployments[id]; d != nil {
			return d.Deployment, nil
		}
	}
	return slipway.Deployment{}, slipway.Errorf(slipway.NotFound, "deployment %q of %s doesn't run in %s any more", id, service, environment)
}

// End takes a deployment away. What is kept warm goes with one that has the traffic,
// unless it gets it.
func (n *Node) End(ctx context.Context, e slipway.Ending, log io.Writer) error {
	if err := checkPlace(e.Service, e.Environment); err != nil {
		return err
	}
	p, ctx, done, err := n.hold(ctx, e.Service, e.Environment)
	if err != nil {
		return err
	}
	defer done()
	p.mu.Lock()
	live, warm, next := p.state.Live, p.state.Warm, p.state.Next
	d := p.state.Deployments[live]
	p.mu.Unlock()
	switch {
	case e.Deployment == "":
		return slipway.Errorf(slipway.Invalid, "which deployment of %s is to end?", e.Service)
	case next == e.Deployment, live != e.Deployment:
		if next == e.Deployment {
			err = p.abandon("", log)
		}
		err = errors.Join(err, p.collect("")) // what a try that was interrupted left
		n.reroute()
		return err
	}
	if err := p.abandon("", log); err != nil {
		return err
	}
	if warm != "" && warm == e.Back {
		return p.giveBack(ctx, d.Deployment, warm, log)
	}
	err = p.close(live, log)
	return errors.Join(err, p.collect(""))
}
