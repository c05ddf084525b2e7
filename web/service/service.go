package service

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// serviceView is a service and what its reader may do with it.
type serviceView struct {
	*ent.Service
	Tab     string
	Cells   []report.Cell
	Promote parts.Verdict // anywhere
	Change  parts.Verdict
	Config  parts.Verdict
	Secrets parts.Verdict
	Domain  parts.Verdict
	May     map[string]parts.Verdict // promote, by environment
	Roll    map[string]parts.Verdict
	Back    map[string]slipway.WayBack // by environment where something runs
}

// serviceOf finds the service of a page. What runs of it is read for the tabs
// that show it.
func (p *pages) serviceOf(c *shell.Call, tab string) (serviceView, error) {
	v := serviceView{Tab: tab, May: map[string]parts.Verdict{}, Roll: map[string]parts.Verdict{}, Back: map[string]slipway.WayBack{}}
	var err error
	if v.Service, err = p.Service(c.Ctx, c.R.PathValue("service")); err != nil {
		return v, err
	}
	team := v.TeamID
	v.Promote, v.Change = c.May(slipway.PermitPromote, team, ""), c.May(slipway.PermitServiceChange, team, "")
	v.Config, v.Secrets = c.May(slipway.PermitConfig, team, ""), c.May(slipway.PermitSecret, team, "")
	v.Domain = c.May(slipway.PermitDomain, team, "")
	if tab != "releases" {
		return v, nil
	}
	status, err := p.Status(c.Ctx, v.Name)
	if err != nil {
		return v, err
	}
	path, err := p.Path(c.Ctx, v.Name)
	if err != nil {
		return v, err
	}
	v.Cells = onPath(path, status.Cells)
	for _, cell := range v.Cells {
		v.May[cell.Environment] = c.May(slipway.PermitPromote, team, cell.Environment)
		v.Roll[cell.Environment] = c.May(slipway.PermitRollback, team, cell.Environment)
		if cell.Deployment != nil {
			if v.Back[cell.Environment], err = p.WayBack(c.Ctx, v.Name, cell.Environment); err != nil {
				return v, err
			}
		}
	}
	return v, nil
}

// onPath puts cells in the order of a path; behind it comes what runs elsewhere.
func onPath(path []*ent.Environment, cells []report.Cell) []report.Cell {
	var on, off []report.Cell
	for _, e := range path {
		for _, c := range cells {
			if c.Environment == e.Name {
				on = append(on, c)
			}
		}
	}
	for _, c := range cells {
		if c.Off && c.Deployment != nil {
			off = append(off, c)
		}
	}
	return append(on, off...)
}

// facts are what a service is, in a few words.
func (v serviceView) facts() string {
	for _, c := range v.Cells {
		if c.Deployment == nil {
			continue
		}
		return runsOn(c.Deployment.Edges.Release)
	}
	return string(v.Kind)
}

// releaseList is a page of a service's releases.
type releaseList struct {
	store.List[*ent.Release]
	Cursor string
}

func (p *pages) showReleases(c *shell.Call) error {
	last, err := p.Feed.Last(c.Ctx)
	if err != nil {
		return err
	}
	v, err := p.serviceOf(c, "releases")
	if err != nil {
		return err
	}
	if c.Fragment() == "path" {
		return c.Show(http.StatusOK, servicePath(v))
	}
	l := releaseList{Cursor: c.Query("after")}
	if l.List, err = p.Releases(c.Ctx, v.Name, store.Page{Cursor: l.Cursor, Limit: 20}); err != nil {
		return err
	}
	if c.Fragment() == "releases" {
		return c.Show(http.StatusOK, releaseTable(v, l))
	}
	return c.Show(http.StatusOK, releasesPage(c.Frame(v.Name, "overview").WithStream(string(words.Path("services", v.Name, "live")), strconv.Itoa(last)), v, l))
}

// apart says what lies between two environments of the path.
func apart(from, to report.Cell) string {
	switch {
	case from.Deployment == nil:
		return "nothing to promote"
	case to.Deployment == nil:
		return "not deployed yet"
	}
	switch n := from.Deployment.Edges.Release.Number - to.Deployment.Edges.Release.Number; {
	case n == 0:
		return "the same release"
	case n > 0:
		return words.Plural(n, "release") + " ahead"
	default:
		return words.Plural(-n, "release") + " behind"
	}
}

// ahead tells whether there is something to take on.
func ahead(from, to report.Cell) bool {
	return from.Deployment != nil && from.Deployment.Verified && (to.Deployment == nil || to.Deployment.ReleaseID != from.Deployment.ReleaseID)
}

// processLine counts instances by process: "web 2 of 2, worker 1 of 1".
func processLine(c report.Cell) string {
	type count struct{ healthy, total, restarts int }
	counts, order := map[string]*count{}, []string{}
	for _, i := range c.Observed.Instances {
		if i.State == slipway.InstanceDraining || i.State == slipway.InstanceStopped {
			continue
		}
		n := counts[i.Process]
		if n == nil {
			n = &count{}
			counts[i.Process] = n
			order = append(order, i.Process)
		}
		n.total++
		n.restarts += i.Restarts
		if i.State == slipway.InstanceHealthy {
			n.healthy++
		}
	}
	slices.Sort(order)
	list := make([]string, len(order))
	for i, name := range order {
		n := counts[name]
		list[i] = fmt.Sprintf("%s %d of %d", name, n.healthy, n.total)
		if n.restarts > 0 {
			list[i] += ", " + words.Plural(n.restarts, "restart")
		}
	}
	return strings.Join(list, "; ")
}

func promotionWord(c report.Cell) string {
	return strings.ToLower(words.PromotionState(c.Promotion).Word)
}
