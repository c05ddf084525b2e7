package node

import "io"

// holdBack keeps requests at the edge, and waits until the deployment that is to end has
// answered those that it has.
func (p *place) holdBack(id string, log io.Writer) {
	p.mu.Lock()
	p.held = true
	d := p.state.Deployments[id]
	p.mu.Unlock()
	p.node.reroute()
	if d == nil {
		return
	}
	if b := p.node.edge.Backend(d.home()); b != nil {
		b.Drain(p.node.ctx, min(holdDrain, p.node.edge.DrainWithin), log)
	}
}

// letThrough brings the edge up to date. Where requests are held they go on, once the
// deployment that they go to takes any.
func (p *place) letThrough(id string) {
	p.mu.Lock()
	held, d := p.held, p.state.Deployments[id]
	p.mu.Unlock()
	if held && d != nil {
		if b := p.node.edge.Backend(d.home()); b != nil {
			b.Taken(p.node.ctx, holdReach)
		}
	}
	p.mu.Lock()
	p.held = false
	p.mu.Unlock()
	p.node.reroute()
}
