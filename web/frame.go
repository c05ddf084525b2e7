package web

import (
	"github.com/slipway-dev/slipway"
)

// frame is what every page shows around its own part.
type frame struct {
	Title   string
	Nav     string // the part of the portal that is current
	Theme   string
	Viewer  slipway.Viewer
	Form    string // the token of its forms
	Said    string
	Here    string // the page's own address, to come back to
	Live    string // where its event stream is; "" for none
	After   string // from where the stream goes on
	Version string
}

func (c *call) frame(title, nav string) frame {
	return frame{
		Title: title, Nav: nav, Theme: c.portal.theme(c.r), Viewer: c.viewer, Form: formToken(c.secret, c.viewer),
		Said: c.portal.said(c.w, c.r, c.viewer), Here: local(c.r.URL.RequestURI()), Version: c.portal.version,
	}
}

// live gives a page an event stream.
func (f frame) live(path, after string) frame {
	f.Live, f.After = path, after
	return f
}

// destination is a part of the portal that every page leads to.
type destination struct{ Key, URL, Label string }

func placesFor(f frame) []destination {
	if f.Viewer.Kind == "" {
		return nil
	}
	list := []destination{
		{"overview", "/", "Overview"}, {"promotions", "/promotions", "Promotions"}, {"environments", "/environments", "Environments"},
		{"freezes", "/freezes", "Freezes"}, {"teams", "/teams", "Teams"},
	}
	if f.Viewer.Admin {
		list = append(list, destination{"audit", "/audit", "Audit"})
	}
	return list
}

// placeOf is the name of the current place, which stands on the menu's button; "" for none.
func placeOf(f frame) string {
	for _, p := range placesFor(f) {
		if p.Key == f.Nav {
			return p.Label
		}
	}
	return ""
}

// verdict is whether a viewer may do something, and if not, why.
type verdict struct {
	May bool
	Why string
}

// may tells whether the viewer may do something to what a team owns. It is for
// showing buttons: the platform decides again when one is pressed.
func (c *call) may(permission slipway.Permission, team int, environment string) verdict {
	switch c.viewer.May(permission, team, environment) {
	case slipway.Allowed:
		return verdict{May: true}
	case slipway.AdminsOnly:
		return verdict{Why: "This takes an admin of the platform."}
	case slipway.RoleMissing:
		return verdict{Why: "This takes the role " + string(permission.Least()) + "; you are " + string(c.viewer.Roles[team]) + " here."}
	}
	return verdict{Why: "You may not do this."}
}

// mayRegister tells whether there is a team in which the viewer may register.
func (c *call) mayRegister() bool {
	if c.viewer.Admin {
		return true
	}
	for team := range c.viewer.Roles {
		if c.viewer.May(slipway.PermitServiceAdd, team, "") == slipway.Allowed {
			return true
		}
	}
	return false
}
