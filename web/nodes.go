package web

import (
	"net/http"
	"strconv"

	"github.com/slipway-dev/slipway"
)

// nodesView is the machines that run services.
type nodesView struct {
	Nodes   []slipway.NodeStatus
	Problem string // why nothing can be said
}

func (p *portal) showNodes(c *call) error {
	var v nodesView
	var err error
	if v.Nodes, err = p.NodeList(c.ctx); err != nil {
		if code := slipway.CodeOf(err); code != slipway.Unavailable {
			return err
		}
		v.Problem = sentence(err)
	}
	if c.fragment() == "nodes" {
		return c.show(http.StatusOK, nodesPart(v))
	}
	return c.show(http.StatusOK, nodesPage(c.frame("Nodes", "environments"), v))
}

// nodeState says how a node is, the worst first.
func nodeState(n slipway.NodeStatus) state {
	switch {
	case n.DiskFree < 1<<30:
		return toned("bad", "Disk almost full")
	case n.Memory > 0 && n.MemoryFree < n.Memory/20:
		return toned("bad", "Memory almost used up")
	case n.Unhealthy > 0:
		return toned("wait", plural(n.Unhealthy, "instance")+" not healthy")
	case n.Load > 2*float64(n.CPUs):
		return toned("wait", "Busy")
	}
	return toned("ok", "Healthy")
}

func gibibytes(bytes int64) string {
	return strconv.FormatFloat(float64(bytes)/(1<<30), 'f', 1, 64) + " GiB"
}
