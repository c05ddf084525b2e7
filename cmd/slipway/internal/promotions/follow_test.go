package promotions

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

func TestFollowedAttemptsAndFloods(t *testing.T) {
	var out strings.Builder
	v := &follower{a: &cli.App{Stdout: &out, Stderr: &out}, steps: map[slipway.StepName]client.Step{}, tail: map[slipway.StepName][]string{}}
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
