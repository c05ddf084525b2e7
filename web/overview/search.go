package overview

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// result is what a search leads to.
type result struct{ Title, Kind, Icon, URL string }

// search finds services, promotions by number, and places.
func (p *pages) search(c *shell.Call) error {
	q := strings.ToLower(c.Query("q"))
	var list []result
	services, err := p.Services(c.Ctx, catalog.ServicesQuery{Search: q, Page: store.Page{Limit: 8}})
	if err != nil {
		return err
	}
	if q != "" && strings.Trim(q, "0123456789") == "" {
		if row, err := p.Promotion(c.Ctx, q); err == nil {
			list = append(list, result{q + " " + words.PromotionTitle(row), "promotion", words.PromotionState(row).Icon, string(words.Path("promotions", row.ID))})
		}
	}
	for _, s := range services.Items {
		list = append(list, result{s.Name, "service", "branch", string(words.Path("services", s.Name))})
	}
	if len(services.Items) > 0 && q != "" {
		s := services.Items[0]
		if c.May(slipway.PermitPromote, s.TeamID, "").May {
			list = append(list, result{"Promote " + s.Name, "promote", "arrow", string(words.Path("services", s.Name, "promote"))})
		}
		list = append(list, result{"Config of " + s.Name, "config", "lock", string(words.Path("services", s.Name, "config"))})
	}
	places := []result{
		{"Overview", "page", "arrow", "/"}, {"Promotions", "page", "arrow", "/promotions"}, {"Environments", "page", "arrow", "/environments"}, {"Freezes and holds", "page", "clock", "/freezes"},
		{"Teams and people", "page", "arrow", "/teams"}, {"My account", "page", "person", "/account"}, {"My tokens", "page", "lock", "/account/tokens"},
	}
	if c.MayRegister() {
		places = append(places, result{"Register a service", "command", "branch", "/services/new"})
	}
	if c.Viewer.Admin {
		places = append(places, result{"Audit log", "page", "arrow", "/audit"})
	}
	for _, place := range places {
		if strings.Contains(strings.ToLower(place.Title), q) {
			list = append(list, place)
		}
	}
	if c.Fragment() == "results" {
		return c.Show(http.StatusOK, results(list))
	}
	return c.Show(http.StatusOK, searchPage(c.Frame("Search", ""), c.Query("q"), list))
}
