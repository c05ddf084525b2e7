package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

// drainLimit is how long a deployment that lost the traffic may take to end the
// requests that it has, before it is stopped.
const drainLimit = 30 * time.Second

// Deploy starts d beside what runs and moves the traffic when it is healthy.
func (n *Node) Deploy(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	if err := check(d); err != nil {
		return err
	}
	p := n.at(d.Service, d.Environment)
	done, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := p.fence(d); err != nil {
		return err
	}
	p.mu.Lock()
	live, failed := p.state.Live, p.state.Failed[d.ID]
	warm := p.match(d)
	p.mu.Unlock()
	switch {
	case live == d.ID:
		return n.reroute() // a retry after a crash between the switch and the answer
	case failed != "":
		return slipway.Errorf(slipway.Refused, "%s", failed)
	case warm != "":
		return p.wake(ctx, warm, d, log)
	}
	if err := p.bringUp(ctx, d, log); err != nil {
		return err
	}
	return p.switchTo(d.ID, log)
}

// check refuses what could not be run.
func check(d slipway.Deployment) error {
	if err := checkPlace(d.Service, d.Environment); err != nil {
		return err
	}
	if !filepath.IsLocal(d.ID) || strings.ContainsAny(d.ID, "/.") || !filepath.IsLocal(filepath.Join("x", d.Manifest.Dir)) {
		return slipway.Errorf(slipway.Invalid, "the deployment's id %q or directory %q is not one", d.ID, d.Manifest.Dir)
	}
	if d.ID == "" || d.Artifact == "" || len(d.Manifest.Processes) == 0 {
		return slipway.Errorf(slipway.Invalid, "the deployment of %s is incomplete: it has no id, artifact or processes", d.Service)
	}
	return nil
}

// checkPlace refuses what is no name before it becomes part of a path.
func checkPlace(service, environment string) error {
	if err := slipway.CheckName("service", service); err != nil {
		return err
	}
	return slipway.CheckName("environment", environment)
}

// match finds the warm deployment when it is the same release with the same
// config.
func (p *place) match(d slipway.Deployment) string {
	w := p.state.Deployments[p.state.Warm]
	if w == nil || w.Artifact != d.Artifact || w.Config.Digest != d.Config.Digest {
		return ""
	}
	return p.state.Warm
}

// bringUp starts the instances of a deployment and waits until all are healthy.
// One that doesn't get there is taken away again.
func (p *place) bringUp(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	if err := p.discard(d.ID); err != nil { // what an interrupted try left
		return err
	}
	next := &deployment{Deployment: d, Ports: map[string]int{}, Processes: map[string]running{}}
	for _, process := range d.Manifest.Processes {
		if process.Name != "web" {
			continue
		}
		for k := range max(process.Instances, 1) {
			port, err := p.node.port()
			if err != nil {
				return err
			}
			next.Ports[fmt.Sprintf("web.%d", k+1)] = port
		}
	}
	if err := p.change(func(s *placeState) { s.Deployments[d.ID] = next }); err != nil {
		return err
	}
	if err := p.materialise(ctx, next); err != nil {
		return errors.Join(err, p.discard(d.ID))
	}
	instances := p.newInstances(next)
	p.mu.Lock()
	p.instances[d.ID] = instances
	p.mu.Unlock()
	fmt.Fprintf(log, "starting %s\n", names(instances))
	for _, i := range instances {
		go i.keep()
	}
	err := awaitAll(ctx, instances)
	if err == nil {
		fmt.Fprintln(log, "all instances are healthy")
		return nil
	}
	p.lastLines(ctx, instances, log)
	discarded := p.discard(d.ID)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if slipway.CodeOf(err) == slipway.Refused {
		// Remembered, so that a retry after a crash gives the same answer.
		_ = p.change(func(s *placeState) { s.Failed = map[string]string{d.ID: err.Error()} })
		return err
	}
	return errors.Join(err, discarded)
}

func awaitAll(ctx context.Context, instances []*instance) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, len(instances))
	for _, i := range instances {
		go func() { results <- i.await(ctx) }()
	}
	var first error
	for range instances {
		if err := <-results; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// switchTo gives a deployment the traffic. What had it becomes the warm one:
// its web instances go on without requests, its other processes stop, so that
// no scheduler runs twice. What was warm before is stopped.
func (p *place) switchTo(id string, log io.Writer) error {
	p.mu.Lock()
	old, older := p.state.Live, p.state.Warm
	p.mu.Unlock()
	err := p.change(func(s *placeState) {
		s.Live = id
		s.Warm = old
	})
	if err != nil {
		return err
	}
	if err := p.node.reroute(); err != nil {
		// Nothing was moved: say so in the state as well.
		return errors.Join(err, p.change(func(s *placeState) { s.Live, s.Warm = old, older }))
	}
	fmt.Fprintln(log, "the traffic is on the new release")
	if old != "" {
		p.stop(old, func(i *instance) bool { return i.port == 0 })
	}
	if older != "" && older != id {
		p.drain(older)
		if err := p.discard(older); err != nil {
			return err
		}
	}
	p.pruneLogs()
	return nil
}

// drain waits until a deployment without traffic has answered what it was asked.
func (p *place) drain(id string) {
	deadline := time.NewTimer(drainLimit)
	defer deadline.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		busy := 0
		for _, i := range p.running(id) {
			if i.port > 0 {
				busy += established(i.port)
			}
		}
		if busy == 0 {
			return
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			return
		}
	}
}

