package web

import "net/http"

func (p *portal) showEndedSessions(c *call) error {
	rows, err := p.EndedSessions(c.ctx)
	if err != nil {
		return err
	}
	return c.show(http.StatusOK, endedSessionsPage(c.frame("Sessions that are over", "account"), rows))
}

func (p *portal) endSession(c *call) error {
	if err := p.EndSession(c.ctx, c.r.PathValue("session")); err != nil {
		return err
	}
	return c.to("/account", "The session is over.")
}
