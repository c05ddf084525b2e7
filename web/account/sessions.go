package account

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/web/shell"
)

func (p *pages) showEndedSessions(c *shell.Call) error {
	rows, err := p.EndedSessions(c.Ctx)
	if err != nil {
		return err
	}
	return c.Show(http.StatusOK, endedSessionsPage(c.Frame("Sessions that are over", "account"), rows))
}

func (p *pages) endSession(c *shell.Call) error {
	if err := p.EndSession(c.Ctx, c.R.PathValue("session")); err != nil {
		return err
	}
	return c.To("/account", "The session is over.")
}

// program is what a browser or another program calls itself, in few words.
func program(agent string) string {
	switch {
	case agent == "":
		return "unknown"
	case strings.HasPrefix(agent, "slipway/"):
		return "the command line"
	case !strings.HasPrefix(agent, "Mozilla/"):
		return agent
	}
	first := func(pairs ...string) string {
		for i := 0; i < len(pairs); i += 2 {
			if strings.Contains(agent, pairs[i]) {
				return pairs[i+1]
			}
		}
		return ""
	}
	name := first("Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari")
	system := first("iPhone", "iOS", "iPad", "iOS", "Android", "Android", "Windows", "Windows", "Mac OS X", "macOS", "Linux", "Linux")
	if name == "" || system == "" {
		return agent
	}
	return name + " on " + system
}
