package overview

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

func weekly(v float64) string  { return strconv.FormatFloat(v, 'f', 1, 64) + " a week" }
func lasting(v float64) string { return words.Duration(time.Duration(v * float64(time.Second))) }

func orNone(v *float64, say func(float64) string) string {
	if v == nil {
		return "none"
	}
	return say(*v)
}

// figures says the measures of delivery as people do.
func figures(d slipway.Delivery, environment string) []parts.Figure {
	often := *d.Frequency.Value
	frequency := weekly(often)
	if often >= 14 {
		frequency = strconv.FormatFloat(often/7, 'f', 1, 64) + " a day"
	}
	if d.Deployments == 0 {
		const none = "nothing was deployed yet"
		list := []parts.Figure{{Name: "Deployments to " + environment}, {Name: "Lead time"}, {Name: "Change fail rate"}, {Name: "Recovery time"}, {Name: "Rework rate"}}
		for i := range list {
			list[i].Value, list[i].Note, list[i].Say, list[i].Points = "none", none, words.Percent, make([]*float64, len(d.Frequency.Weeks))
		}
		return list
	}
	return []parts.Figure{
		{Name: "Deployments to " + environment, Value: frequency, Note: words.Plural(d.Deployments, "deployment"), Points: d.Frequency.Weeks, Say: weekly},
		{Name: "Lead time", Value: orNone(d.Lead.Value, lasting), Note: "commit to " + environment + ", median", Points: d.Lead.Weeks, Say: lasting},
		{Name: "Change fail rate", Value: orNone(d.FailRate.Value, words.Percent), Note: fmt.Sprintf("%d of %d undone or rolled back", d.Failures, d.Deployments), Points: d.FailRate.Weeks, Say: words.Percent},
		{Name: "Recovery time", Value: orNone(d.Recovery.Value, lasting), Note: "until the former release was back, median", Points: d.Recovery.Weeks, Say: lasting},
		{Name: "Rework rate", Value: orNone(d.ReworkRate.Value, words.Percent), Note: fmt.Sprintf("%d of %d to mend a failed one", d.Reworks, d.Deployments), Points: d.ReworkRate.Weeks, Say: words.Percent},
	}
}

// figuresView is how delivery goes, and of what.
type figuresView struct {
	Query        report.DeliveryQuery
	Data         *report.Delivered
	Teams        []*ent.Team
	Environments []*ent.Environment
}

func (v figuresView) list() []parts.Figure { return figures(v.Data.Delivery, v.Data.Environment) }

// title says of what the figures are.
func (v figuresView) title() string {
	switch {
	case v.Query.Service != "":
		return "Delivery of " + v.Query.Service
	case v.Query.Team != "":
		return "Delivery of team " + v.Query.Team
	}
	return "Delivery figures"
}

// figuresCache keeps delivery figures for a minute: they read months of
// promotions, and the overview of everybody asks for them.
type figuresCache struct {
	mu   sync.Mutex
	kept map[string]keptFigures // by what their readers may see, and of what they are
}

type keptFigures struct {
	*report.Delivered
	until time.Time
}

// sees names what a viewer may see: the same name, the same figures.
func sees(v slipway.Viewer) string {
	if v.Admin {
		return "all"
	}
	var teams []int
	for team := range v.Roles {
		if v.Sees(team) {
			teams = append(teams, team)
		}
	}
	slices.Sort(teams)
	return fmt.Sprint(teams, v.Service)
}

func (k *figuresCache) of(p *pages, c *shell.Call, q report.DeliveryQuery) (*report.Delivered, error) {
	k.mu.Lock()
	defer k.mu.Unlock() // whoever comes meanwhile waits for the same answer
	now, key := time.Now(), fmt.Sprintf("%s %q %q %q %d", sees(c.Viewer), q.Service, q.Team, q.Environment, q.Weeks)
	maps.DeleteFunc(k.kept, func(_ string, f keptFigures) bool { return now.After(f.until) })
	if f, ok := k.kept[key]; ok {
		return f.Delivered, nil
	}
	f, err := p.Delivery(c.Ctx, q, now)
	if err != nil {
		return nil, err
	}
	if k.kept == nil {
		k.kept = map[string]keptFigures{}
	}
	k.kept[key] = keptFigures{f, now.Add(time.Minute)}
	return f, nil
}

func (p *pages) showFigures(c *shell.Call) error {
	v := figuresView{Query: report.DeliveryQuery{Service: c.Query("service"), Team: c.Query("team"), Environment: c.Query("env")}}
	if weeks := c.Query("weeks"); weeks != "" {
		n, err := strconv.Atoi(weeks)
		if err != nil {
			n = -1
		}
		v.Query.Weeks = n
	}
	var err error
	if v.Data, err = p.figures.of(p, c, v.Query); err != nil {
		return err
	}
	if c.Fragment() == "figures" {
		return c.Show(http.StatusOK, figuresPart(v, true))
	}
	if v.Teams, err = p.Teams(c.Ctx); err != nil {
		return err
	}
	if v.Environments, err = p.Environments(c.Ctx); err != nil {
		return err
	}
	return c.Show(http.StatusOK, figuresPage(c.Frame(v.title(), "overview"), v))
}
