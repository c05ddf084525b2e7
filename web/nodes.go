package web

import (
	"net/http"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
)

// nodesView is the machines that run services.
type nodesView struct {
	Nodes   []slipway.NodeStatus
	Problem string // why nothing can be said
	Strays  []strayView
	Blind   string // why it can't be said what runs without being on record
}

// strayView is what runs without being on record.
type strayView struct {
	slipway.Unrecorded
	May verdict // say what becomes of it
}

// instead is what the record says runs there.
func (u strayView) instead() string {
	if u.Recorded == 0 {
		return "the record has nothing there"
	}
	return "the record says that release " + number(u.Recorded) + " runs there"
}

// strays are those that the viewer may see.
func (p *portal) strays(c *call) ([]strayView, error) {
	all, err := p.Unrecorded(c.ctx)
	if err != nil {
		return nil, err
	}
	var out []strayView
	for _, u := range all {
		may := c.may(slipway.PermitPlatform, 0, "")
		if u.Registered {
			s, err := p.Service(c.ctx, u.Service)
			if err != nil {
				return nil, err
			}
			if may = c.may(slipway.PermitRollback, s.TeamID, u.Environment); may.May {
				err := p.MaySettle(c.ctx, u.Service, u.Environment)
				switch slipway.CodeOf(err) {
				case "", slipway.Unproved: // which is asked for when it is done
				case slipway.Denied, slipway.FactorMissing:
					may = verdict{Why: sentence(err)}
				default:
					return nil, err
				}
			}
		}
		out = append(out, strayView{u, may})
	}
	return out, nil
}

func (p *portal) showNodes(c *call) error { return p.nodesPage(c, http.StatusOK, "") }

// changeUnrecorded adopts or ends what runs without being on record.
func (p *portal) changeUnrecorded(c *call) error {
	in := platform.UnrecordedInput{Service: c.r.PathValue("service"), Environment: c.form("environment"), Deployment: c.form("deployment"), Reason: c.form("reason")}
	said := "What ran of " + in.Service + " in " + in.Environment + " has ended."
	var err error
	if c.form("do") == "adopt" {
		_, err = p.Adopt(c.ctx, in)
		said = "What runs of " + in.Service + " in " + in.Environment + " is on record."
	} else {
		in.WithoutGoingBack = c.form("without") != ""
		err = p.EndUnrecorded(c.ctx, in)
	}
	if err != nil {
		return formRefused(err, func(status int, problem string) error { return p.nodesPage(c, status, problem) })
	}
	return c.to("/nodes", said)
}

func (p *portal) nodesPage(c *call, status int, refused string) error {
	var v nodesView
	var err error
	if v.Nodes, err = p.NodeList(c.ctx); err != nil {
		if slipway.CodeOf(err) != slipway.Unavailable {
			return err
		}
		v.Problem = sentence(err)
	} else if v.Strays, err = p.strays(c); err != nil {
		// An agent of an earlier version tells how it is, and not all that it runs.
		if slipway.CodeOf(err) != slipway.Unavailable {
			return err
		}
		v.Blind = sentence(err)
	}
	if c.fragment() == "nodes" {
		return c.show(http.StatusOK, nodesPart(v))
	}
	return c.show(status, nodesPage(c.frame("Nodes", "environments"), v, refused))
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
