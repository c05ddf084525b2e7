package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/edge"
)

const (
	// holdDrain is how long a release that makes room for another may take for what it
	// was asked before, while all later requests wait. What it has after that it may
	// still answer within its grace.
	holdDrain = 10 * time.Second
	// holdReach is how long requests are held for a release that was ended for another,
	// and comes back.
	holdReach = 10 * time.Second
)

// move says what a hand-over makes of the state.
type move struct {
	live   string              // the id that has the traffic then
	rename *slipway.Deployment // what the deployment is from now on, when it was known by another id
	keep   bool                // the one that had the traffic becomes the warm one

	recreate bool // it ends before the next one starts
	rolled   bool // its web instances have ended
}

// alone tells whether an instance of the old ends before that of the new starts.
func (m move) alone(i *instance) bool { return m.recreate || i.single() }

// handOver gives the traffic to a deployment whose instances are healthy, all but
// those that must not run twice: of these the old end before the new start. What
// had the traffic goes on until it is moved, and whatever fails before that is
// undone.
func (p *place) handOver(ctx context.Context, id string, m move, log io.Writer) error {
	p.mu.Lock()
	old, older := p.state.Live, p.state.Warm
	p.mu.Unlock()
	var cut []string
	if old != "" {
		if m.recreate {
			fmt.Fprintf(log, "the old release ends before the new one starts: requests wait at the edge meanwhile, for up to %s\n", edge.HoldWithin)
			p.holdBack(old, log)
		}
		cut = p.stopAnd(old, m.alone, log)
	}
	err := p.gate(ctx, p.start(id, m.alone), log)
	if err == nil {
		err = p.change(func(s *placeState) error {
			s.Live, s.Warm, s.Cold = id, "", false
			s.Next, s.Share, s.Moved = "", 0, 0
			if m.rename != nil {
				w := s.Deployments[id]
				delete(s.Deployments, id)
				s.Deployments[m.live] = &deployment{Deployment: *m.rename, Ports: w.Ports, Processes: w.Processes, Host: w.Host, Home: w.home()}
				s.Live = m.live
			}
			if m.keep {
				s.Warm, s.Cold = old, m.recreate || m.rolled
			}
			return nil
		})
	}
	if err != nil {
		tell(log, p.stop(id, m.alone))
		p.resume(old, m, log)
		if m.recreate {
			p.letThrough(old)
		}
		return err
	}
	p.relabel(id, m.live)
	p.letThrough(m.live)
	if m.keep {
		fmt.Fprintln(log, "the traffic is on the new release")
		cut = append(cut, p.stopAnd(old, func(i *instance) bool { return !i.web }, log)...)
		if older == id {
			older = ""
		}
	} else {
		fmt.Fprintln(log, "the old release has the traffic again")
		older = old
	}
	switch {
	case older == "":
	case m.keep:
		p.retireBehind(older) // it has had no traffic since the change before this one
	default:
		p.retire(older, log)
	}
	p.noteCut(m.live, cut)
	p.pruneLogs()
	return nil
}

// stopAnd ends instances, tells of those that did not go by themselves, and returns what
// is to be said of the work that was cut so: of web instances the edge knows that better.
func (p *place) stopAnd(id string, only func(*instance) bool, log io.Writer) (cut []string) {
	for _, i := range p.end(id, only) {
		note := i.report().Reason
		if note == "" {
			continue
		}
		tell(log, []string{note})
		if !i.web {
			cut = append(cut, note)
		}
	}
	return cut
}

// noteCut keeps what is to be said of work that was cut, for who asks how it went.
func (p *place) noteCut(live string, cut []string) {
	p.mu.Lock()
	none := p.state.Cut == nil && len(cut) == 0
	p.mu.Unlock()
	if none {
		return
	}
	err := p.change(func(s *placeState) error {
		if s.Cut = nil; len(cut) > 0 {
			s.Cut = &cutWork{live, cut}
		}
		return nil
	})
	if err != nil {
		p.node.o.Log.Warn("it can't be noted which work was cut", "service", p.service, "environment", p.environment, "cut", cut, "error", err)
	}
}