// wake gives the traffic to the warm deployment, which from now on is known as
// d. Its processes without a port were stopped and start again.
func (p *place) wake(ctx context.Context, warm string, d slipway.Deployment, log io.Writer) error {
	p.mu.Lock()
	w := p.state.Deployments[warm]
	p.mu.Unlock()
	for _, i := range p.running(warm) {
		if answer := p.probe(ctx, w, i.port); !answer.ok {
			fmt.Fprintf(log, "the warm release is no longer healthy (%s): starting it afresh\n", i.id)
			if err := p.bringUp(ctx, d, log); err != nil {
				return err
			}
			return p.switchTo(d.ID, log)
		}
	}
	var workers []*instance
	for _, i := range p.newInstances(w) {
		if i.port == 0 {
			workers = append(workers, i)
		}
	}
	for _, i := range workers {
		go i.keep()
	}
	p.mu.Lock()
	p.instances[warm] = append(p.instances[warm], workers...)
	p.mu.Unlock()
	if err := awaitAll(ctx, workers); err != nil {
		p.lastLines(ctx, workers, log)
		p.stop(warm, func(i *instance) bool { return i.port == 0 })
		return err
	}
	if err := p.rename(warm, d); err != nil {
		return err
	}
	fmt.Fprintln(log, "the release is still warm")
	return p.switchTo(d.ID, log)
}

// rename makes a deployment known by another id. Its directory, its logs and the
// marks of its processes keep the old one.
func (p *place) rename(old string, d slipway.Deployment) error {
	err := p.change(func(s *placeState) {
		w := s.Deployments[old]
		next := &deployment{Deployment: d, Ports: w.Ports, Processes: w.Processes, Home: w.home()}
		delete(s.Deployments, old)
		s.Deployments[d.ID] = next
		s.Warm = ""
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instances[d.ID] = p.instances[old]
	delete(p.instances, old)
	for _, i := range p.instances[d.ID] {
		i.owner.Store(p.state.Deployments[d.ID])
	}
	return err
}

// Revert gives the traffic back to what had it before d, and stops d.
func (n *Node) Revert(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	if err := check(d); err != nil {
		return err
	}
	p := n.at(d.Service, d.Environment)
	done, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := p.fence(d); err != nil {
		return err
	}
	p.mu.Lock()
	live, warm := p.state.Live, p.state.Warm
	p.mu.Unlock()
	if live != d.ID {
		return n.reroute() // a retry: the edge must know it too
	}
	if warm != "" {
		if err := p.wakeWorkers(ctx, warm, log); err != nil {
			fmt.Fprintf(log, "%v\n", err)
		}
	}
	if err := p.change(func(s *placeState) { s.Live, s.Warm = warm, "" }); err != nil {
		return err
	}
	if err := n.reroute(); err != nil {
		return err
	}
	if warm != "" {
		fmt.Fprintln(log, "the old release has the traffic again")
	} else {
		fmt.Fprintln(log, "there was no release before: the route is closed")
	}
	p.drain(d.ID)
	return p.discard(d.ID)
}

// wakeWorkers starts the processes of a warm deployment that have no port.
func (p *place) wakeWorkers(ctx context.Context, id string, log io.Writer) error {
	p.mu.Lock()
	w := p.state.Deployments[id]
	var workers []*instance
	for _, i := range p.newInstances(w) {
		if i.port == 0 {
			workers = append(workers, i)
			go i.keep()
		}
	}
	p.instances[id] = append(p.instances[id], workers...)
	p.mu.Unlock()
	return awaitAll(ctx, workers)
}

// Observe reports what runs.
func (n *Node) Observe(_ context.Context, service, environment string) (slipway.Observed, error) {
	if err := checkPlace(service, environment); err != nil {
		return slipway.Observed{}, err
	}
	p := n.at(service, environment)
	p.mu.Lock()
	defer p.mu.Unlock()
	o := slipway.Observed{Instances: []slipway.Instance{}, Edge: "http://" + n.o.Edge}
	if w := p.state.Deployments[p.state.Warm]; w != nil {
		o.Warm = []slipway.Warm{{Deployment: w.ID, Release: w.Release}}
	}
	d := p.state.Deployments[p.state.Live]
	if d == nil {
		return o, nil
	}
	o.Deployment, o.Release, o.Artifact, o.Config = d.ID, d.Release, d.Artifact, d.Config.Digest
	if hasWeb(d.Deployment) {
		_, port, _ := net.SplitHostPort(n.o.Edge)
		o.Host, o.URL = p.host(), "http://"+net.JoinHostPort(p.host(), port)
	}
	for _, i := range p.instances[d.ID] {
		o.Instances = append(o.Instances, i.report())
	}
	sort.Slice(o.Instances, func(a, b int) bool { return o.Instances[a].ID < o.Instances[b].ID })
	return o, nil
}

// Remove stops a service in an environment and forgets it, its data included.
func (n *Node) Remove(ctx context.Context, service, environment string) error {
	if err := checkPlace(service, environment); err != nil {
		return err
	}
	p := n.at(service, environment)
	done, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := p.change(func(s *placeState) { s.Live, s.Warm = "", "" }); err != nil {
		return err
	}
	if err := n.reroute(); err != nil {
		return err
	}
	p.mu.Lock()
	ids := make([]string, 0, len(p.state.Deployments))
	for id := range p.state.Deployments {
		ids = append(ids, id)
	}
	p.mu.Unlock()
	for _, id := range ids {
		if err := p.discard(id); err != nil {
			return err
		}
	}
	return n.forget(p)
}

// names lists instances for a log line.
func names(instances []*instance) string {
	var b bytes.Buffer
	for k, i := range instances {
		if k > 0 {
			b.WriteString(", ")
		}
		b.WriteString(i.id)
		if i.port > 0 {
			fmt.Fprintf(&b, " on port %d", i.port)
		}
	}
	return b.String()
}
