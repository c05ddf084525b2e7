package web

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// overview is what the first page shows.
type overview struct {
	*report.Overview
	Query    report.OverviewQuery
	Teams    []*ent.Team
	Waiting  []*ent.Promotion
	Running  int
	Recent   []*ent.Promotion
	Frozen   []*catalog.Freeze // in force
	Viewer   string
	Register bool
}

// mine are the promotions that wait for the viewer.
func (o overview) mine() (list []*ent.Promotion) {
	for _, q := range o.Waiting {
		if platform.WaitsOn(q, o.Viewer) {
			list = append(list, q)
		}
	}
	return list
}

// mineIDs names promotions for the script that tells of new ones.
func mineIDs(list []*ent.Promotion) string {
	ids := make([]string, len(list))
	for i, q := range list {
		ids[i] = number(q.ID)
	}
	return strings.Join(ids, " ")
}

// perPage is how many services a page holds.
const perPage = 50

// row is a service with its cells, in the order of the environments.
type row struct {
	Service *ent.Service
	Cells   []report.Cell
}

func (o overview) rows() []row {
	n := len(o.Environments)
	rows := make([]row, len(o.Services))
	for i, s := range o.Services {
		rows[i] = row{s, o.Cells[i*n : (i+1)*n]}
	}
	return rows
}

func (o overview) filtered() bool {
	return o.Query.Search != "" || o.Query.Team != "" || o.Query.Cursor != ""
}

func (p *portal) showOverview(c *call) error {
	last, err := p.feed.Last(c.ctx)
	if err != nil {
		return err
	}
	part := c.fragment()
	if part == "row" {
		status, err := p.Status(c.ctx, c.query("service"))
		if err != nil {
			return err
		}
		s, err := p.Service(c.ctx, c.query("service")) // with its team
		if err != nil {
			return err
		}
		return c.show(http.StatusOK, matrixRow(row{s, status.Cells}))
	}
	o := overview{Viewer: c.viewer.Name, Query: report.OverviewQuery{Search: c.query("q"), Team: c.query("team"), Page: store.Page{Cursor: c.query("after"), Limit: perPage}}}
	if part == "" || part == "matrix" {
		if o.Overview, err = p.Overview(c.ctx, o.Query); err != nil {
			return err
		}
		if part == "matrix" {
			c.w.Header().Set("HX-Replace-Url", string(o.address("")))
			return c.show(http.StatusOK, matrix(o))
		}
	}
	if err := p.underWay(c, &o); err != nil {
		return err
	}
	freezes, err := p.Freezes(c.ctx)
	if err != nil {
		return err
	}
	for _, z := range freezes {
		if !z.Until.IsZero() {
			o.Frozen = append(o.Frozen, z)
		}
	}
	recent, err := p.Promotions(c.ctx, platform.PromotionsQuery{Page: store.Page{Limit: 8}})
	if err != nil {
		return err
	}
	o.Recent = recent.Items
	if part == "recent" {
		return c.show(http.StatusOK, recentCard(o))
	}
	if o.Teams, err = p.Teams(c.ctx); err != nil {
		return err
	}
	o.Register = c.mayRegister()
	return c.show(http.StatusOK, overviewPage(c.frame("Overview", "overview").live("/live", number(last)), o))
}

func (p *portal) underWay(c *call, o *overview) error {
	list, err := p.UnderWay(c.ctx)
	for _, q := range list {
		if slipway.PromotionState(q.State) == slipway.PromotionWaiting {
			o.Waiting = append(o.Waiting, q)
		} else {
			o.Running++
		}
	}
	return err
}

// heldWords says what a hold does, and why.
func heldWords(h *ent.Hold) string {
	why := h.Reason
	if h.PromotionID == 0 {
		why += ", held by " + h.PlacedBy
	}
	return "Nothing is promoted to " + h.Edges.Environment.Name + " by itself: " + why + "."
}

// promotionLine is the small print of a promotion in a list.
func promotionLine(q *ent.Promotion) string {
	s := slipway.PromotionState(q.State)
	switch {
	case s == slipway.PromotionWaiting && q.Reason != "":
		return capital(q.Reason)
	case !s.Over():
		if step := report.ActiveStep(q); step != nil && slipway.StepState(step.State) == slipway.StepRunning {
			return stepWord(slipway.StepName(step.Name)) + " is running"
		}
		return promotionState(q).Word
	}
	line := promotionState(q).Word
	if q.Reason != "" && s != slipway.PromotionSucceeded {
		return line + ": " + q.Reason
	}
	if t := took(q.StartedAt, q.EndedAt); t != "" {
		line += " in " + t
	}
	return line + ", by " + q.RequestedBy
}

// result is what a search leads to.
type result struct{ Title, Kind, Icon, URL string }

// search finds services, promotions by number, and places.
func (p *portal) search(c *call) error {
	q := strings.ToLower(c.query("q"))
	var list []result
	services, err := p.Services(c.ctx, catalog.ServicesQuery{Search: q, Page: store.Page{Limit: 8}})
	if err != nil {
		return err
	}
	if q != "" && strings.Trim(q, "0123456789") == "" {
		if row, err := p.Promotion(c.ctx, q); err == nil {
			list = append(list, result{q + " " + promotionTitle(row), "promotion", promotionState(row).Icon, string(at("promotions", row.ID))})
		}
	}
	for _, s := range services.Items {
		list = append(list, result{s.Name, "service", "branch", string(at("services", s.Name))})
	}
	if len(services.Items) > 0 && q != "" {
		s := services.Items[0]
		if c.may(slipway.PermitPromote, s.TeamID, "").May {
			list = append(list, result{"Promote " + s.Name, "promote", "arrow", string(at("services", s.Name, "promote"))})
		}
		list = append(list, result{"Config of " + s.Name, "config", "lock", string(at("services", s.Name, "config"))})
	}
	places := []result{
		{"Overview", "page", "arrow", "/"}, {"Promotions", "page", "arrow", "/promotions"}, {"Environments", "page", "arrow", "/environments"}, {"Freezes and holds", "page", "clock", "/freezes"},
		{"Teams and people", "page", "arrow", "/teams"}, {"My account", "page", "person", "/account"}, {"My tokens", "page", "lock", "/account/tokens"},
	}
	if c.mayRegister() {
		places = append(places, result{"Register a service", "command", "branch", "/services/new"})
	}
	if c.viewer.Admin {
		places = append(places, result{"Audit log", "page", "arrow", "/audit"})
	}
	for _, place := range places {
		if strings.Contains(strings.ToLower(place.Title), q) {
			list = append(list, place)
		}
	}
	if c.fragment() == "results" {
		return c.show(http.StatusOK, results(list))
	}
	return c.show(http.StatusOK, searchPage(c.frame("Search", ""), c.query("q"), list))
}
