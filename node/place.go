package node

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

// place is a service in an environment.
type place struct {
	node                 *Node
	service, environment string
	turn                 chan struct{} // held by the one change under way

	mu        sync.Mutex
	state     placeState
	closed    bool                   // the agent lets go: nothing is written any more
	instances map[string][]*instance // by deployment
	ending    []*instance            // asked to end, and still there
	runs      map[string]*run        // release commands under way, by deployment
	retiring  map[string]chan struct{}
	changed   string    // what is to be said of its artifact
	checked   time.Time // when that was looked at
	over      string    // what is to be said of its space on disk
	hidden    string    // what could not be looked into when that was measured
	held      bool      // requests wait at the edge
	lost      string    // who listened at the port of one of its instances
	lostAt    time.Time // when that was seen
}

// errStopping is the answer to what the agent's own end interrupts.
var errStopping = slipway.Errorf(slipway.Unavailable, "the node agent is stopping; ask again when it is back")

func newPlace(n *Node, state placeState) *place {
	if state.Deployments == nil {
		state.Deployments = map[string]*deployment{}
	}
	if state.Released == nil {
		state.Released = map[string]outcome{}
	}
	if state.Failed == nil {
		state.Failed = map[string]string{}
	}
	return &place{
		node: n, service: state.Service, environment: state.Environment, turn: make(chan struct{}, 1),
		state: state, instances: map[string][]*instance{}, runs: map[string]*run{}, retiring: map[string]chan struct{}{},
	}
}

// take waits for the place's turn: one change at a time.
func (p *place) take(ctx context.Context) (func(), error) {
	select {
	case p.turn <- struct{}{}:
		return func() { <-p.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// hold takes the turn of a service in an environment. The context that it
// returns ends with the agent as well.
func (n *Node) hold(ctx context.Context, service, environment string) (*place, context.Context, func(), error) {
	ctx, cancel := context.WithCancelCause(ctx)
	forget := context.AfterFunc(n.ctx, func() { cancel(errStopping) })
	for {
		p := n.at(service, environment)
		done, err := p.take(ctx)
		if err == nil && n.ctx.Err() != nil {
			done()
			err = errStopping
		}
		if err != nil {
			forget()
			cancel(nil)
			return nil, nil, nil, err
		}
		if n.at(service, environment) == p {
			return p, ctx, func() { done(); forget(); cancel(nil) }, nil
		}
		done() // it was removed while this call waited
	}
}

// fence refuses a deployment that is older than one already seen, and remembers
// the newest.
func (p *place) fence(d slipway.Deployment) error {
	p.mu.Lock()
	newest, same := p.state.Fence, p.state.Deployments[d.ID]
	p.mu.Unlock()
	if same != nil && (same.Artifact != d.Artifact || same.Config.Digest != d.Config.Digest) {
		return slipway.Errorf(slipway.Conflict, "another deployment of %s runs in %s under the number %s, as after a restore of an older database; promote again, which takes another number", d.Service, d.Environment, d.ID)
	}
	if d.Fence < newest {
		return slipway.Errorf(slipway.Conflict, "a newer promotion has already deployed %s to %s", d.Service, d.Environment)
	}
	if d.Fence == newest {
		return nil
	}
	return p.change(func(s *placeState) error { s.Fence = d.Fence; return nil })
}

// host is the name that the place has whatever happens; the edge counts by it.
func (p *place) host() string { return slipway.DefaultHost(p.service, p.environment, "") }

func (p *place) live() string { p.mu.Lock(); defer p.mu.Unlock(); return p.state.Live }

// hasWeb tells whether a deployment takes requests.
func hasWeb(d slipway.Deployment) bool {
	return slices.ContainsFunc(d.Manifest.Processes, func(p slipway.Process) bool { return p.Name == "web" })
}

// newInstances are the instances that a deployment asks for.
func (p *place) newInstances(d *deployment) []*instance {
	var all []*instance
	for _, process := range d.Manifest.Processes {
		for k := range max(process.Instances, 1) {
			id := fmt.Sprintf("%s.%d", process.Name, k+1)
			port := d.Ports[id]
			if port > 0 {
				p.node.claim(port)
			}
			all = append(all, newInstance(p, d, id, process, port))
		}
	}
	return all
}

// instances are the names of those that a deployment asks for.
func (d *deployment) instances() (ids []string) {
	for _, process := range d.Manifest.Processes {
		for k := range max(process.Instances, 1) {
			ids = append(ids, fmt.Sprintf("%s.%d", process.Name, k+1))
		}
	}
	return ids
}

// start starts those instances of a deployment that only says yes to and that
// don't run already. Their health is the caller's to wait for.
func (p *place) start(id string, only func(*instance) bool) []*instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.state.Deployments[id]
	if d == nil {
		return nil
	}
	var started []*instance
	for _, i := range p.newInstances(d) {
		there := slices.ContainsFunc(p.instances[id], func(o *instance) bool { return o.id == i.id })
		if there || !only(i) {
			continue
		}
		i.gated.Store(true)
		i.worn = d.Processes[i.id].PID != 0
		if err := i.move(); err != nil {
			p.node.o.Log.Warn("no port for an instance", "service", p.service, "environment", p.environment, "instance", i.id, "error", err)
		}
		started = append(started, i)
		go i.keep()
	}
	p.instances[id] = append(p.instances[id], started...)
	return started
}

// running returns a deployment's instances.
func (p *place) running(id string) []*instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.instances[id])
}

