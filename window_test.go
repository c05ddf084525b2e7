package slipway_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// What people write is heeded whole, or refused with what to write.
func TestWindowsAreReadWhole(t *testing.T) {
	for _, c := range []struct {
		text    string
		windows string // "" where it is refused
		says    string
	}{
		{"mon 09:00-17:00", "mon 09:00-17:00 UTC", ""},
		{"every day 22:00-24:00 Europe/Berlin", "every day 22:00-24:00 Europe/Berlin", ""},
		{"mon 09:00-12:00 13:00-17:00", "mon 09:00-12:00 UTC; mon 13:00-17:00 UTC", ""},
		{"mon,tue 09:00-12:00, 13:00-17:00 Europe/Berlin", "mon, tue 09:00-12:00 Europe/Berlin; mon, tue 13:00-17:00 Europe/Berlin", ""},
		{"mon 09:00-12:00 tue 13:00-17:00", "", "tue comes after the times"},
		{"09:00-12:00 mon", "", "mon comes after the times"},
		{"mon 09:00-12:00 Europe/Berlin 13:00-17:00", "", "13:00-17:00 comes after the time zone"},
		{"mon 09:00-12:00 Europe/Berlin America/New_York", "", "more than one time zone"},
		{"mon-fri 09:00-12:00", "", "is not a day"},
		{"every 09:00-12:00", "", "is not a day"},
		{"mon every day 09:00-12:00", "", "is not a day"},
		{"mon 09:00 - 12:00", "", "write it as"},
		{"mon 09:00-12:00 25:00-26:00", "", "not a time of day"},
		{"mon", "", "write it as"},
	} {
		windows, err := slipway.ParseWindows(c.text)
		var words []string
		for _, w := range windows {
			words = append(words, w.String())
		}
		if got := strings.Join(words, "; "); got != c.windows || (err == nil) != (c.windows != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q is read as %q: %v", c.text, got, err)
		}
		one, err := slipway.ParseWindow(c.text)
		if len(windows) == 1 != (err == nil) || err == nil && one.String() != c.windows {
			t.Errorf("%q is read as one window, %s: %v", c.text, one, err)
		}
	}
	if _, err := slipway.ParseWindow("mon 09:00-12:00 13:00-17:00"); err == nil || !strings.Contains(err.Error(), "is 2 windows, and there is room for one; say it once for each: mon 09:00-12:00 UTC, then mon 13:00-17:00 UTC") {
		t.Error(err)
	}
}

// A promotion may begin in each of the spans, and not between them.
func TestSpansAreAllOpen(t *testing.T) {
	windows, err := slipway.ParseWindows("mon 09:00-12:00 13:00-17:00")
	if err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	for hour, open := range map[int]bool{8: false, 9: true, 11: true, 12: false, 13: true, 16: true, 17: false} {
		inside := slices.ContainsFunc(windows, func(w slipway.Window) bool {
			in, _ := w.At(monday.Add(time.Duration(hour) * time.Hour))
			return in
		})
		if inside != open {
			t.Errorf("at %d o'clock it is open: %v", hour, inside)
		}
	}
}

func TestStagesAreReadWhole(t *testing.T) {
	for text, want := range map[string]slipway.Stage{
		"10:5m": {Weight: 10, Pause: 300}, "50%:hand": {Weight: 50}, " 3 : 1h0m10s ": {Weight: 3, Pause: 3610},
		"10": {}, "10:": {}, "10:1500ms": {}, "10:0s": {}, "10:-5m": {}, "10:5m:hand": {}, "10:5": {}, "hand": {},
	} {
		stage, err := slipway.ParseStage(text)
		if (err == nil) != (want.Weight > 0) || err == nil && stage != want {
			t.Errorf("%q is %+v: %v", text, stage, err)
		}
	}
}

// What is set and nothing would look at is refused; what was so before may stay.
func TestPoliciesAreHeeded(t *testing.T) {
	strict := slipway.Strategy{Judge: slipway.Judge{MinRequests: 200}}
	canary := slipway.Strategy{Kind: slipway.Canary, Judge: strict.Judge}
	for _, c := range []struct {
		name       string
		before, is slipway.Policy
		says       string
	}{
		{"nothing", slipway.Policy{}, slipway.Policy{}, ""},
		{"a branch without pushes", slipway.Policy{}, slipway.Policy{Branch: "main"}, "set advance to push"},
		{"a branch of another way", slipway.Policy{Advance: slipway.AdvanceAfter}, slipway.Policy{Advance: slipway.AdvanceAfter, Branch: "main"}, "set advance to push"},
		{"a branch of pushes", slipway.Policy{}, slipway.Policy{Advance: slipway.AdvancePush, Branch: "main"}, ""},
		{"pushes end, the branch stays", slipway.Policy{Advance: slipway.AdvancePush, Branch: "main"}, slipway.Policy{Advance: slipway.AdvanceByHand, Branch: "main"}, ""},
		{"a judge of nothing", slipway.Policy{}, slipway.Policy{Strategy: strict}, "judge a canary"},
		{"what it is anyway", slipway.Policy{}, slipway.Policy{Strategy: slipway.Strategy{Judge: slipway.Judge{MinRequests: 50}}}, ""},
		{"a judge of a canary", slipway.Policy{}, slipway.Policy{Strategy: canary}, ""},
		{"a judge of what bakes", slipway.Policy{}, slipway.Policy{Strategy: strict, Bake: 60}, ""},
		{"the canary ends, the judge stays", slipway.Policy{Strategy: canary}, slipway.Policy{Strategy: strict}, ""},
	} {
		if err := c.is.Heeded(c.before); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for d, want := range map[time.Duration]int{0: 0, time.Minute: 60, 500 * time.Millisecond: -1, 90500 * time.Millisecond: -1, -time.Second: -1, math.MaxInt64: -1} {
		if n, err := slipway.WholeSeconds("soak", d); (err == nil) != (want >= 0) || err == nil && n != want {
			t.Errorf("%s is %d seconds: %v", d, n, err)
		}
	}
}
