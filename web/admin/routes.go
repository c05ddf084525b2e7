// Package admin is the pages that only admins of the platform see: how people sign in,
// through which providers, and the audit log.
package admin

import (
	"github.com/slipway-dev/slipway/web/shell"
)

// pages answer for this area. Their methods may be called at once.
type pages struct{ *shell.Portal }

// Routes registers the pages of this area.
func Routes(portal *shell.Portal) {
	p := &pages{portal}
	p.HandleSignedIn("GET /settings/sign-in", p.showSignIn)
	p.HandleSignedIn("POST /settings/sign-in", p.changePasswords)
	p.HandleSignedIn("POST /settings/providers", p.addProvider)
	p.HandleSignedIn("GET /settings/providers/{provider}", p.showProvider)
	p.HandleSignedIn("POST /settings/providers/{provider}", p.changeProvider)
	p.HandleSignedIn("POST /settings/providers/{provider}/remove", p.removeProvider)
	p.HandleSignedIn("GET /audit", p.showAudit)
	p.HandleSignedIn("GET /audit.csv", p.exportAudit)
}
