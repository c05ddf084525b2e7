package slipway_test

import (
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestVerdictOfTests: no way out of a run of tests lets a release go on but
// passing, having none, and an owner who doesn't want them.
func TestVerdictOfTests(t *testing.T) {
	red := slipway.Errorf(slipway.Refused, "1 of 2 tests failed")
	cases := []struct {
		name     string
		report   slipway.TestReport
		err      error
		verdict  slipway.TestVerdict
		standing slipway.TestVerdict
	}{
		{"passed", slipway.TestReport{Command: "pytest", Total: 2, Passed: 2}, nil, slipway.TestsPassed, slipway.TestsPassed},
		{"red", slipway.TestReport{Command: "pytest", Total: 2, Passed: 1, Failed: 1}, red, slipway.TestsFailed, ""},
		{"red, and the error was lost", slipway.TestReport{Command: "pytest", Total: 2, Passed: 1, Errors: 1}, nil, slipway.TestsFailed, ""},
		{"dependencies missing", slipway.TestReport{}, slipway.Errorf(slipway.Refused, "the test dependencies can't be installed"), slipway.TestsFailed, ""},
		{"out of time", slipway.TestReport{Command: "pytest"}, slipway.Errorf(slipway.Refused, "the tests did not end within 10m"), slipway.TestsFailed, ""},
		{"ended before the last", slipway.TestReport{Command: "pytest", Total: 1, Passed: 1}, slipway.Errorf(slipway.Refused, "the tests: the command was killed"), slipway.TestsFailed, ""},
		{"none", slipway.TestReport{}, nil, slipway.TestsNone, slipway.TestsNone},
		{"none by a run", slipway.TestReport{Verdict: slipway.TestsNone, Command: "pytest", Reason: "pytest found no tests"}, nil, slipway.TestsNone, slipway.TestsNone},
		{"none and yet an error", slipway.TestReport{Verdict: slipway.TestsNone, Command: "pytest"}, red, slipway.TestsFailed, ""},
		{"skipped", slipway.TestReport{Verdict: slipway.TestsSkipped}, nil, slipway.TestsSkipped, slipway.TestsSkipped},
	}
	for _, c := range cases {
		got := c.report.Judged(c.err)
		if got.Verdict != c.verdict || got.Standing() != c.standing || c.err != nil && got.Reason != c.err.Error() {
			t.Errorf("%s: %+v stands as %q", c.name, got, got.Standing())
		}
	}
	// Reports of before there were verdicts.
	for report, want := range map[*slipway.TestReport]slipway.TestVerdict{
		nil: "", {}: "", {Command: "pytest"}: "", {Command: "pytest", Passed: 1, Failed: 1}: "", {Command: "pytest", Passed: 1}: slipway.TestsPassed,
	} {
		if got := report.Standing(); got != want {
			t.Errorf("%+v stands as %q", report, got)
		}
	}
}