// patience is how long a change waits for what it has replaced to end. Most do so
// at once; the others go on ending behind the change.
const patience = 2 * time.Second

// retire ends a deployment that no request goes to any more and that nobody will
// give any: its workers are asked at once, the rest when what it was asked is
// answered. The state knows it as one to be collected, so that the next agent does
// it if this one doesn't get there.
func (p *place) retire(id string, log io.Writer) {
	said, done := p.retireBehind(id)
	if done == nil {
		return
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case notes := <-said:
		tell(log, notes)
		<-done
	case <-late.C:
		fmt.Fprintln(log, "what was replaced still ends, behind this: it answers what it was asked, or finishes what it has begun")
	}
}

// retireBehind is retire without waiting, for what has had no traffic for long. done is
// closed when it is gone, and nil where it retires already.
func (p *place) retireBehind(id string) (said <-chan []string, done <-chan struct{}) {
	notes, gone := make(chan []string, 1), make(chan struct{})
	p.mu.Lock()
	if p.retiring[id] != nil {
		p.mu.Unlock()
		return nil, nil
	}
	p.retiring[id] = gone
	p.mu.Unlock()
	go func() {
		defer close(gone)
		background := make(chan []string, 1)
		go func() { background <- p.stop(id, func(i *instance) bool { return !i.web }) }()
		p.drain(id)
		first := <-background
		more, err := p.discard(id)
		notes <- append(first, more...)
		p.mu.Lock()
		delete(p.retiring, id)
		closed := p.closed
		p.mu.Unlock()
		if err != nil && !closed {
			p.node.o.Log.Warn("a deployment that lost the traffic can't be removed", "service", p.service, "environment", p.environment, "deployment", id, "error", err)
		}
	}()
	return notes, gone
}

// retired waits until a deployment that retires is gone; "" waits for all.
func (p *place) retired(ctx context.Context, id string) error {
	p.mu.Lock()
	var all []chan struct{}
	for other, done := range p.retiring {
		if id == "" || id == other {
			all = append(all, done)
		}
	}
	p.mu.Unlock()
	for _, done := range all {
		select {
		case <-done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// discard ends a deployment and removes what it had on disk.
func (p *place) discard(id string) ([]string, error) {
	said := p.stop(id, nil)
	p.mu.Lock()
	d := p.state.Deployments[id]
	p.mu.Unlock()
	home := id
	if d != nil {
		home = d.home()
		err := p.change(func(s *placeState) error {
			delete(s.Deployments, id)
			if s.Warm == id {
				s.Warm = ""
			}
			if s.Next == id {
				s.Next, s.Share, s.Moved = "", 0, 0
			}
			return nil
		})
		if err != nil {
			return said, err
		}
		for _, port := range d.Ports {
			p.node.free(port)
		}
	}
	p.mu.Lock()
	delete(p.instances, id)
	p.mu.Unlock()
	if err := sandbox.Remove(p.dir(home)); err != nil {
		return said, slipway.Wrap(slipway.Unavailable, err, "the directory of deployment %s can't be removed", id)
	}
	return said, nil
}

func (p *place) dir(id string) string {
	return filepath.Join(p.node.dir, "deployments", p.service, p.environment, filepath.Base(id))
}

// endStrays ends what an earlier agent has left of deployments, and this one has
// not come round to.
func (p *place) endStrays(ctx context.Context) {
	p.mu.Lock()
	var strays []*instance
	for _, d := range p.state.Deployments {
		for _, i := range p.newInstances(d) {
			i.known = d.Processes[i.id]
			strays = append(strays, i)
		}
	}
	p.mu.Unlock()
	var all sync.WaitGroup
	for _, i := range strays {
		all.Go(func() { i.end(ctx) })
	}
	all.Wait()
}

// release lets the instances go on without an agent.
func (p *place) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, instances := range p.instances {
		for _, i := range instances {
			i.letGo()
		}
	}
}

// stopAll ends every instance; the state still says what ought to run. A release
// command goes on: half a migration helps nobody, and the next agent finds it.
func (p *place) stopAll(ctx context.Context) {
	done, err := p.take(ctx)
	if err == nil {
		defer done()
	}
	p.mu.Lock()
	ids := make([]string, 0, len(p.instances))
	for id := range p.instances {
		ids = append(ids, id)
	}
	p.mu.Unlock()
	var all sync.WaitGroup
	for _, id := range ids { // side by side: what serves and what is kept warm have the same grace
		all.Go(func() { p.stop(id, nil) })
	}
	all.Wait()
	_ = p.retired(ctx, "")
	p.endStrays(ctx)
	// What was stopped on purpose has not crashed when the next agent looks.
	err = p.change(func(s *placeState) error {
		for _, d := range s.Deployments {
			clear(d.Processes)
		}
		return nil
	})
	if err != nil {
		p.node.o.Log.Warn("the state of a stopped service can't be written", "service", p.service, "environment", p.environment, "error", err)
	}
}
