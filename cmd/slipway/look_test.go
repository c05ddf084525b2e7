package main

import (
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

// TestCellSaysWhatIsSeen: a service that crashes now and then is healthy between
// two crashes, and its condition is not.
func TestCellSaysWhatIsSeen(t *testing.T) {
	healthy := []client.Instance{{State: slipway.InstanceHealthy}}
	for _, c := range []struct {
		cell client.StatusCell
		want string
	}{
		{client.StatusCell{}, ""},
		{client.StatusCell{Release: 3, Instances: healthy}, "release 3 healthy"},
		{client.StatusCell{Release: 3, Instances: healthy, Condition: slipway.ConditionCrashes}, "release 3 crash looping"},
		{client.StatusCell{Release: 3, Condition: slipway.ConditionDown}, "release 3 down"},
		{client.StatusCell{Release: 3, Instances: healthy, Condition: slipway.ConditionDrifted}, "release 3 drifted"},
	} {
		if got := cellText(c.cell); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestCommitOfABuild(t *testing.T) {
	const full = "7e7e4651a2b3c4d5e6f708192a3b4c5d6e7f8091"
	for want, stamps := range map[string][]debug.BuildSetting{
		"":                   {{Key: "vcs.modified", Value: "true"}},
		"7e7e4651a2b3":       {{Key: "vcs.revision", Value: full}, {Key: "vcs.modified", Value: "false"}},
		"7e7e4651a2b3-dirty": {{Key: "vcs.revision", Value: full}, {Key: "vcs.modified", Value: "true"}},
	} {
		if got := commitOf(stamps); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestFollowedAttemptsAndFloods(t *testing.T) {
	var out strings.Builder
	v := &follower{a: &app{stdout: &out, stderr: &out}, steps: map[slipway.StepName]client.Step{}, tail: map[slipway.StepName][]string{}}
	v.verbose, v.seen = true, map[slipway.StepName]time.Time{}
	v.step(client.Step{Name: slipway.StepBuild, State: slipway.StepRunning, Attempt: 2})
	v.verbose = false
	if !strings.Contains(out.String(), "(attempt 2)\n") {
		t.Errorf("a second attempt without a reason is shown as %q", out.String())
	}
	v.log(client.LogChunk{Step: slipway.StepTest, Text: strings.Repeat("x", 20_000) + "\n"})
	if kept := v.tail[slipway.StepTest][0]; len(kept) > 500 || !strings.HasSuffix(kept, "(19600 more)") {
		t.Errorf("%d characters of a flood are shown: ...%s", len(kept), kept[len(kept)-20:])
	}
}
