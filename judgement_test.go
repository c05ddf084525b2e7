package slipway_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

func answers(good, failed int, took time.Duration) (a slipway.Answers) {
	for range good {
		a.Count(200, took)
	}
	for range failed {
		a.Count(503, took)
	}
	return a
}

func mixed(quick int, took time.Duration, slow int, longer time.Duration) slipway.Answers {
	a := answers(quick, 0, took)
	a.Add(answers(slow, 0, longer))
	return a
}

func TestJudge(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name        string
		old, canary slipway.Answers
		want        slipway.Finding
		says        string
	}{
		{"nothing", slipway.Answers{}, slipway.Answers{}, slipway.FindingTooLittle, "0 requests reached it"},
		{"few", answers(500, 0, ms), answers(12, 0, ms), slipway.FindingTooLittle, "12 requests reached it"},
		{"one failure of few", answers(61, 0, ms), answers(13, 1, ms), slipway.FindingTooLittle, "1 of them failed, which is not known to be more than chance (between 1.3 % and 31.5 %)"},
		{"a handful of few", answers(61, 0, ms), answers(10, 4, ms), slipway.FindingTooLittle, "4 of them failed"},
		{"a handful of few beside many", answers(5000, 0, ms), answers(40, 4, ms), slipway.FindingTooLittle, "4 of them failed"},
		{"few, and all of them failed", answers(500, 0, ms), answers(0, 5, ms), slipway.FindingBad, "100 % of its 5 answers failed"},
		{"few of both, and all of them failed", answers(14, 0, ms), answers(0, 14, ms), slipway.FindingBad, "100 % of its 14 answers failed"},
		{"as the old one, of which all failed too", answers(0, 500, ms), answers(0, 20, ms), slipway.FindingTooLittle, ""},
		{"nothing to compare with", slipway.Answers{}, answers(90, 10, ms), slipway.FindingTooLittle, "0 the old release"},
		{"nothing to compare with, and all of them failed", slipway.Answers{}, answers(0, 30, ms), slipway.FindingBad, "too few to compare with"},
		{"as good", answers(500, 1, 20*ms), answers(100, 0, 22*ms), slipway.FindingGood, "0 % of its 100 answers failed (between 0 % and 3.7 %), of the old release's 501 0.2 % (between under 0.1 % and 1.1 %)"},
		{"one failure is chance", answers(500, 0, ms), answers(99, 1, ms), slipway.FindingGood, "1 % of its 100"},
		{"three may be", answers(500, 2, ms), answers(97, 3, ms), slipway.FindingGood, "that is not known to be more than chance"},
		{"many are not", answers(500, 0, ms), answers(90, 10, ms), slipway.FindingBad, "10 % of its 100 answers failed (between 5.5 % and 17.4 %), of the old release's 500 0 % (between 0 % and 0.8 %); chance explains that in at most"},
		{"more, and within what is allowed", answers(99_900, 100, ms), answers(99_300, 700, ms), slipway.FindingGood, ""},
		{"the old one fails as often", answers(450, 50, ms), answers(90, 10, ms), slipway.FindingGood, ""},
		{"slow", answers(500, 0, 20*ms), answers(100, 0, 90*ms), slipway.FindingBad, "95 % of its answers took up to"},
		{"a few slow ones are chance", answers(500, 0, 40*ms), mixed(124, 40*ms, 7, 200*ms), slipway.FindingGood, ""},
		{"some may be", answers(500, 0, 40*ms), mixed(115, 40*ms, 15, 200*ms), slipway.FindingGood, "not known to be more than chance"},
		{"more are not", answers(500, 0, 40*ms), mixed(90, 40*ms, 40, 200*ms), slipway.FindingBad, "95 % of its answers took up to"},
		{"a little slower is the measuring", answers(500, 0, ms), answers(100, 0, 3*ms), slipway.FindingGood, ""},
	} {
		got := (slipway.Judge{}).Compare(c.old, c.canary, 1)
		if got.Finding != c.want || !strings.Contains(got.Reason, c.says) || got.Chance <= 0 && got.Finding != slipway.FindingBad || got.Chance > 1 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// Of more comparisons each may be mistaken less often.
func TestJudgeOfManyParts(t *testing.T) {
	old, canary := answers(1000, 2, time.Millisecond), answers(290, 10, time.Millisecond)
	once, often := (slipway.Judge{}).Compare(old, canary, 1), (slipway.Judge{}).Compare(old, canary, 20)
	if once.Finding != slipway.FindingBad || often.Finding != slipway.FindingGood || math.Abs(often.Chance-20*once.Chance) > 1e-6 {
		t.Errorf("%+v\n%+v", once, often)
	}
}
