package shell

import (
	"net/http"
	"time"
)

// setTheme remembers light or dark in the browser; the script does it itself.
func (p *Portal) setTheme(c *Call) error {
	theme := "light"
	if c.Form("theme") == "dark" {
		theme = "dark"
	}
	http.SetCookie(c.W, &http.Cookie{Name: themeCookie, Value: theme, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()), SameSite: http.SameSiteLaxMode, Secure: p.secure(c.R)}) // #nosec G124 -- light or dark, which the script reads and writes
	return c.To(Local(c.Form("next")), "")
}

func otherTheme(theme string) string {
	if theme == "dark" {
		return "light"
	}
	return "dark"
}

// theme is light, dark, or "" for what the system prefers.
func (p *Portal) theme(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}
