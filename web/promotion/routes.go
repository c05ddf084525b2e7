// Package promotion is the pages about promotions: the plan before one is asked for, its
// steps with their logs, decisions, the canary, rollback.
package promotion

import (
	"github.com/slipway-dev/slipway/web/shell"
)

// pages answer for this area. Their methods may be called at once.
type pages struct{ *shell.Portal }

// Routes registers the pages of this area.
func Routes(portal *shell.Portal) {
	p := &pages{portal}
	p.HandleSignedIn("GET /promotions", p.listPromotions)
	p.HandleSignedIn("GET /promotions/{id}", p.showPromotion)
	p.HandleSignedIn("GET /promotions/{id}/live", p.followPromotion)
	p.HandleSignedIn("GET /promotions/{id}/log/{step}", p.downloadLog)
	p.HandleSignedIn("POST /promotions/{id}/cancel", p.cancelPromotion)
	p.HandleSignedIn("POST /promotions/{id}/canary", p.steer)
	p.HandleSignedIn("GET /promotions/{id}/decide", p.showDecide)
	p.HandleSignedIn("POST /promotions/{id}/decide", p.decide)
	p.HandleSignedIn("POST /promotions/{id}/retry", p.retryPromotion)
	p.HandleSignedIn("GET /services/{service}/promote", p.planPromotion)
	p.HandleSignedIn("POST /services/{service}/promote", p.promote)
	p.HandleSignedIn("GET /services/{service}/rollback", p.planRollback)
	p.HandleSignedIn("POST /services/{service}/rollback", p.rollback)
}
