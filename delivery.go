package slipway

import (
	"slices"
	"time"
)

// Delivered is a promotion that is over, as the measures of delivery see it.
type Delivered struct {
	Service  string
	At       time.Time // when it took the traffic
	Written  time.Time // when its commit was; zero: not known
	Rollback bool
	Failed   bool      // it had the traffic, was found bad, and was undone
	Undone   time.Time // of one that Failed: when what ran before was back
}

// Measure is one measure of delivery: over all of the time, and week by week,
// the oldest first. A week without a value holds nil: nothing happened to
// measure, which isn't zero.
type Measure struct {
	Value *float64   `json:"value"`
	Weeks []*float64 `json:"weeks"`
	Of    int        `json:"of"` // how many it was worked out from
}

// Delivery are the five measures of software delivery (DORA). docs/dora.md says
// from which events each is worked out. They are for watching one's own course;
// there are no grades.
type Delivery struct {
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	Deployments int       `json:"deployments"` // releases that took the traffic, rollbacks not counted
	Failures    int       `json:"failures"`    // of these, undone or rolled back
	Reworks     int       `json:"reworks"`     // of these, made to mend one that had failed
	Frequency   Measure   `json:"frequency"`   // deployments a week
	Lead        Measure   `json:"lead_time"`   // seconds from commit to serving, the median
	FailRate    Measure   `json:"fail_rate"`   // 0 to 1
	Recovery    Measure   `json:"recovery"`    // seconds from a failed deployment to the next good state, the median
	ReworkRate  Measure   `json:"rework_rate"` // 0 to 1
}

const week = 7 * 24 * time.Hour

// MeasureDelivery works the measures out of what was delivered, over some weeks
// before now. The list is in the order of time; what lies before the weeks only
// tells what a rollback took back.
func MeasureDelivery(list []Delivered, now time.Time, weeks int) Delivery {
	d := Delivery{From: now.Add(-time.Duration(weeks) * week), To: now}
	tally := make([]weekly, weeks)
	last := map[string]*unit{}
	var units []*unit
	for _, e := range list {
		before := last[e.Service]
		if e.Rollback {
			if before != nil && !before.failed {
				before.failed, before.recovery = true, e.At.Sub(before.at)
			}
			continue
		}
		u := &unit{at: e.At, failed: e.Failed, rework: before != nil && before.failed}
		if e.Failed && e.Undone.After(e.At) {
			u.recovery = e.Undone.Sub(e.At)
		}
		if !e.Written.IsZero() && e.Written.Before(e.At) {
			u.lead = e.At.Sub(e.Written)
		}
		last[e.Service] = u
		units = append(units, u)
	}
	for _, u := range units {
		if u.at.Before(d.From) || u.at.After(now) {
			continue
		}
		tally[min(int(u.at.Sub(d.From)/week), weeks-1)].add(u)
	}
	var all weekly
	for _, w := range tally {
		all.deployments += w.deployments
		all.failures += w.failures
		all.reworks += w.reworks
		all.leads = append(all.leads, w.leads...)
		all.recoveries = append(all.recoveries, w.recoveries...)
	}
	d.Deployments, d.Failures, d.Reworks = all.deployments, all.failures, all.reworks
	d.Frequency = measure(tally, len(units), func(w weekly) *float64 { return value(float64(w.deployments)) })
	d.Frequency.Of, d.Frequency.Value = all.deployments, value(float64(all.deployments)/float64(max(weeks, 1)))
	d.Lead = measure(tally, len(all.leads), func(w weekly) *float64 { return middle(w.leads) })
	d.Lead.Value = middle(all.leads)
	d.FailRate = measure(tally, all.deployments, func(w weekly) *float64 { return share(w.failures, w.deployments) })
	d.FailRate.Value = share(all.failures, all.deployments)
	d.Recovery = measure(tally, len(all.recoveries), func(w weekly) *float64 { return middle(w.recoveries) })
	d.Recovery.Value = middle(all.recoveries)
	d.ReworkRate = measure(tally, all.deployments, func(w weekly) *float64 { return share(w.reworks, w.deployments) })
	d.ReworkRate.Value = share(all.reworks, all.deployments)
	return d
}

// unit is a deployment and what became of it.
type unit struct {
	at             time.Time
	lead, recovery time.Duration
	failed, rework bool
}

// weekly is what is counted of a week.
type weekly struct {
	deployments, failures, reworks int
	leads, recoveries              []time.Duration
}

func (w *weekly) add(u *unit) {
	w.deployments++
	if u.failed {
		w.failures++
	}
	if u.rework {
		w.reworks++
	}
	if u.lead > 0 {
		w.leads = append(w.leads, u.lead)
	}
	if u.recovery > 0 {
		w.recoveries = append(w.recoveries, u.recovery)
	}
}

func measure(weeks []weekly, of int, of1 func(weekly) *float64) Measure {
	m := Measure{Of: of, Weeks: make([]*float64, len(weeks))}
	for i, w := range weeks {
		m.Weeks[i] = of1(w)
	}
	return m
}

func value(v float64) *float64 { return &v }

func share(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	return value(float64(part) / float64(whole))
}

// middle is the median in seconds; nil of nothing.
func middle(list []time.Duration) *float64 {
	if len(list) == 0 {
		return nil
	}
	list = slices.Sorted(slices.Values(list))
	n := len(list)
	if n%2 == 1 {
		return value(list[n/2].Seconds())
	}
	return value((list[n/2-1] + list[n/2]).Seconds() / 2)
}
