package shell

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/web/parts"
)

// refusal is a form that was not taken. Its page is shown again, with what stands in
// the way and with all that was typed but secrets.
type refusal struct {
	path string     // where the form was sent
	sent url.Values // its fields
	err  error
	// request is the id under which the log has more of it; "" where there is no more
	request string
}

type refusalKey struct{}

// refused is what the page that is asked for was left by; nil in most cases.
func refused(ctx context.Context) *refusal {
	r, _ := ctx.Value(refusalKey{}).(*refusal)
	return r
}

// formAgain shows the page that a refused form stands in once more; false where the
// error is no matter of the form's, or the form doesn't tell its page.
func (c *Call) formAgain(err error) bool {
	switch slipway.CodeOf(err) {
	case slipway.Unauthenticated, slipway.Unproved:
		return false
	}
	page := c.R.PostForm.Get("_page")
	if page == "" || !c.formOurs || c.R.Header.Get("HX-Request") != "" {
		return false
	}
	there, bad := url.ParseRequestURI(Local(page))
	if bad != nil {
		return false
	}
	why := &refusal{path: c.R.URL.Path, sent: c.R.PostForm, err: err}
	if slipway.CodeOf(err) == slipway.Internal {
		why.request = c.RequestID
	}
	ctx := context.WithValue(c.R.Context(), refusalKey{}, why)
	r := c.R.Clone(ctx)
	r.Method, r.URL, r.RequestURI = http.MethodGet, there, there.RequestURI()
	r.Body, r.ContentLength, r.Form, r.PostForm = http.NoBody, 0, nil, nil
	c.portal.mux.ServeHTTP(c.W, r)
	return true
}

// again is a page with what a refusal adds to it.
func (r *refusal) again(page templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var whole bytes.Buffer
		if err := page.Render(ctx, parts.NewShownText(&whole)); err != nil {
			return err
		}
		root, err := html.Parse(&whole)
		if err != nil {
			return err
		}
		form := r.form(root)
		if form != nil {
			r.fill(form)
			for up := form.Parent; up != nil; up = up.Parent {
				if up.Data == "details" {
					setAttribute(up, "open", "")
				}
			}
		}
		if err := r.say(ctx, root, form); err != nil {
			return err
		}
		return html.Render(w, root)
	})
}
