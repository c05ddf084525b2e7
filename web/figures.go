package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
)

// figure is one measure with its course over the weeks; a week without a value
// is nil.
type figure struct {
	Name, Value, Note string
	Points            []*float64
	say               func(float64) string
	over              string // the time; "" for as many weeks as there are points
}

// halves are the means of the weeks of the first half, and of the second; nil
// where nothing could be measured.
func (f figure) halves() (before, now *float64) {
	mean := func(list []*float64) *float64 {
		sum, n := 0.0, 0.0
		for _, v := range list {
			if v != nil {
				sum += *v
				n++
			}
		}
		if n == 0 {
			return nil
		}
		sum /= n
		return &sum
	}
	n := len(f.Points) / 2
	return mean(f.Points[:n]), mean(f.Points[n:])
}

// trend says in words where the line goes.
func (f figure) trend() string {
	before, now := f.halves()
	switch {
	case before == nil || now == nil:
		return ""
	case f.say(*before) == f.say(*now):
		return "steady"
	case *now > *before:
		return "up from " + f.say(*before) + " to " + f.say(*now)
	}
	return "down from " + f.say(*before) + " to " + f.say(*now)
}

// sentence says in words what the line shows.
func (f figure) sentence() string {
	over := f.over
	if over == "" {
		over = plural(len(f.Points), "week")
	}
	text := f.Name + " over " + over + ": "
	if t := f.trend(); t != "" {
		return text + t + ", comparing the second half of them with the first"
	}
	return text + "too little to tell a trend"
}

// height of a value in 100 by 32, the greatest on top.
func (f figure) height() func(float64) float64 {
	top := 0.0
	for _, v := range f.Points {
		if v != nil {
			top = max(top, *v)
		}
	}
	return func(v float64) float64 {
		if top == 0 {
			return 30
		}
		return 30 - 26*v/top
	}
}

// line draws the points from left to right, as a path with a gap where there is
// nothing. A point alone is a short line, so that it is seen.
func (f figure) line() string {
	var b strings.Builder
	height, drawn := f.height(), false
	for i, v := range f.Points {
		if v == nil {
			drawn = false
			continue
		}
		x, y := 100*float64(i)/float64(max(len(f.Points)-1, 1)), height(*v)
		switch {
		case drawn:
			fmt.Fprintf(&b, "L%.1f %.1f ", x, y)
		case i+1 == len(f.Points) || f.Points[i+1] == nil:
			fmt.Fprintf(&b, "M%.1f %.1fh1.6 ", max(x-0.8, 0), y)
		default:
			fmt.Fprintf(&b, "M%.1f %.1f ", x, y)
		}
		drawn = true
	}
	return strings.TrimSpace(b.String())
}

// area is what lies under a line without gaps.
func (f figure) area() string {
	if slices.Contains(f.Points, nil) || len(f.Points) == 0 {
		return ""
	}
	return f.line() + " L100 32 L0 32Z"
}

func weekly(v float64) string  { return strconv.FormatFloat(v, 'f', 1, 64) + " a week" }
func lasting(v float64) string { return duration(time.Duration(v * float64(time.Second))) }
func part(v float64) string    { return strconv.FormatFloat(100*v, 'f', 1, 64) + " %" }

func orNone(v *float64, say func(float64) string) string {
	if v == nil {
		return "none"
	}
	return say(*v)
}

// figures says the measures of delivery as people do.
func figures(d slipway.Delivery, environment string) []figure {
	often := *d.Frequency.Value
	frequency := weekly(often)
	if often >= 14 {
		frequency = strconv.FormatFloat(often/7, 'f', 1, 64) + " a day"
	}
	if d.Deployments == 0 {
		const none = "nothing was deployed yet"
		list := []figure{{Name: "Deployments to " + environment}, {Name: "Lead time"}, {Name: "Change fail rate"}, {Name: "Recovery time"}, {Name: "Rework rate"}}
		for i := range list {
			list[i].Value, list[i].Note, list[i].say, list[i].Points = "none", none, part, make([]*float64, len(d.Frequency.Weeks))
		}
		return list
	}
	return []figure{
		{"Deployments to " + environment, frequency, plural(d.Deployments, "deployment"), d.Frequency.Weeks, weekly, ""},
		{"Lead time", orNone(d.Lead.Value, lasting), "commit to " + environment + ", median", d.Lead.Weeks, lasting, ""},
		{"Change fail rate", orNone(d.FailRate.Value, part), fmt.Sprintf("%d of %d undone or rolled back", d.Failures, d.Deployments), d.FailRate.Weeks, part, ""},
		{"Recovery time", orNone(d.Recovery.Value, lasting), "until the former release was back, median", d.Recovery.Weeks, lasting, ""},
		{"Rework rate", orNone(d.ReworkRate.Value, part), fmt.Sprintf("%d of %d to mend a failed one", d.Reworks, d.Deployments), d.ReworkRate.Weeks, part, ""},
	}
}

// figuresView is how delivery goes, and of what.
type figuresView struct {
	Query        report.DeliveryQuery
	Data         *report.Delivered
	Teams        []*ent.Team
	Environments []*ent.Environment
}

func (v figuresView) list() []figure { return figures(v.Data.Delivery, v.Data.Environment) }

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

func (k *figuresCache) of(c *call, q report.DeliveryQuery) (*report.Delivered, error) {
	k.mu.Lock()
	defer k.mu.Unlock() // whoever comes meanwhile waits for the same answer
	now, key := time.Now(), fmt.Sprintf("%s %q %q %q %d", sees(c.viewer), q.Service, q.Team, q.Environment, q.Weeks)
	maps.DeleteFunc(k.kept, func(_ string, f keptFigures) bool { return now.After(f.until) })
	if f, ok := k.kept[key]; ok {
		return f.Delivered, nil
	}
	f, err := c.portal.Delivery(c.ctx, q, now)
	if err != nil {
		return nil, err
	}
	if k.kept == nil {
		k.kept = map[string]keptFigures{}
	}
	k.kept[key] = keptFigures{f, now.Add(time.Minute)}
	return f, nil
}

func (p *portal) showFigures(c *call) error {
	v := figuresView{Query: report.DeliveryQuery{Service: c.query("service"), Team: c.query("team"), Environment: c.query("env")}}
	if weeks := c.query("weeks"); weeks != "" {
		n, err := strconv.Atoi(weeks)
		if err != nil {
			n = -1
		}
		v.Query.Weeks = n
	}
	var err error
	if v.Data, err = p.figures.of(c, v.Query); err != nil {
		return err
	}
	if c.fragment() == "figures" {
		return c.show(http.StatusOK, figuresPart(v, true))
	}
	if v.Teams, err = p.Teams(c.ctx); err != nil {
		return err
	}
	if v.Environments, err = p.Environments(c.ctx); err != nil {
		return err
	}
	return c.show(http.StatusOK, figuresPage(c.frame(v.title(), "overview"), v))
}
