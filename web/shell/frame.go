package shell

import (
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/web/parts"
)

// Frame is what every page shows around its own part.
type Frame struct {
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

// Frame is what a page with a title shows around its own part. What was left to say is
// said by it, once.
func (c *Call) Frame(title, nav string) Frame {
	here := Local(c.R.URL.RequestURI())
	if from := c.R.PostForm.Get("_page"); from != "" {
		here = Local(from) // an answer to a form has no address of its own
	}
	return Frame{
		Title: title, Nav: nav, Theme: c.portal.theme(c.R), Viewer: c.Viewer, Form: formToken(c.secret, c.Viewer),
		Said: c.portal.said(c.W, c.R, c.Viewer), Here: here, Version: c.portal.version,
	}
}

// WithStream gives a page an event stream.
func (f Frame) WithStream(path, after string) Frame {
	f.Live, f.After = path, after
	return f
}

// destination is a part of the portal that every page leads to.
type destination struct{ Key, URL, Label string }

func placesFor(f Frame) []destination {
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
func placeOf(f Frame) string {
	for _, p := range placesFor(f) {
		if p.Key == f.Nav {
			return p.Label
		}
	}
	return ""
}

// May tells whether the viewer may do something to what a team owns. It is for
// showing buttons: the platform decides again when one is pressed.
func (c *Call) May(permission slipway.Permission, team int, environment string) parts.Verdict {
	switch c.Viewer.May(permission, team, environment) {
	case slipway.Allowed:
		return parts.Verdict{May: true}
	case slipway.AdminsOnly:
		return parts.Verdict{Why: "This takes an admin of the platform."}
	case slipway.RoleMissing:
		return parts.Verdict{Why: "This takes the role " + string(permission.Least()) + "; you are " + string(c.Viewer.Roles[team]) + " here."}
	}
	return parts.Verdict{Why: "You may not do this."}
}

// MayRegister tells whether there is a team in which the viewer may register.
func (c *Call) MayRegister() bool {
	if c.Viewer.Admin {
		return true
	}
	for team := range c.Viewer.Roles {
		if c.Viewer.May(slipway.PermitServiceAdd, team, "") == slipway.Allowed {
			return true
		}
	}
	return false
}

// initials are what stands for a person where there is little room.
func initials(name string) string {
	out := ""
	for _, word := range strings.FieldsFunc(name, func(c rune) bool { return c == ' ' || c == '-' || c == '.' || c == '_' }) {
		out += strings.ToUpper(string([]rune(word)[:1]))
		if len([]rune(out)) == 2 {
			break
		}
	}
	return out
}
