package web

import (
	"compress/gzip"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/slipway-dev/slipway"
)

// policy lets a page load what this server embeds, and nothing else. There is
// no inline script and no inline style anywhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// page answers one request; an error becomes a page of its own.
type page func(c *call) error

// call is one request: what came, who asks, and what every page shows.
type call struct {
	w       http.ResponseWriter
	r       *http.Request
	ctx     context.Context // with the viewer
	portal  *portal
	viewer  slipway.Viewer
	secret  string // of this browser's forms
	request string // its id
}

// guarded sets the headers that are right for every page and refuses what
// another site sends.
func (p *portal) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		if strings.Contains(r.URL.Path, "/invitations/") {
			h.Set("Referrer-Policy", "no-referrer") // its address is a secret
		}
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if there := p.elsewhere(r); there != "" {
			misdirected(w, r, there)
			return
		}
		if err := p.origin.Check(r); err != nil {
			c := &call{w: w, r: r, ctx: r.Context(), portal: p, request: h.Get("X-Request-Id")}
			c.fail(slipway.Errorf(slipway.Denied, "a page of another site sent this request; open Slipway from its own address"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// elsewhere is where a page lies that was asked for under a name that other
// programs share; "" when it was the portal's own. The port is the one that was
// asked: a tunnel may have another than the platform.
func (p *portal) elsewhere(r *http.Request) string {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, ""
	}
	if p.ownHost == "" || strings.EqualFold(strings.TrimSuffix(host, "."), p.ownHost) {
		return ""
	}
	there := "http://" + p.ownHost
	if n, err := strconv.ParseUint(port, 10, 16); err == nil { // a number, and not what makes the host another one's
		there += ":" + strconv.FormatUint(n, 10)
	}
	return there
}

// misdirected sends a reader to a page's own address, without a cookie and
// without looking at one. What was sent with a form is not passed on.
func misdirected(w http.ResponseWriter, r *http.Request, there string) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		http.Redirect(w, r, there+r.URL.RequestURI(), http.StatusFound) // #nosec G710 -- the host is ours, the port a number, and what follows begins with a slash
		return
	}
	http.Error(w, "The portal answers at "+there+"/ alone; open it there, and send the form again.", http.StatusMisdirectedRequest)
}

// serve finds out who asks, checks that a form is one of ours, and answers.
func (p *portal) serve(answer page, session bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r, ctx: r.Context(), portal: p, request: w.Header().Get("X-Request-Id")}
		c.secret = p.formSecret(w, r)
		v, err := p.viewer(w, r)
		switch {
		case err == nil:
			c.viewer, c.ctx = v, slipway.WithViewer(r.Context(), v)
		case session || slipway.CodeOf(err) != slipway.Unauthenticated:
			c.fail(err)
			return
		}
		if err := c.ours(); err != nil {
			c.fail(err)
			return
		}
		if err := c.proved(); err != nil {
			if asks(err) {
				c.askProof(err)
			} else {
				c.fail(err)
			}
			return
		}
		if err := answer(c); err != nil {
			c.fail(err)
		}
	})
}

// ours refuses a form that didn't come out of a page for this browser and session.
func (c *call) ours() error {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return nil
	}
	if err := c.r.ParseForm(); err != nil {
		return slipway.Errorf(slipway.Invalid, "the form can't be read; go back and send it again")
	}
	if !formTokenFits(c.r.PostForm.Get("_form"), c.secret, c.viewer) {
		return slipway.Errorf(slipway.Denied, "this form is not of your session any more; go back, reload the page and send it again")
	}
	return nil
}

// form is a field of the form that was sent, without blanks around it.
func (c *call) form(name string) string { return strings.TrimSpace(c.r.PostForm.Get(name)) }

// secretOf is a field that holds a secret, as it was typed.
func (c *call) secretOf(name string) slipway.Secret { return slipway.NewSecret(c.r.PostForm.Get(name)) }

// query is a parameter of the address.
func (c *call) query(name string) string { return strings.TrimSpace(c.r.URL.Query().Get(name)) }

// fragment tells which part of a page htmx asks for; "" is all of it.
func (c *call) fragment() string {
	if c.r.Header.Get("HX-Request") == "" {
		return ""
	}
	return c.query("part")
}

