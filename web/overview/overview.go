package overview

import (
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
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
		ids[i] = words.Number(q.ID)
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

func (p *pages) showOverview(c *shell.Call) error {
	last, err := p.Feed.Last(c.Ctx)
	if err != nil {
		return err
	}
	part := c.Fragment()
	if part == "row" {
		status, err := p.Status(c.Ctx, c.Query("service"))
		if err != nil {
			return err
		}
		s, err := p.Service(c.Ctx, c.Query("service")) // with its team
		if err != nil {
			return err
		}
		return c.Show(http.StatusOK, matrixRow(row{s, status.Cells}))
	}
	o := overview{Viewer: c.Viewer.Name, Query: report.OverviewQuery{Search: c.Query("q"), Team: c.Query("team"), Page: store.Page{Cursor: c.Query("after"), Limit: perPage}}}
	if part == "" || part == "matrix" {
		if o.Overview, err = p.Overview(c.Ctx, o.Query); err != nil {
			return err
		}
		if part == "matrix" {
			c.W.Header().Set("HX-Replace-Url", string(o.address("")))
			return c.Show(http.StatusOK, matrix(o))
		}
	}
	if err := p.underWay(c, &o); err != nil {
		return err
	}
	freezes, err := p.Freezes(c.Ctx)
	if err != nil {
		return err
	}
	for _, z := range freezes {
		if !z.Until.IsZero() {
			o.Frozen = append(o.Frozen, z)
		}
	}
	recent, err := p.Promotions(c.Ctx, platform.PromotionsQuery{Page: store.Page{Limit: 8}})
	if err != nil {
		return err
	}
	o.Recent = recent.Items
	if part == "recent" {
		return c.Show(http.StatusOK, recentCard(o))
	}
	if o.Teams, err = p.Teams(c.Ctx); err != nil {
		return err
	}
	o.Register = c.MayRegister()
	return c.Show(http.StatusOK, overviewPage(c.Frame("Overview", "overview").WithStream("/live", words.Number(last)), o))
}

func (p *pages) underWay(c *shell.Call, o *overview) error {
	list, err := p.UnderWay(c.Ctx)
	for _, q := range list {
		if slipway.PromotionState(q.State) == slipway.PromotionWaiting {
			o.Waiting = append(o.Waiting, q)
		} else {
			o.Running++
		}
	}
	return err
}

// address is a page of the overview with the filter that is set.
func (o overview) address(cursor string) templ.SafeURL {
	return words.WithQuery("/", "q", o.Query.Search, "team", o.Query.Team, "after", cursor)
}

func (o overview) first() templ.SafeURL { return o.address("") }

func teamName(s *ent.Service) string {
	if s.Edges.Team == nil {
		return ""
	}
	return s.Edges.Team.Name
}

func (p *pages) followOverview(c *shell.Call) error { return p.FollowEvents(c, "") }
