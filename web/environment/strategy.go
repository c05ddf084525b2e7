package environment

import (
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/web/shell"
)

// stages are a canary's, as they stand in the form.
func stages(s slipway.Strategy) string {
	var words []string
	for _, stage := range s.Stages {
		words = append(words, stage.String())
	}
	return strings.Join(words, ", ")
}

// strategyOf reads the form.
func strategyOf(c *shell.Call) (s slipway.Strategy, err error) {
	s.Kind = slipway.StrategyKind(c.Form("strategy"))
	for _, text := range strings.FieldsFunc(c.Form("stages"), func(r rune) bool { return r == ',' || r == ' ' }) {
		stage, err := slipway.ParseStage(text)
		if err != nil {
			return s, err
		}
		s.Stages = append(s.Stages, stage)
	}
	for _, f := range []struct {
		field string
		into  *float64
	}{{"max_failures", &s.Judge.MaxFailureRate}, {"max_latency", &s.Judge.MaxLatency}} {
		if text := c.Form(f.field); text != "" {
			if *f.into, err = strconv.ParseFloat(text, 64); err != nil {
				return s, slipway.Errorf(slipway.Invalid, "%q is not a number", text).At(f.field)
			}
		}
	}
	s.Judge.MaxFailureRate /= 100 // people say it in percent
	if text := c.Form("min_requests"); text != "" {
		if s.Judge.MinRequests, err = strconv.Atoi(text); err != nil {
			return s, slipway.Errorf(slipway.Invalid, "%q is not a whole number", text).At("min_requests")
		}
	}
	return s, nil
}

// judged is what an empty field of the judge means.
var judged = (slipway.Strategy{}).Defaults().Judge

// blankFactor is a number in a form; empty where none was given.
func blankFactor(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'g', 6, 64)
}
