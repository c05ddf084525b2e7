package promotion

import (
	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// canary tells whether the release takes over little by little just now.
func (v promotionView) canary() bool {
	return !v.over() && v.Rollout != nil && v.Rollout.Weight > 0
}

func (p *pages) steer(c *shell.Call) error {
	id := c.R.PathValue("id")
	if _, err := p.Steer(c.Ctx, id, slipway.Steering(c.Form("what")), c.Form("reason")); err != nil {
		return err
	}
	return c.To(string(words.Path("promotions", id)), map[string]string{
		"pause": "The canary stays where it is until somebody resumes it.", "resume": "The canary goes on.",
		"promote": "The new release gets all the traffic.", "abort": "The old release gets all the traffic back.",
	}[c.Form("what")])
}

// readiness is how a check of a rehearsal looks.
func readiness(r slipway.Readiness) words.State {
	switch r {
	case slipway.Ready:
		return words.State{Tone: "ok", Icon: "check", Word: "ready"}
	case slipway.Unready:
		return words.State{Tone: "bad", Icon: "cross", Word: "fails"}
	}
	return words.State{Tone: "wait", Icon: "dash", Word: "look at it"}
}
