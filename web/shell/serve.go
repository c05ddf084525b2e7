package shell

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
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/words"
)

// policy lets a page load what this server embeds, and nothing else. There is
// no inline script and no inline style anywhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Handler answers one request; an error becomes a page of its own.
type Handler func(c *Call) error

// Call is one request: what came, who asks, and what every page shows.
type Call struct {
	W         http.ResponseWriter
	R         *http.Request
	Ctx       context.Context // of the request, with the viewer
	portal    *Portal
	Viewer    slipway.Viewer
	secret    string // of this browser's forms
	RequestID string // its id
	formOurs  bool   // it is a form of a page for this browser and session
}

// guarded sets the headers that are right for every page and refuses what
// another site sends.
func (p *Portal) guarded(next http.Handler) http.Handler {
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
			c := &Call{W: w, R: r, Ctx: r.Context(), portal: p, RequestID: h.Get("X-Request-Id")}
			c.fail(slipway.Errorf(slipway.Denied, "a page of another site sent this request; open Slipway from its own address"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// elsewhere is where a page lies that was asked for under a name that other
// programs share; "" when it was the portal's own. The port is the one that was
// asked: a tunnel may have another than the platform.
func (p *Portal) elsewhere(r *http.Request) string {
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
func (p *Portal) serve(answer Handler, session bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &Call{W: w, R: r, Ctx: r.Context(), portal: p, RequestID: w.Header().Get("X-Request-Id")}
		c.secret = p.formSecret(w, r)
		v, err := p.viewer(w, r)
		switch {
		case err == nil:
			c.Viewer, c.Ctx = v, slipway.WithViewer(r.Context(), v)
		case session || slipway.CodeOf(err) != slipway.Unauthenticated:
			c.fail(err)
			return
		}
		if err := c.ours(); err != nil {
			c.fail(err)
			return
		}
		c.formOurs = r.Method == http.MethodPost
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
func (c *Call) ours() error {
	if c.R.Method == http.MethodGet || c.R.Method == http.MethodHead {
		return nil
	}
	if err := c.R.ParseForm(); err != nil {
		return slipway.Errorf(slipway.Invalid, "the form can't be read; go back and send it again")
	}
	if !formTokenFits(c.R.PostForm.Get("_form"), c.secret, c.Viewer) {
		return slipway.Errorf(slipway.Denied, "this form is not of your session any more; go back, reload the page and send it again")
	}
	return nil
}

// Form is a field of the form that was sent, without blanks around it.
func (c *Call) Form(name string) string { return strings.TrimSpace(c.R.PostForm.Get(name)) }

// SecretOf is a field that holds a secret, as it was typed.
func (c *Call) SecretOf(name string) slipway.Secret { return slipway.NewSecret(c.R.PostForm.Get(name)) }

// Query is a parameter of the address.
func (c *Call) Query(name string) string { return strings.TrimSpace(c.R.URL.Query().Get(name)) }

// Fragment tells which part of a page htmx asks for; "" is all of it.
func (c *Call) Fragment() string {
	if c.R.Header.Get("HX-Request") == "" {
		return ""
	}
	return c.Query("part")
}

// Show sends a component, compressed.
func (c *Call) Show(status int, component templ.Component) error {
	h := c.W.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding, HX-Request")
	if r := refused(c.R.Context()); r != nil {
		status, component = StatusOf(r.err), r.again(component)
	}
	if !strings.Contains(c.R.Header.Get("Accept-Encoding"), "gzip") {
		c.W.WriteHeader(status)
		c.sent(component.Render(c.Ctx, parts.NewShownText(c.W)))
		return nil
	}
	h.Set("Content-Encoding", "gzip")
	c.W.WriteHeader(status)
	z, _ := gzip.NewWriterLevel(c.W, gzip.BestSpeed)
	c.sent(errors.Join(component.Render(c.Ctx, parts.NewShownText(z)), z.Close()))
	return nil
}

// sent logs what went wrong after the headers: nothing can be said to the reader then.
func (c *Call) sent(err error) {
	if err != nil && c.R.Context().Err() == nil {
		c.portal.Log.Error("a page could not be sent", "path", c.R.URL.Path, "request_id", c.RequestID, "error", err)
	}
}

// To sends the browser on after a form, with a sentence for the next page.
func (c *Call) To(path, said string) error {
	if said != "" {
		c.portal.say(c.W, c.R, c.Viewer, said)
	}
	http.Redirect(c.W, c.R, path, http.StatusSeeOther)
	return nil
}

// statuses says which HTTP status a code has.
var statuses = map[slipway.Code]int{
	slipway.Invalid: http.StatusBadRequest, slipway.NotFound: http.StatusNotFound, slipway.Conflict: http.StatusConflict,
	slipway.Outdated: http.StatusConflict, slipway.Denied: http.StatusForbidden, slipway.FactorMissing: http.StatusForbidden, slipway.Unavailable: http.StatusServiceUnavailable,
	slipway.Limited: http.StatusTooManyRequests, slipway.Refused: http.StatusUnprocessableEntity,
}

// StatusOf is the HTTP status that an error has.
func StatusOf(err error) int {
	if status, ok := statuses[slipway.CodeOf(err)]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// fail shows an error as a page. Who isn't signed in is asked to, and comes back.
func (c *Call) fail(err error) {
	if c.R.Context().Err() != nil {
		return // the reader has left
	}
	if r := refused(c.R.Context()); r != nil { // and its page can't be shown
		err = r.err
	}
	code := slipway.CodeOf(err)
	if code == slipway.Unproved {
		c.askProof(nil)
		return
	}
	if code == slipway.Unauthenticated {
		next := "/login"
		if c.R.Method == http.MethodGet && c.R.Header.Get("HX-Request") == "" && c.R.URL.Path != "/" && !strings.HasSuffix(c.R.URL.Path, "/live") {
			next += "?next=" + url.QueryEscape(c.R.URL.RequestURI())
		}
		if c.R.Header.Get("HX-Request") != "" {
			c.W.Header().Set("HX-Redirect", next)
			c.W.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.HasSuffix(c.R.URL.Path, "/live") {
			c.W.WriteHeader(http.StatusNoContent) // an event stream that gets it doesn't come back
			return
		}
		http.Redirect(c.W, c.R, next, http.StatusSeeOther)
		return
	}
	if code == slipway.Internal {
		cause := err.Error()
		var known *slipway.Error
		if errors.As(err, &known) && known.Err != nil {
			cause += ": " + known.Err.Error()
		}
		c.portal.Log.Error("a page failed", "request_id", c.RequestID, "method", c.R.Method, "path", c.R.URL.Path, "error", cause)
	}
	if c.formAgain(err) {
		return
	}
	_ = c.Show(StatusOf(err), errorPage(c.Frame(errorTitle(code), ""), code, Sentence(err), c.RequestID))
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

// Sentence is what people may read of an error: a whole sentence, without the
// advice for those who are at a terminal.
func Sentence(err error) string {
	if err == nil {
		return ""
	}
	if slipway.CodeOf(err) == slipway.Internal {
		return "The platform could not finish this. It is recorded in full in its log."
	}
	text := words.Capital(terminal.ReplaceAllString(err.Error(), ""))
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}

func (p *Portal) nothingHere(c *Call) error {
	if c.Viewer.Kind == "" {
		return slipway.Errorf(slipway.Unauthenticated, "sign in first")
	}
	return slipway.Errorf(slipway.NotFound, "there is no page at %s", c.R.URL.Path)
}

// FormRefused shows what stands in the way of a form in its page; what is no
// matter of the form's has a page of its own.
func FormRefused(err error, page func(status int, problem string) error) error {
	switch slipway.CodeOf(err) {
	case slipway.Internal, slipway.Denied, slipway.NotFound, slipway.Unauthenticated, slipway.Unproved:
		return err
	}
	return page(StatusOf(err), Sentence(err))
}
