// Package web is the portal: pages for people, rendered on the server. It asks
// the platform for everything, as the viewer whose session the browser holds.
// Every page can be read without JavaScript, and every form sent; with it,
// parts of pages follow what happens by server-sent events.
package web

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
)

// Options are what the portal needs.
type Options struct {
	Platform *platform.Platform
	Log      *slog.Logger // nil discards
	Version  string
	// OwnHost is the host name under which alone pages are answered; who asks by
	// another one is sent there before he gets a cookie. "" answers by any name.
	OwnHost string
}

// portal answers pages. Its methods may be called at once.
type portal struct {
	*platform.Platform
	log      *slog.Logger
	version  string
	ownHost  string
	feed     *report.Feed
	sessions *refresher
	origin   *http.CrossOriginProtection
	figures  figuresCache
	sayKey   [32]byte // what seals sentences for next pages

	serversMu sync.Mutex
	servers   map[*http.Server]chan struct{} // closed when one is told to stop
}

// New makes the portal. It expects to stand behind the API's middleware, which
// names requests, bounds bodies and knows the host.
func New(o Options) (http.Handler, error) {
	if o.Platform == nil {
		return nil, errors.New("the portal needs a platform")
	}
	p := &portal{
		Platform: o.Platform, log: o.Log, version: o.Version, ownHost: o.OwnHost,
		feed: report.NewFeed(o.Platform.Reports), sessions: newRefresher(o.Platform), origin: http.NewCrossOriginProtection(),
		servers: map[*http.Server]chan struct{}{},
	}
	_, _ = rand.Read(p.sayKey[:]) // never fails since Go 1.24
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	assets, err := serveAssets()
	if err != nil {
		return nil, err
	}
	mux.Handle("GET /assets/{file}", assets)
	p.routes(mux)
	return p.guarded(mux), nil
}

