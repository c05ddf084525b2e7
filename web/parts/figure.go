package parts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/web/words"
)

// Figure is one measure with its course over the weeks; a week without a value
// is nil.
type Figure struct {
	Name, Value, Note string
	Points            []*float64
	Say               func(float64) string
	Over              string // the time; "" for as many weeks as there are points
}

// halves are the means of the weeks of the first half, and of the second; nil
// where nothing could be measured.
func (f Figure) halves() (before, now *float64) {
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

// Trend says in words where the line goes.
func (f Figure) Trend() string {
	before, now := f.halves()
	switch {
	case before == nil || now == nil:
		return ""
	case f.Say(*before) == f.Say(*now):
		return "steady"
	case *now > *before:
		return "up from " + f.Say(*before) + " to " + f.Say(*now)
	}
	return "down from " + f.Say(*before) + " to " + f.Say(*now)
}

// sentence says in words what the line shows.
func (f Figure) sentence() string {
	over := f.Over
	if over == "" {
		over = words.Plural(len(f.Points), "week")
	}
	text := f.Name + " over " + over + ": "
	if t := f.Trend(); t != "" {
		return text + t + ", comparing the second half of them with the first"
	}
	return text + "too little to tell a trend"
}

// height of a value in 100 by 32, the greatest on top.
func (f Figure) height() func(float64) float64 {
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
func (f Figure) line() string {
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
func (f Figure) area() string {
	if slices.Contains(f.Points, nil) || len(f.Points) == 0 {
		return ""
	}
	return f.line() + " L100 32 L0 32Z"
}
