package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/edge"
	"github.com/slipway-dev/slipway/sandbox"
)

// Observe reports what runs.
func (n *Node) Observe(_ context.Context, service, environment string) (slipway.Observed, error) {
	if err := checkPlace(service, environment); err != nil {
		return slipway.Observed{}, err
	}
	o := slipway.Observed{Instances: []slipway.Instance{}, Edge: "http://" + n.o.Edge}
	p := n.find(service, environment)
	if p == nil {
		return o, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.state.Deployments[p.state.Warm]; w != nil {
		o.Warm = []slipway.Warm{{Deployment: w.ID, Release: w.Release}}
	}
	d := p.state.Deployments[p.state.Live]
	if d == nil {
		return o, nil
	}
	o.Deployment, o.Release, o.Artifact, o.Config = d.ID, d.Release, d.Artifact, d.Config.Digest
	if hasWeb(d.Deployment) {
		o.Host = p.names()[0]
		o.URL = n.address(o.Host)
	}
	o.Instances = p.reports(d.ID)
	if c := p.state.Cut; c != nil && c.Deployment == d.ID {
		o.Cut = c.Words
	}
	if p.changed != "" {
		o.Problems = append(o.Problems, p.changed)
	}
	if p.over != "" {
		o.Problems = append(o.Problems, p.over)
	}
	if p.lost != "" && time.Since(p.lostAt) < lostKept {
		o.Problems = append(o.Problems, p.lost)
	}
	if next := p.state.Deployments[p.state.Next]; next != nil {
		o.Next = &slipway.Share{Deployment: next.ID, Release: next.Release, Weight: p.state.share(), Instances: p.reports(next.ID)}
	}
	return o, nil
}

// reports are what is to be said of a deployment's instances; p is locked.
func (p *place) reports(id string) []slipway.Instance {
	list := []slipway.Instance{}
	for _, i := range p.instances[id] {
		list = append(list, i.report())
	}
	sort.Slice(list, func(a, b int) bool { return list[a].ID < list[b].ID })
	return list
}

// Traffic reports what the edge counted.
func (n *Node) Traffic(_ context.Context, service, environment string, since time.Time) (slipway.Traffic, error) {
	if err := checkPlace(service, environment); err != nil {
		return slipway.Traffic{}, err
	}
	now := time.Now()
	t := slipway.Traffic{Since: now.Add(-edge.CountedFor).UTC(), Deployments: map[string][]slipway.Slice{}}
	if t.Since.Before(n.started) {
		t.Since = n.started
	}
	if since.After(t.Since) {
		t.Since = since.UTC()
	}
	p := n.find(service, environment)
	if p == nil {
		return t, nil
	}
	counted := n.edge.Traffic(p.host(), t.Since, now)
	p.mu.Lock()
	defer p.mu.Unlock()
	for home, slices := range counted {
		id := home
		if d := p.state.kept(home); d != nil {
			id = d.ID
		}
		t.Deployments[id] = slices
	}
	return t, nil
}

// Remove stops a service in an environment and forgets it, its data included.
func (n *Node) Remove(ctx context.Context, service, environment string) error {
	if err := checkPlace(service, environment); err != nil {
		return err
	}
	p, _, done, err := n.hold(ctx, service, environment)
	if err != nil {
		return err
	}
	defer done()
	if err := p.change(func(s *placeState) error { s.Live, s.Warm, s.Next = "", "", ""; return nil }); err != nil {
		return err
	}
	n.reroute()
	if err := p.retired(ctx, ""); err != nil {
		return err
	}
	p.mu.Lock()
	ids := make([]string, 0, len(p.state.Deployments))
	for id := range p.state.Deployments {
		ids = append(ids, id)
	}
	p.mu.Unlock()
	for _, id := range ids {
		if _, err := p.discard(id); err != nil {
			return err
		}
	}
	if err := n.forget(p); err != nil {
		return err
	}
	n.reroute() // the name is unknown from now on
	return nil
}

// forget drops a removed place with everything that it had on disk.
func (n *Node) forget(p *place) error {
	n.mu.Lock()
	delete(n.places, p.service+"."+p.environment)
	n.mu.Unlock()
	errs := []error{os.RemoveAll(filepath.Join(n.dir, "state", p.service+"."+p.environment+".json"))}
	for _, dir := range []string{p.logDir(), p.dataDir(), p.dir(".")} {
		errs = append(errs, sandbox.Remove(dir))
	}
	if err := errors.Join(errs...); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "what %s left in %s can't be removed", p.service, p.environment)
	}
	return nil
}

// Unserved counts what the edge answered by itself since the agent began, in order.
func (n *Node) Unserved(context.Context) ([]slipway.EdgeCount, error) { return n.edge.Unserved(), nil }
