package web

import (
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
)

// canary tells whether the release takes over little by little just now.
func (v promotionView) canary() bool {
	return !v.over() && v.Rollout != nil && v.Rollout.Weight > 0
}

func rate(f float64) string { return strconv.FormatFloat(100*f, 'f', 1, 64) + " %" }

func milliseconds(ms float64) string { return strconv.FormatFloat(ms, 'f', 1, 64) + " ms" }

func (p *portal) steer(c *call) error {
	id := c.r.PathValue("id")
	if _, err := p.Steer(c.ctx, id, slipway.Steering(c.form("what"))); err != nil {
		return err
	}
	return c.to(string(at("promotions", id)), map[string]string{
		"pause": "The canary stays where it is until somebody resumes it.", "resume": "The canary goes on.",
		"promote": "The new release gets all the traffic.", "abort": "The old release gets all the traffic back.",
	}[c.form("what")])
}

// stages are a canary's, as they stand in the form.
func stages(s slipway.Strategy) string {
	var words []string
	for _, stage := range s.Stages {
		words = append(words, stage.String())
	}
	return strings.Join(words, ", ")
}

// strategy reads the form.
func (c *call) strategy() (s slipway.Strategy, err error) {
	s.Kind = slipway.StrategyKind(c.form("strategy"))
	for _, text := range strings.FieldsFunc(c.form("stages"), func(r rune) bool { return r == ',' || r == ' ' }) {
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
		if text := c.form(f.field); text != "" {
			if *f.into, err = strconv.ParseFloat(text, 64); err != nil {
				return s, slipway.Errorf(slipway.Invalid, "%q is not a number", text).At(f.field)
			}
		}
	}
	s.Judge.MaxFailureRate /= 100 // people say it in percent
	if text := c.form("min_requests"); text != "" {
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

// readiness is how a check of a rehearsal looks.
func readiness(r slipway.Readiness) state {
	switch r {
	case slipway.Ready:
		return state{Tone: "ok", Icon: "check", Word: "ready"}
	case slipway.Unready:
		return state{Tone: "bad", Icon: "cross", Word: "would fail"}
	}
	return state{Tone: "wait", Icon: "dash", Word: "look at it"}
}
