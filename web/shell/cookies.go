package shell

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
)

// The cookies. Over https their names begin with __Host-, which a browser takes
// from this host alone; over http on loopback, where several programs share a
// host, they end with the port.
const (
	accessCookie  = "slipway-access"  // a JWT of ten minutes
	refreshCookie = "slipway-refresh" // good once, for the next pair
	formCookie    = "slipway-form"    // what the tokens in forms are made of
	SignInCookie  = "slipway-signin"  // of who is away at a provider
	browserCookie = "slipway-browser" // that its people have signed in with it before
	saidCookie    = "slipway-said"    // what the next page says, once
	themeCookie   = "slipway-theme"   // light or dark; the script writes it too
)

// browserLife is how long a browser stays known; what it keeps says so itself.
const browserLife = 90 * 24 * time.Hour

// formLife is how long a page may lie open before its forms are sent.
const formLife = 14 * 24 * time.Hour

func (p *Portal) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(p.Address, "https://")
}

func (p *Portal) cookieName(r *http.Request, name string) string {
	if p.secure(r) {
		return "__Host-" + name
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return name + "-" + port
	}
	return name
}

// SetCookie gives the browser a cookie for this host alone; an empty value takes it away.
func (p *Portal) SetCookie(w http.ResponseWriter, r *http.Request, name, value string, life time.Duration) {
	c := &http.Cookie{ // #nosec G124 -- Secure wherever the portal is reached by https; on loopback it is not
		Name: p.cookieName(r, name), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: p.secure(r),
	}
	if value == "" || life <= 0 {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// Cookie is what the browser brought, "" for nothing.
func (p *Portal) Cookie(r *http.Request, name string) string {
	c, err := r.Cookie(p.cookieName(r, name))
	if err != nil {
		return ""
	}
	return c.Value
}

// Keep puts a session into the browser.
func (p *Portal) Keep(w http.ResponseWriter, r *http.Request, s identity.Session) {
	p.SetCookie(w, r, accessCookie, s.Access.Reveal(), time.Until(s.AccessExpires))
	p.SetCookie(w, r, refreshCookie, s.Refresh.Reveal(), time.Until(s.Expires))
	if s.Browser.Reveal() != "" {
		p.SetCookie(w, r, browserCookie, s.Browser.Reveal(), browserLife)
	}
}

// Forget takes the session, and what its forms were made with, out of the browser.
func (p *Portal) Forget(w http.ResponseWriter, r *http.Request) {
	for _, name := range []string{accessCookie, refreshCookie, formCookie} {
		p.SetCookie(w, r, name, "", 0)
	}
}

// formSecret is what this browser's form tokens are made of, given to it at its
// first page.
func (p *Portal) formSecret(w http.ResponseWriter, r *http.Request) string {
	if have := p.Cookie(r, formCookie); len(have) == 43 {
		return have
	}
	return p.NewFormSecret(w, r)
}

// NewFormSecret makes the forms of pages that lie open in this browser worth nothing.
func (p *Portal) NewFormSecret(w http.ResponseWriter, r *http.Request) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	secret := base64.RawURLEncoding.EncodeToString(b[:])
	p.SetCookie(w, r, formCookie, secret, formLife)
	return secret
}

// formToken goes into each form. It belongs to a browser and a session: one of
// before signing in is no good afterwards. It is masked anew each time, so that
// the length of compressed pages tells nothing about it.
func formToken(secret string, v slipway.Viewer) string {
	var out [2 * sha256.Size]byte
	_, _ = rand.Read(out[:sha256.Size]) // never fails since Go 1.24
	subtle.XORBytes(out[sha256.Size:], out[:sha256.Size], formKey(secret, v))
	return base64.RawURLEncoding.EncodeToString(out[:])
}

func formKey(secret string, v slipway.Viewer) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("form " + v.Session))
	return mac.Sum(nil)
}

// formTokenFits tells whether a token is one for this browser and session.
func formTokenFits(token, secret string, v slipway.Viewer) bool {
	sent, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(sent) != 2*sha256.Size {
		return false
	}
	var got [sha256.Size]byte
	subtle.XORBytes(got[:], sent[:sha256.Size], sent[sha256.Size:])
	return subtle.ConstantTimeCompare(got[:], formKey(secret, v)) == 1
}

// say leaves a sentence for the next page of a session. Its seal is of this process: one
// that another is to show isn't shown.
func (p *Portal) say(w http.ResponseWriter, r *http.Request, v slipway.Viewer, text string) {
	p.SetCookie(w, r, saidCookie, base64.RawURLEncoding.EncodeToString([]byte(text))+"."+p.saidSeal(v, text), time.Minute)
}

// saidSeal keeps others' sentences out of our pages: what listens at another port of
// this host can give a browser cookies.
func (p *Portal) saidSeal(v slipway.Viewer, text string) string {
	mac := hmac.New(sha256.New, p.sayKey[:])
	mac.Write([]byte(v.Session + " " + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (p *Portal) said(w http.ResponseWriter, r *http.Request, v slipway.Viewer) string {
	value := p.Cookie(r, saidCookie)
	if value == "" {
		return ""
	}
	p.SetCookie(w, r, saidCookie, "", 0)
	value, seal, _ := strings.Cut(value, ".")
	text, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(text) > 1000 || !hmac.Equal([]byte(seal), []byte(p.saidSeal(v, string(text)))) {
		return ""
	}
	return string(text)
}

// Local makes where to go next a path on this host, whatever was asked for.
func Local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\x00\r\n\t") || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return next
}
