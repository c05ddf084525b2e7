// Package service is the pages of one service: its releases and what lies between them,
// config, overrides, host names, logs, traffic, settings; and how one is registered.
package service

import (
	"github.com/slipway-dev/slipway/web/shell"
)

// pages answer for this area. Their methods may be called at once.
type pages struct{ *shell.Portal }

// Routes registers the pages of this area.
func Routes(portal *shell.Portal) {
	p := &pages{portal}
	p.HandleSignedIn("GET /services/new", p.newService)
	p.HandleSignedIn("POST /services/detect", p.detectService)
	p.HandleSignedIn("POST /services", p.registerService)
	p.HandleSignedIn("GET /services/{service}", p.showReleases)
	p.HandleSignedIn("GET /services/{service}/live", p.followService)
	p.HandleSignedIn("GET /services/{service}/releases/{release}", p.showRelease)
	p.HandleSignedIn("GET /services/{service}/releases/{release}/sbom.json", p.downloadSBOM)
	p.HandleSignedIn("GET /services/{service}/compare", p.compareReleases)
	p.HandleSignedIn("GET /services/{service}/between", p.showBetween)
	p.HandleSignedIn("GET /services/{service}/config", p.showConfig)
	p.HandleSignedIn("POST /services/{service}/config", p.changeConfig)
	p.HandleSignedIn("GET /services/{service}/config/versions", p.showConfigVersions)
	p.HandleSignedIn("POST /services/{service}/config/restore", p.restoreConfig)
	p.HandleSignedIn("POST /services/{service}/secrets", p.changeSecret)
	p.HandleSignedIn("GET /services/{service}/logs", p.showServiceLog)
	p.HandleSignedIn("GET /services/{service}/logs/live", p.followServiceLog)
	p.HandleSignedIn("GET /services/{service}/traffic", p.showTraffic)
	p.HandleSignedIn("GET /services/{service}/activity", p.showActivity)
	p.HandleSignedIn("GET /services/{service}/settings", p.showSettings)
	p.HandleSignedIn("POST /services/{service}/settings", p.changeService)
	p.HandleSignedIn("POST /services/{service}/domains", p.changeDomains)
	p.HandleSignedIn("POST /services/{service}/overrides", p.changeOverrides)
	p.HandleSignedIn("POST /services/{service}/overrides/detect", p.detectOverrides)
	p.HandleSignedIn("POST /services/{service}/remove", p.removeService)
}
