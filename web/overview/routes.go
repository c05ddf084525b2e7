// Package overview is what the portal begins with: services by environment, what waits
// and what happened last, the search, and the figures of delivery.
package overview

import (
	"github.com/slipway-dev/slipway/web/shell"
)

// pages answer for this area. Their methods may be called at once.
type pages struct {
	*shell.Portal
	figures figuresCache
}

// Routes registers the pages of this area.
func Routes(portal *shell.Portal) {
	p := &pages{Portal: portal}
	p.HandleSignedIn("GET /{$}", p.showOverview)
	p.HandleSignedIn("GET /live", p.followOverview)
	p.HandleSignedIn("GET /search", p.search)
	p.HandleSignedIn("GET /figures", p.showFigures)
}
