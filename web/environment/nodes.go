package environment

import (
	"net/http"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
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
	May parts.Verdict // say what becomes of it
}

// instead is what the record says runs there.
func (u strayView) instead() string {
	if u.Recorded == 0 {
		return "the record has nothing there"
	}
	return "the record says that release " + words.Number(u.Recorded) + " runs there"
}

// strays are those that the viewer may see.
func (p *pages) strays(c *shell.Call) ([]strayView, error) {
	all, err := p.Unrecorded(c.Ctx)
	if err != nil {
		return nil, err
	}
	var out []strayView
	for _, u := range all {
		may := c.May(slipway.PermitPlatform, 0, "")
		if u.Registered {
			s, err := p.Service(c.Ctx, u.Service)
			if err != nil {
				return nil, err
			}
			if may = c.May(slipway.PermitRollback, s.TeamID, u.Environment); may.May {
				err := p.MaySettle(c.Ctx, u.Service, u.Environment)
				switch slipway.CodeOf(err) {
				case "", slipway.Unproved: // which is asked for when it is done
				case slipway.Denied, slipway.FactorMissing:
					may = parts.Verdict{Why: shell.Sentence(err)}
				default:
					return nil, err
				}
			}
		}
		out = append(out, strayView{u, may})
	}
	return out, nil
}

// changeUnrecorded adopts or ends what runs without being on record.
func (p *pages) changeUnrecorded(c *shell.Call) error {
	in := platform.UnrecordedInput{Service: c.R.PathValue("service"), Environment: c.Form("environment"), Deployment: c.Form("deployment"), Reason: c.Form("reason")}
	said := "What ran of " + in.Service + " in " + in.Environment + " has ended."
	var err error
	if c.Form("do") == "adopt" {
		_, err = p.Adopt(c.Ctx, in)
		said = "What runs of " + in.Service + " in " + in.Environment + " is on record."
	} else {
		in.WithoutGoingBack = c.Form("without") != ""
		err = p.EndUnrecorded(c.Ctx, in)
	}
	if err != nil {
		return err
	}
	return c.To("/nodes", said)
}

func (p *pages) showNodes(c *shell.Call) error {
	var v nodesView
	var err error
	if v.Nodes, err = p.NodeList(c.Ctx); err != nil {
		if slipway.CodeOf(err) != slipway.Unavailable {
			return err
		}
		v.Problem = shell.Sentence(err)
	} else if v.Strays, err = p.strays(c); err != nil {
		// An agent of an earlier version tells how it is, and not all that it runs.
		if slipway.CodeOf(err) != slipway.Unavailable {
			return err
		}
		v.Blind = shell.Sentence(err)
	}
	if c.Fragment() == "nodes" {
		return c.Show(http.StatusOK, nodesPart(v))
	}
	return c.Show(http.StatusOK, nodesPage(c.Frame("Nodes", "environments"), v))
}

// nodeState says how a node is, the worst first.
func nodeState(n slipway.NodeStatus) words.State {
	switch {
	case n.DiskFree < 1<<30:
		return words.Toned("bad", "Disk almost full")
	case n.Memory > 0 && n.MemoryFree < n.Memory/20:
		return words.Toned("bad", "Memory almost used up")
	case n.Unhealthy > 0:
		return words.Toned("wait", words.Plural(n.Unhealthy, "instance")+" not healthy")
	case n.Load > 2*float64(n.CPUs):
		return words.Toned("wait", "Busy")
	}
	return words.Toned("ok", "Healthy")
}

func gibibytes(bytes int64) string {
	return strconv.FormatFloat(float64(bytes)/(1<<30), 'f', 1, 64) + " GiB"
}
