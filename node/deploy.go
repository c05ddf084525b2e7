package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway"
)

// Deploy starts d beside what runs and moves the traffic when it is healthy.
func (n *Node) Deploy(ctx context.Context, d slipway.Deployment, log io.Writer) error {
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
	if err := p.abandon(d.ID, log); err != nil { // what took over little by little, and was given up
		return err
	}
	if err := p.retired(ctx, d.ID); err != nil { // this one's earlier try
		return err
	}
	if err := p.collect(""); err != nil { // what an interrupted try left, this one's or another's
		return err
	}
	p.mu.Lock()
	live, failed, next := p.state.Live, p.state.Failed[d.ID], p.state.Next
	warm, takesOver := p.match(d), p.takesOver(d)
	p.mu.Unlock()
	if live == "" {
		n.reroute() // the edge knows the service from now on
	}
	switch {
	case live == d.ID:
		n.reroute() // a retry after a crash between the switch and the answer
		return nil
	case failed != "":
		return slipway.Errorf(slipway.Refused, "%s", failed)
	case takesOver && d.Weight > 0 && d.Weight < 100:
		return p.share(ctx, d, log)
	case takesOver && d.Strategy == slipway.Rolling:
		return p.roll(ctx, d, log)
	case next == d.ID:
		return p.complete(ctx, d, log)
	case warm != "" && d.Strategy != slipway.Recreate:
		return p.wake(ctx, warm, d, log)
	}
	return p.fresh(ctx, d, log)
}

// fresh starts a deployment and gives it the traffic. One that doesn't get there
// is taken away again.
func (p *place) fresh(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	p.warnUnkept(d, log)
	warnShown(d, log)
	m := move{live: d.ID, keep: true, recreate: d.Strategy == slipway.Recreate}
	err := p.bringUp(ctx, d)
	if err == nil {
		err = p.gate(ctx, p.start(d.ID, func(i *instance) bool { return i.web && !m.alone(i) }), log)
	}
	if err == nil { // a worker of a release that can't serve takes no jobs
		err = p.gate(ctx, p.start(d.ID, func(i *instance) bool { return !m.alone(i) }), log)
	}
	if err == nil {
		err = p.handOver(ctx, d.ID, m, log)
	}
	return p.settle(ctx, d.ID, err, log)
}

// settle takes a deployment away that did not get the traffic, and says why.
func (p *place) settle(ctx context.Context, id string, err error, log io.Writer) error {
	if err == nil {
		return nil
	}
	if p.live() == id {
		return err // it has the traffic: only what it replaced is not in order
	}
	back := p.abandon("", log) // part of the traffic, that is
	p.retire(id, log)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if slipway.CodeOf(err) == slipway.Refused {
		// Remembered, so that a retry after a crash gives the same answer.
		_ = p.change(func(s *placeState) error { s.Failed = map[string]string{id: err.Error()}; return nil })
		return err
	}
	return errors.Join(err, back)
}

// check refuses what could not be run.
func check(d slipway.Deployment) error {
	if err := checkPlace(d.Service, d.Environment); err != nil {
		return err
	}
	if !filepath.IsLocal(d.ID) || strings.ContainsAny(d.ID, "/.") || !d.Manifest.Dir.Local() || !d.Manifest.Package.Local() {
		return slipway.Errorf(slipway.Invalid, "the deployment's id %q or directory %q is not one", d.ID, d.Manifest.Dir)
	}
	for _, at := range d.Manifest.Data {
		if at.Path == "" || at.Path == "." || !at.Path.Local() {
			return slipway.Errorf(slipway.Invalid, "%q is no data of %s: it is not inside the source", at.Path, d.Service)
		}
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
	if w == nil || p.state.Cold || w.Artifact != d.Artifact || w.Config.Digest != d.Config.Digest {
		return ""
	}
	return p.state.Warm
}

// bringUp gives a deployment its ports and its files.
func (p *place) bringUp(ctx context.Context, d slipway.Deployment) error {
	next := &deployment{Deployment: d, Ports: map[string]int{}, Processes: map[string]running{}, Host: p.names()[0]}
	for _, process := range d.Manifest.Processes {
		if process.Name != "web" {
			continue
		}
		for k := range max(process.Instances, 1) {
			port, err := p.node.port()
			if err != nil {
				p.freeAll(next)
				return err
			}
			next.Ports[fmt.Sprintf("web.%d", k+1)] = port
		}
	}
	if err := p.change(func(s *placeState) error { s.Deployments[d.ID] = next; return nil }); err != nil {
		p.freeAll(next)
		return err
	}
	return p.materialise(ctx, next)
}

func (p *place) freeAll(d *deployment) {
	for _, port := range d.Ports {
		p.node.free(port)
	}
}

// gate waits until instances that were just started are healthy, and shows what
// they printed last when one isn't.
func (p *place) gate(ctx context.Context, instances []*instance, log io.Writer) error {
	if len(instances) == 0 {
		return nil
	}
	fmt.Fprintf(log, "starting %s\n", names(instances))
	err := awaitAll(ctx, instances)
	if err != nil {
		p.lastLines(context.WithoutCancel(ctx), instances, log)
		return err
	}
	fmt.Fprintf(log, "healthy: %s\n", names(instances))
	return nil
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

// names lists instances for a log line.
func names(instances []*instance) string {
	var b bytes.Buffer
	for k, i := range instances {
		if k > 0 {
			b.WriteString(", ")
		}
		b.WriteString(i.id)
		if i.web {
			fmt.Fprintf(&b, " on port %d", i.port())
		}
	}
	return b.String()
}