// show sends a component, compressed.
func (c *call) show(status int, component templ.Component) error {
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding, HX-Request")
	if !strings.Contains(c.r.Header.Get("Accept-Encoding"), "gzip") {
		c.w.WriteHeader(status)
		c.sent(component.Render(c.ctx, newShownText(c.w)))
		return nil
	}
	h.Set("Content-Encoding", "gzip")
	c.w.WriteHeader(status)
	z, _ := gzip.NewWriterLevel(c.w, gzip.BestSpeed)
	c.sent(errors.Join(component.Render(c.ctx, newShownText(z)), z.Close()))
	return nil
}

// sent logs what went wrong after the headers: nothing can be said to the reader then.
func (c *call) sent(err error) {
	if err != nil && c.r.Context().Err() == nil {
		c.portal.log.Error("a page could not be sent", "path", c.r.URL.Path, "request_id", c.request, "error", err)
	}
}

// to sends the browser on after a form, with a sentence for the next page.
func (c *call) to(path, said string) error {
	if said != "" {
		c.portal.say(c.w, c.r, c.viewer, said)
	}
	http.Redirect(c.w, c.r, path, http.StatusSeeOther)
	return nil
}

// statuses says which HTTP status a code has.
var statuses = map[slipway.Code]int{
	slipway.Invalid: http.StatusBadRequest, slipway.NotFound: http.StatusNotFound, slipway.Conflict: http.StatusConflict,
	slipway.Outdated: http.StatusConflict, slipway.Denied: http.StatusForbidden, slipway.FactorMissing: http.StatusForbidden, slipway.Unavailable: http.StatusServiceUnavailable,
	slipway.Limited: http.StatusTooManyRequests, slipway.Refused: http.StatusUnprocessableEntity,
}

func statusOf(err error) int {
	if status, ok := statuses[slipway.CodeOf(err)]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// fail shows an error as a page. Who isn't signed in is asked to, and comes back.
func (c *call) fail(err error) {
	if c.r.Context().Err() != nil {
		return // the reader has left
	}
	code := slipway.CodeOf(err)
	if code == slipway.Unproved {
		c.askProof(nil)
		return
	}
	if code == slipway.Unauthenticated {
		next := "/login"
		if c.r.Method == http.MethodGet && c.r.Header.Get("HX-Request") == "" && c.r.URL.Path != "/" && !strings.HasSuffix(c.r.URL.Path, "/live") {
			next += "?next=" + url.QueryEscape(c.r.URL.RequestURI())
		}
		if c.r.Header.Get("HX-Request") != "" {
			c.w.Header().Set("HX-Redirect", next)
			c.w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.HasSuffix(c.r.URL.Path, "/live") {
			c.w.WriteHeader(http.StatusNoContent) // an event stream that gets it doesn't come back
			return
		}
		http.Redirect(c.w, c.r, next, http.StatusSeeOther)
		return
	}
	if code == slipway.Internal {
		cause := err.Error()
		var known *slipway.Error
		if errors.As(err, &known) && known.Err != nil {
			cause += ": " + known.Err.Error()
		}
		c.portal.log.Error("a page failed", "request_id", c.request, "method", c.r.Method, "path", c.r.URL.Path, "error", cause)
	}
	_ = c.show(statusOf(err), errorPage(c.frame(errorTitle(code), ""), code, sentence(err), c.request))
}

func errorTitle(code slipway.Code) string {
	switch code {
	case slipway.NotFound:
		return "Not here"
	case slipway.Denied, slipway.FactorMissing:
		return "Not allowed"
	case slipway.Unavailable:
		return "Not available right now"
	case slipway.Invalid:
		return "That does not fit"
	case slipway.Limited:
		return "Too often"
	case slipway.Conflict, slipway.Outdated:
		return "Not now"
	case slipway.Refused:
		return "Refused"
	}
	return "Something broke on our side"
}

// terminal is the part of a sentence that says what to type in a terminal.
var terminal = regexp.MustCompile("(?:;|,|:)[^;]*\\bslipway [a-z][^;]*$")

// sentence is what people may read of an error: a whole sentence, without the
// advice for those who are at a terminal.
func sentence(err error) string {
	if err == nil {
		return ""
	}
	if slipway.CodeOf(err) == slipway.Internal {
		return "The platform could not finish this. It is recorded in full in its log."
	}
	text := capital(terminal.ReplaceAllString(err.Error(), ""))
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}

func (p *portal) nothingHere(c *call) error {
	if c.viewer.Kind == "" {
		return slipway.Errorf(slipway.Unauthenticated, "sign in first")
	}
	return slipway.Errorf(slipway.NotFound, "there is no page at %s", c.r.URL.Path)
}
