package slipway

import (
	"fmt"
	"testing"
	"time"
)

// TestMeasureDelivery is about what counts as what.
func TestMeasureDelivery(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(days, minutes int) time.Time {
		return now.Add(-time.Duration(days)*24*time.Hour + time.Duration(minutes)*time.Minute)
	}
	good := func(service string, when time.Time, lead time.Duration) Delivered {
		return Delivered{Service: service, At: when, Written: when.Add(-lead)}
	}
	back := func(service string, when time.Time) Delivered {
		return Delivered{Service: service, At: when, Rollback: true}
	}
	for _, c := range []struct {
		name                                  string
		list                                  []Delivered
		deployed, failed, reworked            int
		frequency, lead, fail, recovery, made string
	}{
		{"nothing", nil, 0, 0, 0, "0", "none", "none", "none", "none"},
		{"one", []Delivered{good("a", at(1, 0), time.Hour)}, 1, 0, 0, "0.25", "3600", "0", "none", "0"},
		{"an even number has its middle between two", []Delivered{good("a", at(2, 0), time.Hour), good("a", at(1, 0), 3*time.Hour)}, 2, 0, 0, "0.5", "7200", "0", "none", "0"},
		{"rolled back, then mended", []Delivered{good("a", at(3, 0), time.Hour), back("a", at(3, 10)), good("a", at(3, 60), time.Hour)}, 2, 1, 1, "0.5", "3600", "0.5", "600", "0.5"},
		{"back twice is one failure", []Delivered{good("a", at(3, 0), time.Hour), back("a", at(3, 10)), back("a", at(3, 20))}, 1, 1, 0, "0.25", "3600", "1", "600", "0"},
		{"another service's rollback", []Delivered{good("a", at(3, 0), time.Hour), back("b", at(3, 10))}, 1, 0, 0, "0.25", "3600", "0", "none", "0"},
		{"undone by its verification", []Delivered{good("a", at(4, 0), time.Hour), {Service: "a", At: at(3, 0), Failed: true, Undone: at(3, 2)}, good("a", at(2, 0), time.Hour)}, 3, 1, 1, "0.75", "3600", fmt.Sprint(1. / 3), "120", fmt.Sprint(1. / 3)},
		{"what it took back was before the weeks", []Delivered{good("a", at(30, 0), time.Hour), back("a", at(1, 0)), good("a", at(0, -5), time.Hour)}, 1, 0, 1, "0.25", "3600", "0", "none", "1"},
		{"a clock that goes wrong", []Delivered{good("a", at(1, 0), -time.Hour)}, 1, 0, 0, "0.25", "none", "0", "none", "0"},
	} {
		d := MeasureDelivery(c.list, now, 4)
		said := func(v *float64) string {
			if v == nil {
				return "none"
			}
			return fmt.Sprint(*v)
		}
		if d.Deployments != c.deployed || d.Failures != c.failed || d.Reworks != c.reworked {
			t.Errorf("%s: %d deployments, %d failures, %d reworks", c.name, d.Deployments, d.Failures, d.Reworks)
		}
		for _, m := range []struct {
			what string
			m    Measure
			want string
		}{{"frequency", d.Frequency, c.frequency}, {"lead", d.Lead, c.lead}, {"fail", d.FailRate, c.fail}, {"recovery", d.Recovery, c.recovery}, {"rework", d.ReworkRate, c.made}} {
			if got := said(m.m.Value); got != m.want {
				t.Errorf("%s: %s is %s, want %s", c.name, m.what, got, m.want)
			}
			if len(m.m.Weeks) != 4 {
				t.Errorf("%s: %s has %d weeks", c.name, m.what, len(m.m.Weeks))
			}
		}
	}
}
