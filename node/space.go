package node

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/sandbox"
)

// spaceEvery is how often what services keep on disk is measured.
const spaceEvery = 30 * time.Second

// checkEvery is how often what runs is compared with what was built.
const checkEvery = 5 * time.Minute

// watchSpace measures, again and again, what services keep on disk. A service over
// its bound is told of where people look: in its condition, which becomes an event,
// in its own log and in the agent's. It is not ended, for what it keeps may be all
// that somebody has.
// What was built is compared with what is there now and then, too.
func (n *Node) watchSpace() {
	every := n.o.SpaceEvery
	if every <= 0 {
		every = spaceEvery
	}
	check := n.o.CheckEvery
	if check <= 0 {
		check = checkEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-tick.C:
		}
		n.mu.Lock()
		places := n.list()
		n.mu.Unlock()
		for _, p := range places {
			p.measure(n.ctx, n.o.MaxSpace)
			if time.Since(p.checked) >= check {
				p.checked = time.Now()
				p.check(n.ctx)
			}
		}
	}
}

// measure looks at one place: its data, and of each deployment what its processes
// may write.
func (p *place) measure(ctx context.Context, bound int64) {
	data, own := sandbox.Measure(ctx, p.dataDir()), sandbox.Measure(ctx, p.dir("."))
	if ctx.Err() != nil {
		return
	}
	used, hidden := data.Bytes+own.Bytes, cmp.Or(data.Hidden, own.Hidden)
	said := ""
	if hidden != "" && hidden == p.hidden { // for longer than a moment
		said = fmt.Sprintf("what it keeps on disk can't be measured: %.200s can't be looked into; leave its owner the right to read and enter it, and nest directories less deep", hidden)
	}
	p.hidden = hidden
	if bound > 0 && used > bound {
		const mib = 1 << 20
		said = fmt.Sprintf("its data and temporary directories hold %d MiB, more than the bound of %d MiB; remove what it doesn't need, or raise the bound with SLIPWAY_MAX_SPACE", used/mib, bound/mib)
	}
	p.mu.Lock()
	before := p.over
	p.over = said
	running := p.instances[p.state.Live]
	p.mu.Unlock()
	if said == "" || before != "" {
		return
	}
	p.node.o.Log.Warn("a service is over its bound on disk", "service", p.service, "environment", p.environment, "bytes", used, "bound", bound)
	for _, i := range running {
		i.say(said)
	}
}
