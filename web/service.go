package web

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
)

// serviceView is a service and what its reader may do with it.
type serviceView struct {
	*ent.Service
	Tab     string
	Cells   []report.Cell
	Promote verdict // anywhere
	Change  verdict
	Config  verdict
	Secrets verdict
	Domain  verdict
	May     map[string]verdict // promote, by environment
	Roll    map[string]verdict
	Back    map[string]slipway.WayBack // by environment where something runs
}

// serviceOf finds the service of a page. What runs of it is read for the tabs
// that show it.
func (p *portal) serviceOf(c *call, tab string) (serviceView, error) {
	v := serviceView{Tab: tab, May: map[string]verdict{}, Roll: map[string]verdict{}, Back: map[string]slipway.WayBack{}}
	var err error
	if v.Service, err = p.Service(c.ctx, c.r.PathValue("service")); err != nil {
		return v, err
	}
	team := v.TeamID
	v.Promote, v.Change = c.may(slipway.PermitPromote, team, ""), c.may(slipway.PermitServiceChange, team, "")
	v.Config, v.Secrets = c.may(slipway.PermitConfig, team, ""), c.may(slipway.PermitSecret, team, "")
	v.Domain = c.may(slipway.PermitDomain, team, "")
	if tab != "releases" {
		return v, nil
	}
	status, err := p.Status(c.ctx, v.Name)
	if err != nil {
		return v, err
	}
	path, err := p.Path(c.ctx, v.Name)
	if err != nil {
		return v, err
	}
	v.Cells = onPath(path, status.Cells)
	for _, cell := range v.Cells {
		v.May[cell.Environment] = c.may(slipway.PermitPromote, team, cell.Environment)
		v.Roll[cell.Environment] = c.may(slipway.PermitRollback, team, cell.Environment)
		if cell.Deployment != nil {
			if v.Back[cell.Environment], err = p.WayBack(c.ctx, v.Name, cell.Environment); err != nil {
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

func (p *portal) showReleases(c *call) error {
	last, err := p.feed.Last(c.ctx)
	if err != nil {
		return err
	}
	v, err := p.serviceOf(c, "releases")
	if err != nil {
		return err
	}
	if c.fragment() == "path" {
		return c.show(http.StatusOK, servicePath(v))
	}
	l := releaseList{Cursor: c.query("after")}
	if l.List, err = p.Releases(c.ctx, v.Name, store.Page{Cursor: l.Cursor, Limit: 20}); err != nil {
		return err
	}
	if c.fragment() == "releases" {
		return c.show(http.StatusOK, releaseTable(v, l))
	}
	return c.show(http.StatusOK, releasesPage(c.frame(v.Name, "overview").live(string(at("services", v.Name, "live")), strconv.Itoa(last)), v, l))
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
		return plural(n, "release") + " ahead"
	default:
		return plural(-n, "release") + " behind"
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
	parts := make([]string, len(order))
	for i, name := range order {
		n := counts[name]
		parts[i] = fmt.Sprintf("%s %d of %d", name, n.healthy, n.total)
		if n.restarts > 0 {
			parts[i] += ", " + plural(n.restarts, "restart")
		}
	}
	return strings.Join(parts, "; ")
}

// activityList is a page of what happened.
type activityList struct {
	store.List[*ent.Event]
	Cursor string
}

func (p *portal) showActivity(c *call) error {
	last, err := p.feed.Last(c.ctx)
	if err != nil {
		return err
	}
	v, err := p.serviceOf(c, "activity")
	if err != nil {
		return err
	}
	l := activityList{Cursor: c.query("after")}
	if l.List, err = p.worthTelling(c, v.Name, l.Cursor); err != nil {
		return err
	}
	if c.fragment() == "activity" {
		return c.show(http.StatusOK, activityCard(v, l))
	}
	return c.show(http.StatusOK, activityPage(c.frame("Activity of "+v.Name, "overview").live(string(at("services", v.Name, "live")), strconv.Itoa(last)), v, l))
}

// worthTelling lists the events that people look for: what somebody did, and
// how things ended. What a promotion went through stands on its own page.
func (p *portal) worthTelling(c *call, service, cursor string) (store.List[*ent.Event], error) {
	const enough, pages = 20, 10
	out := store.List[*ent.Event]{Next: cursor}
	for range pages {
		list, err := p.Events(c.ctx, report.EventsQuery{Service: service, Page: store.Page{Cursor: out.Next, Limit: 100}})
		if err != nil {
			return out, err
		}
		for _, e := range list.Items {
			switch {
			case e.Kind == "promotion.step", e.Kind == "deployment.serving", e.Kind == "deployment.verified", e.Kind == "release.built":
			case e.Kind == "promotion.state" && !slipway.PromotionState(e.Data["state"]).Over():
			default:
				out.Items = append(out.Items, e)
			}
		}
		if out.Next = list.Next; out.Next == "" || len(out.Items) >= enough {
			break
		}
	}
	return out, nil
}

// feedItem is an event as people read it.
type feedItem struct {
	state
	Title, Note, URL string
}

// told turns an event into words.
func told(e *ent.Event) feedItem {
	item := feedItem{state: toned("idle", ""), Note: "by " + e.Actor}
	in := ""
	if e.Environment != "" {
		in = " in " + e.Environment
	}
	if e.PromotionID != nil {
		item.URL = string(at("promotions", *e.PromotionID))
	}
	switch e.Kind {
	case "promotion.requested":
		item.state, item.Title = toned("run", ""), "Promotion "+number(*e.PromotionID)+" to "+e.Environment+" asked for"
		item.Icon = "arrow"
	case "promotion.cancel_requested":
		item.Title = "Promotion " + number(*e.PromotionID) + " to " + e.Environment + " asked to stop"
	case "promotion.state":
		item.state = promotionWords(slipway.PromotionState(e.Data["state"]), slipway.StepName(e.Data["step"]), false)
		item.Title, item.Note = "Promotion "+number(*e.PromotionID)+" to "+e.Environment+": "+strings.ToLower(item.Word), e.Data["reason"]
	case "promotion.step":
		item.Title, item.Note = stepWord(slipway.StepName(e.Data["step"]))+" "+e.Data["state"]+in, e.Data["reason"]
	case "service.registered":
		item.state, item.Title = toned("ok", ""), "Registered"
	case "service.changed":
		item.Title = "Settings changed: " + keysOf(e.Data, "")
	case "config.changed":
		item.Title = "Config changed" + in + ": " + configWords(e.Data)
	case "secret.set":
		item.Title, item.Icon = "Secret "+e.Data["name"]+" set"+in, "lock"
	case "secret.removed":
		item.Title, item.Icon = "Secret "+e.Data["name"]+" removed"+in, "lock"
	case "domain.added":
		item.Title = "Host name " + e.Data["name"] + " added" + in
	case "domain.moved":
		item.Title = "Links and checks use " + e.Data["first"] + in
	case "domain.removed":
		item.Title = "Host name " + e.Data["name"] + " removed" + in
	default:
		item.Title = capital(strings.NewReplacer(".", " ", "_", " ").Replace(e.Kind)) + in
	}
	return item
}

// keysOf lists the keys of an event's data that begin with a prefix, without it.
func keysOf(data map[string]string, prefix string) string {
	var keys []string
	for key := range data {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

func configWords(data map[string]string) string {
	var parts []string
	for _, key := range sortedKeys(data) {
		name, ok := strings.CutPrefix(key, "set ")
		if !ok {
			continue
		}
		switch value := data[key]; {
		case value == "[secret]":
			parts = append(parts, name+" set")
		case value == "":
			parts = append(parts, name+" set to nothing")
		default:
			parts = append(parts, name+" set to "+clip(value, 60))
		}
	}
	if unset := keysOf(data, "unset "); unset != "" {
		parts = append(parts, unset+" unset")
	}
	return strings.Join(parts, "; ")
}
