package slipway_test

import (
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

var timeOfDay = regexp.MustCompile(`^[0-2][0-9]:[0-5][0-9]$`)

// FuzzParseWindow: what is read as a window is one, comes back from its own
// words, and can be asked about any time.
func FuzzParseWindow(f *testing.F) {
	for _, seed := range []string{
		"mon,tue 09:00-17:00 Europe/Berlin", "every day 22:00-24:00 UTC", "00:00-00:00", "sat, sun 23:30-01:00 America/St_Johns", "09:00-17:00 Local", "",
		"+9:00-17:00", "-1:30-02:00", "9:00-17:00", "mon 25:00-26:00", "mon\t09:00-17:00\nUTC", "fri 09:00-17:00 ../../etc/passwd", "\x00 09:00-17:00",
	} {
		f.Add(seed, int64(1_790_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, second int64) {
		w, err := slipway.ParseWindow(text)
		if err != nil {
			return
		}
		if !timeOfDay.MatchString(w.From) || !timeOfDay.MatchString(w.To) || w.Zone == "Local" {
			t.Fatalf("%q is read as %+v", text, w)
		}
		back, err := slipway.ParseWindow(w.String())
		if back.Zone == "UTC" && w.Zone == "" {
			back.Zone = ""
		}
		if err != nil || !reflect.DeepEqual(back, w) && len(back.Days)+len(w.Days) > 0 {
			t.Fatalf("%q reads as %+v and not back, but as %+v: %v", text, w, back, err)
		}
		at := time.Unix(second%(1<<33), 0)
		if _, until := w.At(at); until.Before(at) {
			t.Fatalf("%s at %s changes at %s, which is over", w, at, until)
		}
	})
}

// FuzzParseStage: a stage comes back from its own words.
func FuzzParseStage(f *testing.F) {
	for _, seed := range []string{"10:5m", "50:hand", "50", "10%:30s", "1:1h", "5:90m", "20:1h0m10s", "7:0s", "7:-5m", "99:999999h", "x:5m", ":", "10:1.5s", "10:5m:hand", " 3 : 20m "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stage, err := slipway.ParseStage(text)
		if err != nil {
			return
		}
		if stage.Pause < 0 {
			t.Fatalf("%q pauses for %d", text, stage.Pause)
		}
		if back, err := slipway.ParseStage(stage.String()); err != nil || back != stage {
			t.Fatalf("%q is %+v, written %s, and that is %+v: %v", text, stage, stage, back, err)
		}
	})
}

// FuzzParseGroupRule: a rule comes back from its own words.
func FuzzParseGroupRule(f *testing.F) {
	for _, seed := range []string{"devs=shop:developer", "ops=platform", "cn=ops,dc=example=shop:admin", "=shop:admin", "a=:", "a=b", "=", "a = shop : admin", "a=platform=platform"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := slipway.ParseGroupRule(text)
		if err != nil {
			return
		}
		if back, err := slipway.ParseGroupRule(rule.String()); err != nil || back != rule {
			t.Fatalf("%q is %+v, written %s, and that is %+v: %v", text, rule, rule, back, err)
		}
	})
}
