// Package team is the pages about teams: members, invitations, people, and the webhooks
// that a team is told by.
package team

import (
	"github.com/slipway-dev/slipway/web/shell"
)

// pages answer for this area. Their methods may be called at once.
type pages struct{ *shell.Portal }

// Routes registers the pages of this area.
func Routes(portal *shell.Portal) {
	p := &pages{portal}
	p.HandleSignedIn("GET /teams", p.showTeams)
	p.HandleSignedIn("POST /teams", p.addTeam)
	p.HandleSignedIn("GET /teams/{team}", p.showTeam)
	p.HandleSignedIn("POST /teams/{team}/members", p.changeMember)
	p.HandleSignedIn("POST /teams/{team}/invitations", p.inviteMember)
	p.HandleSignedIn("POST /teams/{team}/remove", p.removeTeam)
	p.HandleSignedIn("GET /teams/{team}/integrations", p.showIntegrations)
	p.HandleSignedIn("POST /teams/{team}/integrations", p.addWebhook)
	p.HandleSignedIn("GET /teams/{team}/integrations/{webhook}", p.showWebhook)
	p.HandleSignedIn("POST /teams/{team}/integrations/{webhook}", p.changeWebhook)
	p.HandleSignedIn("POST /teams/{team}/integrations/{webhook}/ping", p.pingWebhook)
	p.HandleSignedIn("POST /teams/{team}/integrations/{webhook}/rotate", p.rotateWebhook)
	p.HandleSignedIn("POST /teams/{team}/integrations/{webhook}/remove", p.removeWebhook)
	p.HandleSignedIn("POST /teams/{team}/integrations/{webhook}/deliveries/{delivery}/replay", p.replayDelivery)
	p.HandleSignedIn("POST /people/{account}", p.changePerson)
}
