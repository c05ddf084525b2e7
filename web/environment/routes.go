// Package environment is the pages about environments: their order and policies, freezes
// and holds, and the nodes with what runs there and isn't on record.
package environment

import (
	"github.com/slipway-dev/slipway/web/shell"
)

// pages answer for this area. Their methods may be called at once.
type pages struct{ *shell.Portal }

// Routes registers the pages of this area.
func Routes(portal *shell.Portal) {
	p := &pages{portal}
	p.HandleSignedIn("GET /environments", p.showEnvironments)
	p.HandleSignedIn("POST /environments", p.addEnvironment)
	p.HandleSignedIn("POST /environments/{environment}", p.changeEnvironment)
	p.HandleSignedIn("GET /environments/{environment}/policy", p.showPolicy)
	p.HandleSignedIn("POST /environments/{environment}/policy", p.changePolicy)
	p.HandleSignedIn("GET /nodes", p.showNodes)
	p.HandleSignedIn("GET /freezes", p.showFreezes)
	p.HandleSignedIn("POST /freezes", p.addFreeze)
	p.HandleSignedIn("POST /freezes/{id}/lift", p.liftFreeze)
	p.HandleSignedIn("POST /services/{service}/holds", p.changeHold)
	p.HandleSignedIn("POST /services/{service}/unrecorded", p.changeUnrecorded)
}
