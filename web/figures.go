package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
)

// figure is one measure with its course over the weeks.
type figure struct {
	Name, Value, Note string
	Points            []float64
}

// sentence says in words what the line shows.
func (f figure) sentence() string {
	if len(f.Points) == 0 {
		return ""
	}
	first, last := f.Points[0], f.Points[len(f.Points)-1]
	course := "as much in the last week as in the first"
	switch {
	case last > first:
		course = "more in the last week than in the first"
	case last < first:
		course = "less in the last week than in the first"
	}
	return fmt.Sprintf("%s over %d weeks: %s", f.Name, len(f.Points), course)
}

// line draws the points from left to right in 100 by 32, as a path.
func (f figure) line() string {
	top := 0.0
	for _, v := range f.Points {
		top = max(top, v)
	}
	var b strings.Builder
	for i, v := range f.Points {
		x, y := 100*float64(i)/float64(max(len(f.Points)-1, 1)), 30.0
		if top > 0 {
			y = 30 - 26*v/top
		}
		letter := "L"
		if i == 0 {
			letter = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f ", letter, x, y)
	}
	return strings.TrimSpace(b.String())
}

func (f figure) area() string { return f.line() + " L100 32 L0 32Z" }

func floats[T ~int | ~int64 | ~float64](list []T) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = float64(v)
	}
	return out
}

func orNone(d time.Duration) string {
	if d == 0 {
		return "none yet"
	}
	return duration(d)
}

// figures says the measures of delivery as people do.
func figures(f *platform.Figures) []figure {
	days := float64(platform.FigureWeeks * 7)
	often := fmt.Sprintf("%.1f a day", float64(f.Deployments)/days)
	if float64(f.Deployments) < days {
		often = fmt.Sprintf("%.1f a week", 7*float64(f.Deployments)/days)
	}
	return []figure{
		{"Deployments to " + f.Environment, often, fmt.Sprintf("%d in %d weeks", f.Deployments, platform.FigureWeeks), floats(f.PerWeek)},
		{"Lead time", orNone(f.LeadTime), "commit to " + f.Environment + ", median", floats(f.LeadTimes)},
		{"Change fail rate", fmt.Sprintf("%.1f %%", 100*f.Rate()), plural(f.Rollbacks, "rollback"), floats(f.FailRate)},
		{"Recovery time", orNone(f.Recovery), "deployment to rollback, median", floats(f.Recoveries)},
	}
}

// figuresCache keeps delivery figures for a minute: they read months of
// promotions, and the overview of everybody asks for them.
type figuresCache struct {
	mu   sync.Mutex
	kept map[string]keptFigures // by what their readers may see
}

type keptFigures struct {
	*platform.Figures
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
	return fmt.Sprint(teams)
}

func (k *figuresCache) of(c *call) (*platform.Figures, error) {
	k.mu.Lock()
	defer k.mu.Unlock() // whoever comes meanwhile waits for the same answer
	now, key := time.Now(), sees(c.viewer)
	maps.DeleteFunc(k.kept, func(_ string, f keptFigures) bool { return now.After(f.until) })
	if f, ok := k.kept[key]; ok {
		return f.Figures, nil
	}
	f, err := c.portal.Figures(c.ctx, now)
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
	f, err := p.figures.of(c)
	if err != nil {
		return err
	}
	if c.fragment() == "figures" {
		return c.show(http.StatusOK, figuresPart(figures(f)))
	}
	return c.show(http.StatusOK, figuresPage(c.frame("Delivery figures", "overview"), figures(f)))
}
