package node

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/edge"
)

// reroute brings the edge up to date; when it returns, new requests go where the
// state says.
func (n *Node) reroute() {
	n.routing.Lock() // a change that is read first must not be set last
	defer n.routing.Unlock()
	n.mu.Lock()
	places := n.list()
	n.mu.Unlock()
	var routes []edge.Route
	there := map[string]bool{}
	for _, p := range places {
		if r, ok := p.route(); ok {
			routes = append(routes, r)
			there[r.Host] = true
		}
	}
	for _, o := range n.names.Load().told.Own { // whose requests have nowhere to go yet
		if host := slipway.DefaultHost(o.Service, o.Environment, ""); !there[host] {
			routes = append(routes, edge.Route{Host: host, Service: o.Service, Environment: o.Environment, Silent: true, Names: append(n.names.Load().own[o.Service+"."+o.Environment], host)})
		}
	}
	n.edge.Set(routes)
}

// route is where requests for this place go. One that is known and has nothing
// to answer them says so.
func (p *place) route() (edge.Route, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.state.Deployments[p.state.Live]
	if d == nil {
		return p.routeOf(edge.Route{Closed: fmt.Sprintf("%s has no release running in %s. See what happened with: slipway status\n", p.service, p.environment)}), p.state.Fence > 0
	}
	if !hasWeb(d.Deployment) {
		return p.routeOf(edge.Route{Silent: true}), true
	}
	return p.routeOf(edge.Route{Held: p.held, Bounds: d.bounds(), Branches: p.state.branches(d), Collections: p.collections()}), true
}

// routeOf is a route of this place's.
func (p *place) routeOf(r edge.Route) edge.Route {
	r.Host, r.Names, r.Service, r.Environment, r.Log = p.host(), p.names(), p.service, p.environment, p.edgeLog()
	return r
}

// edgeLog is where it is told what the edge answers by itself.
func (p *place) edgeLog() string { return filepath.Join(p.logDir(), "edge.log") }

// collections are those of a place, of what has the traffic first. A page that came
// from the release before, or comes from a canary, asks for files by names that
// perhaps only that one has.
func (p *place) collections() []edge.Collection {
	var all []edge.Collection
	for _, id := range []string{p.state.Live, p.state.Next, p.state.Warm} {
		d := p.state.Deployments[id]
		if d == nil || d.Manifest.Static == nil {
			continue
		}
		s := *d.Manifest.Static
		if len(s.Path) < 3 || !strings.HasPrefix(s.Path, "/") || !strings.HasSuffix(s.Path, "/") || !s.Dir.Local() {
			continue
		}
		all = append(all, edge.Collection{Deployment: d.ID, Home: d.home(), Path: s.Path, Dir: s.Dir.In(filepath.Join(p.artifactDir(d.Deployment), "source"))})
	}
	return all
}

// bounds are what a deployment states.
func (d *deployment) bounds() edge.Bounds {
	l := d.Manifest.LimitsIn(d.Environment)
	stated := func(key string, unit int64) int64 {
		switch n, stated := l.Limit(key); {
		case !stated:
			return 0
		case n == 0:
			return -1
		default:
			return int64(n) * unit
		}
	}
	seconds := func(key string) time.Duration { return time.Duration(stated(key, int64(time.Second))) }
	return edge.Bounds{
		Pace:       edge.Pace{Idle: seconds("body_idle_seconds"), Grace: seconds("body_grace_seconds"), Rate: stated("body_bytes_per_second", 1)},
		AnswerIdle: seconds("answer_idle_seconds"), Header: int(stated("header_kilobytes", 1<<10)), Body: stated("body_megabytes", 1<<20),
		Memory: stated("memory_megabytes", 1<<20), Disk: stated("disk_megabytes", 1<<20), Waiting: stated("waiting_requests", 1), Hold: seconds("waiting_seconds"),
	}
}

// limit is how long the deployment may take to begin an answer; 0 for as long as it takes.
func (d *deployment) limit() time.Duration {
	n, _ := d.Manifest.LimitsIn(d.Environment).Limit("answer_seconds")
	return time.Duration(n) * time.Second
}
