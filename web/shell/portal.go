// Package shell is what all pages of the portal stand in: it finds out who asks, keeps
// cookies and forms, draws the frame, sends assets and streams, and answers errors. The
// areas register their pages with it.
package shell

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"sync"

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

// Portal is what all pages stand in: who asks, cookies, forms, streams. Its methods
// may be called at once.
type Portal struct {
	*platform.Platform
	Log      *slog.Logger
	version  string
	ownHost  string
	Feed     *report.Feed
	sessions *refresher
	origin   *http.CrossOriginProtection
	mux      *http.ServeMux
	sayKey   [32]byte // what seals sentences for next pages

	serversMu sync.Mutex
	servers   map[*http.Server]chan struct{} // closed when one is told to stop
}

// New makes what pages stand in, with the assets and what belongs to no area.
func New(o Options) (*Portal, error) {
	if o.Platform == nil {
		return nil, errors.New("the portal needs a platform")
	}
	p := &Portal{
		Platform: o.Platform, Log: o.Log, version: o.Version, ownHost: o.OwnHost,
		Feed: report.NewFeed(o.Platform.Reports), sessions: newRefresher(o.Platform), origin: http.NewCrossOriginProtection(),
		mux: http.NewServeMux(), servers: map[*http.Server]chan struct{}{},
	}
	_, _ = rand.Read(p.sayKey[:]) // never fails since Go 1.24
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	assets, err := serveAssets()
	if err != nil {
		return nil, err
	}
	p.mux.Handle("GET /assets/{file}", assets)
	p.HandleAnyone("POST /theme", p.setTheme)
	p.HandleAnyone("/", p.nothingHere)
	return p, nil
}

// HandleAnyone answers a pattern for whoever asks, with a session or without.
func (p *Portal) HandleAnyone(pattern string, h Handler) { p.mux.Handle(pattern, p.serve(h, false)) }

// HandleSignedIn answers a pattern for people with a session; others are asked to sign in.
func (p *Portal) HandleSignedIn(pattern string, h Handler) { p.mux.Handle(pattern, p.serve(h, true)) }

// Handler answers everything that was registered.
func (p *Portal) Handler() http.Handler { return p.guarded(p.mux) }
