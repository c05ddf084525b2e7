package slipway_test

import (
	"math"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

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
