package node

import (
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-dev/slipway/sandbox"
)

// adopt takes over the instances of the last agent, starts those that ought to
// run and don't, and collects what an interrupted change left. What takes time
// is done while the edge answers already; it holds the place's turn, so that the
// next change finds order.
func (p *place) adopt() {
	p.mu.Lock()
	var left []*instance // are to end
	var held []*instance // must not run before those have ended
	var gone []string    // deployments that nobody will ask for again
	for id, d := range p.state.Deployments {
		if id != p.state.Live && id != p.state.Warm && id != p.state.Next {
			gone = append(gone, id)
		}
		for _, i := range p.newInstances(d) {
			i.known = d.Processes[i.id]
			if !p.state.runs(id, i) {
				// One without a pid may have been started by an agent that was killed
				// before it could write that down.
				left = append(left, i)
				continue
			}
			p.instances[id] = append(p.instances[id], i)
			i.adopted()
			if i.single() {
				held = append(held, i)
				continue
			}
			go i.keep()
		}
	}
	p.mu.Unlock()
	finish := p.findReleases()
	p.turn <- struct{}{}
	p.node.work.Go(func() {
		defer func() { <-p.turn }()
		complete := p.endLeft(left)
		for _, i := range held {
			if !complete && !alive(i.known) {
				i.letGo() // the next agent ends the rest and starts it
			}
			go i.keep()
		}
		if !complete {
			return
		}
		for _, id := range gone {
			if _, err := p.discard(id); err != nil {
				p.node.o.Log.Warn("what an interrupted deploy left can't be removed", "service", p.service, "environment", p.environment, "deployment", id, "error", err)
			}
		}
		finish()
		p.sweep()
	})
}

// endLeft ends instances and tells whether it got through.
func (p *place) endLeft(left []*instance) bool {
	ended := make(chan struct{}, len(left))
	for _, i := range left {
		go func() { i.end(p.node.ctx); ended <- struct{}{} }()
	}
	for range left {
		<-ended
	}
	return p.node.ctx.Err() == nil
}

// collect discards the deployments that neither have the traffic nor keep warm,
// except one. A change that was interrupted and never asked for again left them.
func (p *place) collect(except string) error {
	p.mu.Lock()
	var gone []string
	for id := range p.state.Deployments {
		if id != p.state.Live && id != p.state.Warm && id != p.state.Next && id != except && p.retiring[id] == nil {
			gone = append(gone, id)
		}
	}
	p.mu.Unlock()
	for _, id := range gone {
		if _, err := p.discard(id); err != nil {
			return err
		}
	}
	p.sweep()
	return nil
}

// sweep removes the directories of deployments that are not known any more. The
// caller has the turn.
func (p *place) sweep() {
	p.mu.Lock()
	used := map[string]bool{}
	for _, d := range p.state.Deployments {
		used[d.home()] = true
	}
	for id, o := range p.state.Released {
		if !o.Ended {
			used[releaseHome(id)] = true
		}
	}
	closed := p.closed
	p.mu.Unlock()
	dirs, err := os.ReadDir(p.dir(".")) // Base(".") is the place's own directory
	if err != nil || closed {
		return
	}
	for _, entry := range dirs {
		if !used[entry.Name()] {
			if err := sandbox.Remove(filepath.Join(p.dir("."), entry.Name())); err != nil {
				p.node.o.Log.Warn("a left-over directory can't be removed", "service", p.service, "environment", p.environment, "directory", entry.Name(), "error", err)
			}
		}
	}
}

// single tells whether two of an instance would do harm: one scheduler too many
// does everything twice.
func (i *instance) single() bool { return !i.web && single(i.process) }

// adopted has the instance of an earlier agent in the routes when its process runs:
// requests don't wait for a probe. One that has to be started gets another port.
func (i *instance) adopted() {
	if !i.web {
		return
	}
	i.worn = true
	if i.known.PID > 0 && alive(i.known) {
		i.place.node.tenants.Store(i.port(), i)
		i.open(i.port())
	}
}

// since is how long ago a process was started.
func (r running) since() time.Duration { return time.Since(r.At) }