// relabel makes the instances of a deployment known by its other id.
func (p *place) relabel(from, to string) {
	if from == to {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instances[to] = p.instances[from]
	delete(p.instances, from)
	for _, i := range p.instances[to] {
		i.owner.Store(p.state.Deployments[to])
	}
}

// resume starts again what was stopped for a hand-over that did not come about.
func (p *place) resume(id string, m move, log io.Writer) {
	for _, i := range p.start(id, m.alone) {
		i.gated.Store(false) // nobody waits
		fmt.Fprintf(log, "%s of the release that goes on serving runs again\n", i.id)
	}
}

// tell puts what happened beside the plan into the deployment's log.
func tell(log io.Writer, said []string) {
	for _, line := range said {
		fmt.Fprintln(log, line)
	}
}

// drain waits until a deployment without traffic has answered what it was asked.
func (p *place) drain(id string) {
	p.mu.Lock()
	d := p.state.Deployments[id]
	p.mu.Unlock()
	if d == nil {
		return
	}
	if b := p.node.edge.Backend(d.home()); b != nil {
		b.Drain(p.node.ctx, p.node.edge.DrainWithin, nil)
	}
}

// wake gives the traffic to the warm deployment, which from now on is known as
// d. Its processes without a port were stopped and start again.
func (p *place) wake(ctx context.Context, warm string, d slipway.Deployment, log io.Writer) error {
	for _, i := range p.running(warm) {
		if answer := i.probe(ctx); !answer.ok {
			fmt.Fprintf(log, "the warm release is no longer healthy (%s %s): starting it afresh\n", i.id, i.words(answer))
			return p.fresh(ctx, d, log)
		}
	}
	fmt.Fprintln(log, "the release is still warm")
	return p.rouse(ctx, warm, move{live: d.ID, rename: &d, keep: true}, log)
}

// rouse starts the workers of a warm deployment and hands the traffic over to it.
func (p *place) rouse(ctx context.Context, warm string, m move, log io.Writer) error {
	err := p.gate(ctx, p.start(warm, func(i *instance) bool { return !i.web && !i.single() }), log)
	if err == nil {
		err = p.handOver(ctx, warm, m, log)
	}
	if err != nil && p.live() != m.live {
		tell(log, p.stop(warm, func(i *instance) bool { return !i.web }))
	}
	return err
}

// Revert gives the traffic back to what had it before d, and stops d. When that
// can't be made healthy, d keeps the traffic and the error says so.
func (n *Node) Revert(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	if err := check(d); err != nil {
		return err
	}
	p, ctx, done, err := n.hold(ctx, d.Service, d.Environment)
	if err != nil {
		return err
	}
	defer done()
	if err := p.fence(d); err != nil {
		return err
	}
	p.mu.Lock()
	live, warm := p.state.Live, p.state.Warm
	before := p.state.Deployments[warm]
	p.mu.Unlock()
	if live != d.ID {
		err := errors.Join(p.abandon("", log), p.collect(""))
		n.reroute() // a retry: the edge must know it too
		return err
	}
	if before == nil {
		fmt.Fprintln(log, "there was no release before")
		return p.close(d.ID, log)
	}
	return p.giveBack(ctx, d, warm, log)
}

// giveBack gives the traffic of d to what had it before, which is kept warm, and ends d.
func (p *place) giveBack(ctx context.Context, d slipway.Deployment, warm string, log io.Writer) error {
	p.mu.Lock()
	before := p.state.Deployments[warm]
	p.mu.Unlock()
	m := move{recreate: d.Strategy == slipway.Recreate}
	if m.recreate {
		p.holdBack(d.ID, log)
		tell(log, p.stop(d.ID, nil))
	}
	err := p.revive(ctx, warm, log)
	if err == nil {
		err = p.rouse(ctx, warm, move{live: warm}, log)
	}
	if err != nil && m.recreate {
		tell(log, p.stop(warm, nil))
		p.resume(d.ID, m, log)
		p.letThrough(d.ID)
	}
	if err != nil && ctx.Err() == nil && slipway.CodeOf(err) == slipway.Refused {
		return slipway.Errorf(slipway.Refused, "release %d can't take the traffic back: %v; release %d goes on serving", before.Release, err, d.Release)
	}
	return err
}

// revive makes sure that every web instance of a warm deployment is healthy: one
// that isn't is started again.
func (p *place) revive(ctx context.Context, warm string, log io.Writer) error {
	for _, i := range p.running(warm) {
		answer := i.probe(ctx)
		if answer.ok {
			continue
		}
		fmt.Fprintf(log, "%s of the old release %s: it is started again\n", i.id, i.words(answer))
		tell(log, p.stop(warm, func(o *instance) bool { return o == i }))
	}
	return p.gate(ctx, p.start(warm, func(i *instance) bool { return i.web }), log)
}

// close takes the route of a deployment away, and the deployment with it.
func (p *place) close(id string, log io.Writer) error {
	if err := p.change(func(s *placeState) error { s.Live, s.Warm = "", ""; return nil }); err != nil {
		return err
	}
	p.node.reroute()
	fmt.Fprintln(log, "the route is closed")
	p.retire(id, log)
	return nil
}
