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
	for _, c := range []struct {
		name        string
		old, canary slipway.Answers
		want        slipway.Finding
		says        string
	}{
		{"nothing", slipway.Answers{}, slipway.Answers{}, slipway.FindingTooLittle, "0 requests reached it"},
		{"few", answers(500, 0, time.Millisecond), answers(12, 0, time.Millisecond), slipway.FindingTooLittle, "12 requests reached it"},
		{"few, and all of them failed", answers(500, 0, time.Millisecond), answers(0, 5, time.Millisecond), slipway.FindingBad, "100 % of its 5 answers failed"},
		{"as good", answers(500, 1, 20*time.Millisecond), answers(100, 0, 22*time.Millisecond), slipway.FindingGood, "0 % of 100"},
		{"one failure is chance", answers(500, 0, time.Millisecond), answers(99, 1, time.Millisecond), slipway.FindingGood, "1 % of 100"},
		{"many are not", answers(500, 0, time.Millisecond), answers(90, 10, time.Millisecond), slipway.FindingBad, "10 % of its 100"},
		{"the old one fails as often", answers(450, 50, time.Millisecond), answers(90, 10, time.Millisecond), slipway.FindingGood, ""},
		{"slow", answers(500, 0, 20*time.Millisecond), answers(100, 0, 90*time.Millisecond), slipway.FindingBad, "95 % of its answers took up to"},
		{"a few slow ones are chance", answers(500, 0, 40*time.Millisecond), mixed(124, 40*time.Millisecond, 7, 200*time.Millisecond), slipway.FindingGood, ""},
		{"more are not", answers(500, 0, 40*time.Millisecond), mixed(110, 40*time.Millisecond, 20, 200*time.Millisecond), slipway.FindingBad, "95 % of its answers took up to"},
		{"a little slower is the measuring", answers(500, 0, time.Millisecond), answers(100, 0, 3*time.Millisecond), slipway.FindingGood, ""},
	} {
		if got := (slipway.Judge{}).Compare(c.old, c.canary); got.Finding != c.want || !strings.Contains(got.Reason, c.says) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestQuantile(t *testing.T) {
	var a slipway.Answers
	for ms := range 1000 {
		a.Count(200, time.Duration(ms+1)*time.Millisecond)
	}
	for _, q := range []float64{0.1, 0.5, 0.95, 0.99} {
		want := q * 1000
		if got := float64(a.Quantile(q)) / float64(time.Millisecond); math.Abs(got-want) > 0.2*want {
			t.Errorf("the %v quantile is %.0f ms, not about %.0f", q, got, want)
		}
	}
}

func TestStrategyValidate(t *testing.T) {
	for name, c := range map[string]struct {
		s  slipway.Strategy
		ok bool
	}{
		"none":             {slipway.Strategy{}, true},
		"canary":           {slipway.Strategy{Kind: slipway.Canary, Stages: []slipway.Stage{{5, 60}, {50, 0}}}, true},
		"unknown":          {slipway.Strategy{Kind: "big_bang"}, false},
		"shrinks":          {slipway.Strategy{Kind: slipway.Canary, Stages: []slipway.Stage{{50, 60}, {5, 0}}}, false},
		"everything":       {slipway.Strategy{Kind: slipway.Canary, Stages: []slipway.Stage{{100, 60}}}, false},
		"stages of others": {slipway.Strategy{Kind: slipway.Rolling, Stages: []slipway.Stage{{10, 60}}}, false},
		"no number":        {slipway.Strategy{Kind: slipway.Canary, Judge: slipway.Judge{MaxLatency: math.NaN()}}, false},
		"too long":         {slipway.Strategy{Kind: slipway.Canary, Stages: []slipway.Stage{{10, 1 << 40}}}, false},
	} {
		if err := c.s.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
