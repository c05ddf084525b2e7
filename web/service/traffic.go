package service

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

const (
	trafficFor   = 30 * time.Minute // that is shown
	trafficPoint = time.Minute      // of a line
	trafficOver  = "the last 30 minutes"
)

// trafficView is what the edge counted of a service, by environment.
type trafficView struct {
	serviceView
	Environments []environmentTraffic
}

// environmentTraffic is what was counted in one environment.
type environmentTraffic struct {
	Name    string
	Figures []parts.Figure
	Quiet   bool   // nobody asked for anything
	Problem string // why nothing can be said
}

func (p *pages) showTraffic(c *shell.Call) error {
	v, err := p.serviceOf(c, "releases")
	if err != nil {
		return err
	}
	w, now := trafficView{serviceView: v}, time.Now()
	w.Tab = "traffic"
	for _, cell := range v.Cells {
		if cell.Deployment == nil {
			continue
		}
		one := environmentTraffic{Name: cell.Environment}
		if t, err := p.TrafficOf(c.Ctx, v.Name, cell.Environment, now.Add(-trafficFor)); err != nil {
			one.Problem = shell.Sentence(err)
		} else {
			one.Figures, one.Quiet = trafficFigures(t, now)
		}
		w.Environments = append(w.Environments, one)
	}
	if c.Fragment() == "traffic" {
		return c.Show(http.StatusOK, trafficPart(w))
	}
	return c.Show(http.StatusOK, trafficPage(c.Frame("Traffic of "+v.Name, "overview"), w))
}

// trafficFigures are requests, failures and latency, minute by minute, of all
// releases together: what who calls the service sees. quiet says that there were none.
func trafficFigures(t *platform.Traffic, now time.Time) (list []parts.Figure, quiet bool) {
	first, minutes := now.Add(-trafficFor).Truncate(trafficPoint), int(trafficFor/trafficPoint)
	counted := make([]slipway.Answers, minutes)
	var all slipway.Answers
	for _, slices := range t.Deployments {
		for _, s := range slices {
			if i := int(s.At.Sub(first) / trafficPoint); i >= 0 && i < minutes {
				counted[i].Add(s.Answers)
				all.Add(s.Answers)
			}
		}
	}
	rate := parts.Figure{Name: "Requests", Value: "none", Note: words.Plural(int(all.Requests), "request"), Say: often, Over: trafficOver}
	failed := parts.Figure{Name: "Failed", Value: "none", Note: fmt.Sprintf("%d of %d answered with 5xx", all.Failed, all.Requests), Say: words.Percent, Over: trafficOver}
	slow := parts.Figure{Name: "Latency", Value: "none", Note: "p95 at most", Say: words.Milliseconds, Over: trafficOver}
	for _, a := range counted {
		n := float64(a.Requests) / trafficPoint.Seconds()
		rate.Points = append(rate.Points, &n)
		if a.Requests == 0 {
			failed.Points, slow.Points = append(failed.Points, nil), append(slow.Points, nil)
			continue
		}
		bad, took := a.FailureRate(), a.Figures().P95
		failed.Points, slow.Points = append(failed.Points, &bad), append(slow.Points, &took)
	}
	if all.Requests > 0 {
		rate.Value = often(float64(all.Requests) / trafficFor.Seconds())
		failed.Value, slow.Value = words.Percent(all.FailureRate()), words.Milliseconds(all.Figures().P95)
	}
	return []parts.Figure{rate, failed, slow}, all.Requests == 0
}

// often says how many a second, or in the unit in which there is at least one.
func often(v float64) string {
	unit, digits := " a second", 1
	const one = 0.9999 // what was divided may not come back whole
	if v < one {
		v, unit = v*60, " a minute"
	}
	if v < one {
		v, unit = v*60, " an hour"
	}
	if v >= 100 || math.Abs(v-math.Round(v)) < 0.05 {
		digits = 0
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + unit
}
