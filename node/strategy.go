package node

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/edge"
)

// takesOver tells whether a deployment can take over from the live one little by
// little: both take requests. p is locked.
func (p *place) takesOver(d slipway.Deployment) bool {
	live := p.state.Deployments[p.state.Live]
	return live != nil && hasWeb(live.Deployment) && hasWeb(d)
}

// runs tells whether an instance of a deployment ought to run.
func (s *placeState) runs(id string, i *instance) bool {
	switch id {
	case s.Live:
		return !s.retired(i)
	case s.Next:
		return i.web && (s.Share > 0 || number(i.id) <= s.Moved)
	case s.Warm:
		return i.web && !s.Cold
	}
	return false
}

// retired tells whether an instance of the live deployment has been replaced by
// one of the next.
func (s *placeState) retired(i *instance) bool {
	return i.web && number(i.id) <= s.replaced()
}

// replaced is how many web instances of the live deployment the next one stands for.
func (s *placeState) replaced() int {
	live, next := s.Deployments[s.Live], s.Deployments[s.Next]
	if live == nil || next == nil || s.Moved == 0 {
		return 0
	}
	return s.Moved * webs(live) / webs(next)
}

func webs(d *deployment) int { return len(d.Ports) }

// number of an instance among those of its process, from 1.
func number(id string) (n int) {
	_, text, _ := strings.Cut(id, ".")
	_, _ = fmt.Sscan(text, &n)
	return n
}

// share is the part of the requests that the next deployment has, in percent.
func (s *placeState) share() int {
	live, next := s.Deployments[s.Live], s.Deployments[s.Next]
	if s.Share > 0 || live == nil || next == nil || s.Moved == 0 {
		return s.Share
	}
	return 100 * s.Moved / (s.Moved + webs(live) - s.replaced())
}

// branches are where the requests go; the one that takes over comes last.
func (s *placeState) branches(live *deployment) []edge.Branch {
	next := s.Deployments[s.Next]
	switch {
	case next == nil || s.Share == 0 && s.Moved == 0:
		return []edge.Branch{live.branch(100, func(int) bool { return true })}
	case s.Share > 0:
		all := func(int) bool { return true }
		return []edge.Branch{live.branch(100-s.Share, all), next.branch(s.Share, all)}
	}
	gone := s.replaced()
	old := live.branch(webs(live)-gone, func(n int) bool { return n > gone })
	new := next.branch(s.Moved, func(n int) bool { return n <= s.Moved })
	return slices.DeleteFunc([]edge.Branch{old, new}, func(b edge.Branch) bool { return len(b.Upstreams) == 0 })
}

// branch sends a share of the requests to those web instances of a deployment
// whose number only says yes to.
func (d *deployment) branch(weight int, only func(number int) bool) edge.Branch {
	b := edge.Branch{Deployment: d.ID, Home: d.home(), Release: d.Release, Weight: weight, Limit: d.limit()}
	for id := range d.Ports {
		if only(number(id)) {
			b.Upstreams = append(b.Upstreams, d.door(id))
		}
	}
	slices.Sort(b.Upstreams)
	return b
}

// share gives a canary its part of the requests, or another part than it had.
func (p *place) share(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	p.mu.Lock()
	there := p.state.Next == d.ID
	p.mu.Unlock()
	if !there {
		err := p.bringUp(ctx, d)
		if err == nil {
			err = p.gate(ctx, p.start(d.ID, func(i *instance) bool { return i.web }), log)
		}
		if err != nil {
			return p.settle(ctx, d.ID, err, log)
		}
	}
	if err := p.change(func(s *placeState) error { s.Next, s.Share, s.Moved = d.ID, d.Weight, 0; return nil }); err != nil {
		return err
	}
	p.node.reroute()
	fmt.Fprintf(log, "%d %% of the requests go to the new release\n", d.Weight)
	return nil
}

// complete gives all the requests to the deployment that takes over.
func (p *place) complete(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	p.mu.Lock()
	rolled := p.state.Share == 0
	p.mu.Unlock()
	err := p.gate(ctx, p.start(d.ID, func(i *instance) bool { return !i.single() }), log)
	if err == nil {
		err = p.handOver(ctx, d.ID, move{live: d.ID, keep: true, rolled: rolled}, log)
	}
	if err != nil && p.live() != d.ID && ctx.Err() == nil {
		if back := p.abandon("", log); back != nil {
			return back
		}
	}
	return p.settle(ctx, d.ID, err, log)
}

// roll replaces one web instance after the other, and then the rest. Interrupted,
// it goes on where it was.
func (p *place) roll(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	p.mu.Lock()
	there, old := p.state.Next == d.ID, p.state.Live
	home := p.state.Deployments[old].home()
	p.mu.Unlock()
	if !there {
		err := p.bringUp(ctx, d)
		if err == nil {
			err = p.change(func(s *placeState) error { s.Next, s.Share, s.Moved = d.ID, 0, 0; return nil })
		}
		if err != nil {
			return p.settle(ctx, d.ID, err, log)
		}
	}
	for {
		p.mu.Lock()
		moved, all := p.state.Moved, webs(p.state.Deployments[d.ID])
		p.mu.Unlock()
		if moved == all {
			return p.complete(ctx, d, log)
		}
		err := p.gate(ctx, p.start(d.ID, func(i *instance) bool { return i.web && number(i.id) == moved+1 }), log)
		if err != nil && ctx.Err() == nil {
			if back := p.abandon("", log); back != nil {
				return back
			}
			return p.settle(ctx, d.ID, err, log)
		}
		if err == nil {
			err = p.change(func(s *placeState) error { s.Moved++; return nil })
		}
		if err != nil {
			return err // the next try goes on from here
		}
		before := p.node.edge.Backend(home)
		p.node.reroute()
		if before != nil {
			before.Drain(p.node.ctx, p.node.edge.DrainWithin, log)
		}
		p.mu.Lock()
		gone := p.state.replaced()
		p.mu.Unlock()
		tell(log, p.stop(old, func(i *instance) bool { return i.web && number(i.id) <= gone }))
		fmt.Fprintf(log, "%d of %d instances are replaced\n", moved+1, all)
	}
}

// abandon gives the live deployment all the requests again, when another one than
// except was taking over. What it had lost on the way starts again first.
func (p *place) abandon(except string, log io.Writer) error {
	p.mu.Lock()
	next, live := p.state.Next, p.state.Live
	rolled := p.state.Moved > 0
	p.mu.Unlock()
	if next == "" || next == except {
		return nil
	}
	if rolled {
		if err := p.gate(p.node.ctx, p.start(live, func(i *instance) bool { return i.web }), log); err != nil {
			return err
		}
	}
	if err := p.change(func(s *placeState) error { s.Next, s.Share, s.Moved = "", 0, 0; return nil }); err != nil {
		return err
	}
	p.node.reroute()
	fmt.Fprintln(log, "the old release has all the traffic again")
	p.retire(next, log)
	return nil
}
