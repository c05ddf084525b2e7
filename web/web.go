// Package web is the portal: pages for people, rendered on the server. It asks
// the platform for everything, as the viewer whose session the browser holds.
// Every page can be read without JavaScript, and every form sent; with it,
// parts of pages follow what happens by server-sent events. Each area of it is a
// package, which lists the patterns that it answers in its routes.go.
package web

import (
	"net/http"

	"github.com/slipway-dev/slipway/web/account"
	"github.com/slipway-dev/slipway/web/admin"
	"github.com/slipway-dev/slipway/web/environment"
	"github.com/slipway-dev/slipway/web/overview"
	"github.com/slipway-dev/slipway/web/promotion"
	"github.com/slipway-dev/slipway/web/service"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/team"
)

// Options are what the portal needs.
type Options = shell.Options

// New makes the portal. It expects to stand behind the API's middleware, which
// names requests, bounds bodies and knows the host.
func New(o Options) (http.Handler, error) {
	portal, err := shell.New(o)
	if err != nil {
		return nil, err
	}
	for _, routes := range []func(*shell.Portal){
		account.Routes, overview.Routes, promotion.Routes, service.Routes, environment.Routes, team.Routes, admin.Routes,
	} {
		routes(portal)
	}
	return portal.Handler(), nil
}
