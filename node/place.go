package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway"
)

// placeState is what is known of a service in an environment, as it is written
// to disk before anything depends on it.
type placeState struct {
	Service     string                 `json:"service"`
	Environment string                 `json:"environment"`
	Fence       int64                  `json:"fence"` // the newest deployment asked for
	Live        string                 `json:"live"`  // has the traffic
	Warm        string                 `json:"warm"`  // had it before
	Deployments map[string]*deployment `json:"deployments"`
	Released    map[string]outcome     `json:"released"` // release commands by deployment
	Failed      map[string]string      `json:"failed"`   // deployments that were taken away, and why
}

// outcome of a release command.
type outcome struct {
	Ended  bool   `json:"ended"`
	Reason string `json:"reason"` // "" when it went well
}

// deployment is one that has instances.
type deployment struct {
	slipway.Deployment
	Ports     map[string]int     `json:"ports"` // by instance
	Processes map[string]running `json:"processes"`
	Home      string             `json:"home,omitempty"` // the id that it was started under, when it has another now
}

// home is the id by which directory, logs and processes are known.
func (d *deployment) home() string {
	if d.Home != "" {
		return d.Home
	}
	return d.ID
}

// running is a process as it can be recognised later: a pid alone is used again
// by the kernel, a pid with its start time is not.
type running struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after boot
}

// place is a service in an environment.
type place struct {
	node *Node
	turn chan struct{} // held by the one change under way

	mu        sync.Mutex
	state     placeState
	instances map[string][]*instance // by deployment
}

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
	return &place{node: n, state: state, turn: make(chan struct{}, 1), instances: map[string][]*instance{}}
}

// take waits for the place's turn: one change at a time.
func (p *place) take(ctx context.Context) (func(), error) {
	select {
	case p.turn <- struct{}{}:
		return func() { <-p.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// change edits the state and writes it down. The caller may rely on it only
// when no error is returned.
func (p *place) change(edit func(s *placeState)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	edit(&p.state)
	name := p.state.Service + "." + p.state.Environment + ".json"
	if err := writeJSON(filepath.Join(p.node.dir, "state", name), p.state); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the node's state can't be written: is the disk full?")
	}
	return nil
}

// fence refuses a deployment that is older than one already seen, and remembers
// the newest.
func (p *place) fence(d slipway.Deployment) error {
	p.mu.Lock()
	newest := p.state.Fence
	p.mu.Unlock()
	if d.Fence < newest {
		return slipway.Errorf(slipway.Conflict, "a newer promotion has already deployed %s to %s", d.Service, d.Environment)
	}
	if d.Fence == newest {
		return nil
	}
	return p.change(func(s *placeState) { s.Fence = d.Fence })
}

func (p *place) host() string {
	return p.state.Service + "." + p.state.Environment + ".localhost"
}

func (p *place) live() string { p.mu.Lock(); defer p.mu.Unlock(); return p.state.Live }

// route is where requests for this place go.
func (p *place) route() (route, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.state.Deployments[p.state.Live]
	if d == nil || !hasWeb(d.Deployment) {
		return route{}, false
	}
	r := route{host: p.host(), deployment: p.state.Live}
	for id, port := range d.Ports {
		if strings.HasPrefix(id, "web.") {
			r.upstreams = append(r.upstreams, fmt.Sprintf("127.0.0.1:%d", port))
		}
	}
	slices.Sort(r.upstreams)
	return r, true
}

// hasWeb tells whether a deployment takes requests.
func hasWeb(d slipway.Deployment) bool {
	return slices.ContainsFunc(d.Manifest.Processes, func(p slipway.Process) bool { return p.Name == "web" })
}

// adopt takes over the instances of the last agent, and starts those that ought
// to run and don't.
func (p *place) adopt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, d := range p.state.Deployments {
		for _, i := range p.newInstances(d) {
			if id != p.state.Live && (id != p.state.Warm || i.process.Name != "web") {
				// A deploy that the crash interrupted: its retry begins afresh.
				if known, ok := d.Processes[i.id]; ok {
					i.known = known
					i.end()
				}
				continue
			}
			i.known = d.Processes[i.id]
			p.instances[id] = append(p.instances[id], i)
			go i.keep()
		}
	}
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

// running returns a deployment's instances.
func (p *place) running(id string) []*instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.instances[id])
}

// stop ends the instances of a deployment that keep says yes to not at all.
func (p *place) stop(id string, only func(*instance) bool) {
	p.mu.Lock()
	var ending, staying []*instance
	for _, i := range p.instances[id] {
		if only == nil || only(i) {
			ending = append(ending, i)
		} else {
			staying = append(staying, i)
		}
	}
	p.instances[id] = staying
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, i := range ending {
		wg.Go(i.stop)
	}
	wg.Wait()
}

// discard ends a deployment and removes what it had on disk.
func (p *place) discard(id string) error {
	p.stop(id, nil)
	p.mu.Lock()
	delete(p.instances, id)
	d := p.state.Deployments[id]
	p.mu.Unlock()
	err := p.change(func(s *placeState) {
		delete(s.Deployments, id)
		if s.Warm == id {
			s.Warm = ""
		}
	})
	home := id
	if d != nil {
		home = d.home()
		for _, port := range d.Ports {
			p.node.free(port)
		}
	}
	if removed := os.RemoveAll(p.dir(home)); err == nil && removed != nil {
		err = slipway.Wrap(slipway.Unavailable, removed, "the directory of deployment %s can't be removed", id)
	}
	return err
}

func (p *place) dir(id string) string {
	return filepath.Join(p.node.dir, "deployments", p.state.Service, p.state.Environment, filepath.Base(id))
}

// release lets the instances go on without an agent.
func (p *place) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, instances := range p.instances {
		for _, i := range instances {
			i.letGo()
		}
	}
}

// stopAll ends every instance; the state still says what ought to run.
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
	for _, id := range ids {
		p.stop(id, nil)
	}
}