// routes is the whole map of the portal. What begins with anyone needs no session.
func (p *portal) routes(mux *http.ServeMux) {
	anyone := func(pattern string, h page) { mux.Handle(pattern, p.serve(h, false)) }
	signedIn := func(pattern string, h page) { mux.Handle(pattern, p.serve(h, true)) }

	anyone("GET /login", p.showLogin)
	anyone("POST /login", p.signIn)
	anyone("POST /login/factor", p.finishFactor)
	anyone("POST /login/passkey", p.beginPasskeySignIn)
	anyone("POST /login/passkey/finish", p.finishPasskeySignIn)
	anyone("GET /login/with/{provider}", p.beginSignIn)
	anyone("GET "+identity.CallbackPath+"{provider}", p.finishSignIn)
	anyone("POST /login/connect", p.connectSignIn)
	anyone("GET /setup", p.showSetUp)
	anyone("GET /invitations/{token}", p.showInvitation)
	anyone("POST /invitations", p.acceptInvitation)
	anyone("POST /theme", p.setTheme)
	anyone("/", p.nothingHere)
	signedIn("POST /logout", p.signOut)

	signedIn("GET /{$}", p.showOverview)
	signedIn("GET /live", p.followOverview)
	signedIn("GET /search", p.search)
	signedIn("GET /figures", p.showFigures)
	signedIn("GET /promotions", p.listPromotions)
	signedIn("GET /promotions/{id}", p.showPromotion)
	signedIn("GET /promotions/{id}/live", p.followPromotion)
	signedIn("GET /promotions/{id}/log/{step}", p.downloadLog)
	signedIn("POST /promotions/{id}/cancel", p.cancelPromotion)
	signedIn("POST /promotions/{id}/canary", p.steer)
	signedIn("GET /promotions/{id}/decide", p.showDecide)
	signedIn("POST /promotions/{id}/decide", p.decide)
	signedIn("POST /promotions/{id}/retry", p.retryPromotion)

	signedIn("GET /services/new", p.newService)
	signedIn("POST /services/detect", p.detectService)
	signedIn("POST /services", p.registerService)
	signedIn("GET /services/{service}", p.showReleases)
	signedIn("GET /services/{service}/live", p.followService)
	signedIn("GET /services/{service}/releases/{release}", p.showRelease)
	signedIn("GET /services/{service}/releases/{release}/sbom.json", p.downloadSBOM)
	signedIn("GET /services/{service}/compare", p.compareReleases)
	signedIn("GET /services/{service}/between", p.showBetween)
	signedIn("GET /services/{service}/config", p.showConfig)
	signedIn("POST /services/{service}/config", p.changeConfig)
	signedIn("POST /services/{service}/secrets", p.changeSecret)
	signedIn("GET /services/{service}/logs", p.showServiceLog)
	signedIn("GET /services/{service}/logs/live", p.followServiceLog)
	signedIn("GET /services/{service}/traffic", p.showTraffic)
	signedIn("GET /services/{service}/activity", p.showActivity)
	signedIn("GET /services/{service}/settings", p.showSettings)
	signedIn("POST /services/{service}/settings", p.changeService)
	signedIn("POST /services/{service}/domains", p.changeDomains)
	signedIn("POST /services/{service}/overrides", p.changeOverrides)
	signedIn("POST /services/{service}/overrides/detect", p.detectOverrides)
	signedIn("POST /services/{service}/remove", p.removeService)
	signedIn("GET /services/{service}/promote", p.planPromotion)
	signedIn("POST /services/{service}/promote", p.promote)
	signedIn("GET /services/{service}/rollback", p.planRollback)
	signedIn("POST /services/{service}/rollback", p.rollback)

	signedIn("GET /environments", p.showEnvironments)
	signedIn("POST /environments", p.addEnvironment)
	signedIn("POST /environments/{environment}", p.changeEnvironment)
	signedIn("GET /environments/{environment}/policy", p.showPolicy)
	signedIn("POST /environments/{environment}/policy", p.changePolicy)
	signedIn("GET /nodes", p.showNodes)
	signedIn("GET /freezes", p.showFreezes)
	signedIn("POST /freezes", p.addFreeze)
	signedIn("POST /freezes/{id}/lift", p.liftFreeze)
	signedIn("POST /services/{service}/holds", p.changeHold)
	signedIn("POST /services/{service}/unrecorded", p.changeUnrecorded)
	signedIn("GET /teams", p.showTeams)
	signedIn("POST /teams", p.addTeam)
	signedIn("GET /teams/{team}", p.showTeam)
	signedIn("POST /teams/{team}/members", p.changeMember)
	signedIn("POST /teams/{team}/invitations", p.inviteMember)
	signedIn("POST /teams/{team}/remove", p.removeTeam)
	signedIn("GET /teams/{team}/integrations", p.showIntegrations)
	signedIn("POST /teams/{team}/integrations", p.addWebhook)
	signedIn("GET /teams/{team}/integrations/{webhook}", p.showWebhook)
	signedIn("POST /teams/{team}/integrations/{webhook}", p.changeWebhook)
	signedIn("POST /teams/{team}/integrations/{webhook}/ping", p.pingWebhook)
	signedIn("POST /teams/{team}/integrations/{webhook}/rotate", p.rotateWebhook)
	signedIn("POST /teams/{team}/integrations/{webhook}/remove", p.removeWebhook)
	signedIn("POST /teams/{team}/integrations/{webhook}/deliveries/{delivery}/replay", p.replayDelivery)
	signedIn("POST /people/{account}", p.changePerson)
	signedIn("GET "+identity.DevicePath, p.showDevice)
	signedIn("POST "+identity.DevicePath, p.decideDevice)
	signedIn("GET /settings/sign-in", p.showSignIn)
	signedIn("POST /settings/sign-in", p.changePasswords)
	signedIn("POST /settings/providers", p.addProvider)
	signedIn("GET /settings/providers/{provider}", p.showProvider)
	signedIn("POST /settings/providers/{provider}", p.changeProvider)
	signedIn("POST /settings/providers/{provider}/remove", p.removeProvider)
	signedIn("GET /audit", p.showAudit)
	signedIn("GET /audit.csv", p.exportAudit)
	signedIn("GET /account", p.showAccount)
	signedIn("POST /account", p.changeAccount)
	signedIn("POST /account/password", p.changePassword)
	signedIn("GET /account/sessions", p.showEndedSessions)
	signedIn("POST /account/sessions/{session}/end", p.endSession)
	signedIn("GET /account/factors", p.showFactors)
	signedIn("POST /account/factors/totp", p.beginTOTP)
	signedIn("POST /account/factors/passkeys", p.beginPasskey)
	signedIn("POST /account/factors/passkeys/confirm", p.addPasskey)
	signedIn("POST /account/proof/passkey", p.beginPasskeyProof)
	signedIn("POST /account/factors/{factor}/confirm", p.confirmTOTP)
	signedIn("POST /account/factors/{factor}/remove", p.removeFactor)
	signedIn("POST /account/factors/recovery-codes", p.renewRecoveryCodes)
	signedIn("GET /account/tokens", p.showTokens)
	signedIn("POST /account/tokens", p.addToken)
	signedIn("POST /account/tokens/{id}/revoke", p.revokeToken)
}
