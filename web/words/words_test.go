package words

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		210 * time.Millisecond: "210 ms", 1100 * time.Millisecond: "1.1 s", 90 * time.Second: "1 min 30 s", 2 * time.Minute: "2 min",
		3*time.Hour + 10*time.Minute: "3 h 10 min", 50 * time.Hour: "2 d 2 h", -time.Second: "0 ms",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%s is said as %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 entries", 1: "1 entry", 2: "2 entries"} {
		if got := Plural(n, "entry"); got != want {
			t.Errorf("%d is said as %q", n, got)
		}
	}
}

func TestCapital(t *testing.T) {
	for said, want := range map[string]string{"": "", "nothing runs": "Nothing runs", "payments: no": "Payments: no", "app.ini.j2:1: no": "app.ini.j2:1: no", "log_level is": "log_level is", "ärger": "Ärger"} {
		if got := Capital(said); got != want {
			t.Errorf("%q begins as %q", said, got)
		}
	}
}

func TestTestWords(t *testing.T) {
	for want, report := range map[string]*slipway.TestReport{
		"Skipped by its owner": {Verdict: slipway.TestsSkipped}, "Passed, not counted": {Verdict: slipway.TestsPassed, Command: "make test"}, "Could not run": {Verdict: slipway.TestsFailed, Command: "pytest"},
		"3 passed, 1 skipped": {Verdict: slipway.TestsPassed, Command: "pytest", Total: 4, Passed: 3, Skipped: 1}, "1 of 2 failed": {Verdict: slipway.TestsFailed, Command: "pytest", Total: 2, Passed: 1, Failed: 1},
	} {
		if got := TestWords(report); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, none := range []*slipway.TestReport{nil, {Verdict: slipway.TestsNone, Command: "pytest"}, {Verdict: slipway.TestsNone}} {
		if got := TestWords(none); got != "No tests" {
			t.Errorf("%+v: %q", none, got)
		}
	}
}
