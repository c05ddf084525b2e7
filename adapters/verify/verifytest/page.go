package verifytest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// site is a service with a page at its root.
func site(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(slipway.ReleaseHeader, release)
		handle(w, r)
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

// page answers with HTML at one path, and with files at others.
func page(at, html string, files map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch kind, there := files[r.URL.Path]; {
		case r.URL.Path == at:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, html)
		case strings.HasPrefix(kind, "to "):
			http.Redirect(w, r, strings.TrimPrefix(kind, "to "), http.StatusFound)
		case there:
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, "x")
		default:
			http.NotFound(w, r)
		}
	}
}

func runPages(t *testing.T, open func(t *testing.T) slipway.Verifier) {
	const head = `<!doctype html><html><head>`
	for _, c := range []struct {
		name    string
		handle  http.HandlerFunc
		request slipway.VerifyRequest
		warns   string // "" when nothing is said
		fails   string // "" when it passes
		logs    string
	}{
		{name: "all there", logs: "the 3 files of its own",
			handle: page("/", head+`<link rel=stylesheet href="/a.css"><script src="b.js"></script><img src='/c.png'>`, map[string]string{"/a.css": "text/css", "/b.js": "text/javascript", "/c.png": "image/png"})},
		{name: "style sheet and script missing", warns: "the page / asks for 2 of its own 3 files that do not come: /static/a.css (404), /b.js (404)",
			handle: page("/", head+`<link href="static/a.css" rel="preload stylesheet"><script src="/b.js"></script><img src="/c.png">`, map[string]string{"/c.png": "image/png"})},
		{name: "refused where that is wanted", request: slipway.VerifyRequest{Pages: slipway.PagesRefuse}, fails: "/a.css (404)", handle: page("/", head+`<link rel=stylesheet href=/a.css>`, nil)},
		{name: "not looked at", request: slipway.VerifyRequest{Pages: slipway.PagesIgnore}, handle: page("/", head+`<link rel=stylesheet href=/a.css>`, nil)},
		{name: "what others serve is theirs", logs: "the 0 files", handle: page("/", head+`<link rel=stylesheet href="https://cdn.example.com/a.css"><script src="//cdn.example.com/b.js"></script><img src="data:image/png;base64,AA=="><script>1</script>`, nil)},
		{name: "a base", warns: "/deep/a.css (404)", handle: page("/", head+`<base href="/deep/"><script src="b.js"></script><link rel=stylesheet href=a.css>`, map[string]string{"/deep/b.js": "text/javascript"})},
		{name: "a page in the place of a script", warns: "/b.js (an HTML page comes in its place)", handle: page("/", head+`<script src="/b.js"></script>`, map[string]string{"/b.js": "text/html"})},
		{name: "behind redirects", warns: "the page / asks for a file of its own that does not come: /in/a.css (404)",
			handle: page("/in/", head+`<link rel=stylesheet href=a.css>`, map[string]string{"/": "to /next", "/next": "to http://" + host + "/in/"})},
		{name: "round and round", warns: "leads from one redirect to the next", handle: page("/x", "", map[string]string{"/": "to /"})},
		{name: "away to somebody who signs people in", logs: "leads away from the service, to https://sso.example.com", handle: page("/x", "", map[string]string{"/": "to https://sso.example.com/login?next=x"})},
		{name: "the page of its health", request: slipway.VerifyRequest{Health: "/admin/login/"}, warns: "the page /admin/login/ asks for a file of its own that does not come: /static/base.css (404)",
			handle: page("/admin/login/", head+`<link rel=stylesheet href="/static/base.css">`, nil)},
		{name: "a first page, and that of its health", request: slipway.VerifyRequest{Health: "/in/"}, warns: "the page /in/ asks for a file of its own that does not come: /in/a.css (404)", logs: "the 0 files",
			handle: func(w http.ResponseWriter, r *http.Request) {
				at := map[bool]string{true: "/", false: "/in/"}[r.URL.Path == "/"]
				page(at, map[string]string{"/": head, "/in/": head + `<link rel=stylesheet href=a.css>`}[at], nil)(w, r)
			}},
		{name: "one page for both", request: slipway.VerifyRequest{Health: "/in/"}, warns: "the page / asks for a file of its own that does not come: /in/a.css (404)",
			handle: page("/in/", head+`<link rel=stylesheet href=a.css>`, map[string]string{"/": "to /in/"})},
		{name: "an API has no page", handle: page("/x", "", map[string]string{"/": "application/json"})},
		{name: "no page but an error", request: slipway.VerifyRequest{Checks: []slipway.Check{{Path: "/ok"}}}, warns: "whoever opens / gets no page: it answers 500",
			handle: func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/" {
					http.Error(w, "template is away", 500)
				}
			}},
		{name: "every answer a redirect to https", fails: "the edge serves http only here", handle: page("/x", "", map[string]string{"/": "to https://" + host + "/"})},
		{name: "which a check would take", request: slipway.VerifyRequest{Checks: []slipway.Check{{Path: "/ok"}}}, fails: "GET /ok is answered with a redirect to https://" + host + ", and the edge serves http only here",
			handle: page("/x", "", map[string]string{"/ok": "to https://" + host + ":443/ok"})},
		{name: "all but the health path", request: slipway.VerifyRequest{Checks: []slipway.Check{{Path: "/ok"}}}, fails: "GET / is answered with a redirect to https",
			handle: page("/x", "", map[string]string{"/ok": "text/plain", "/": "to https://" + host + "/"})},
		{name: "an address with https in a page", warns: "/a.css (it is at https, and the edge serves http only here)", handle: page("/", head+`<link rel=stylesheet href="https://`+host+`/a.css">`, map[string]string{"/a.css": "text/css"})},
		{name: "what a style sheet names", warns: "style sheets of / name 4 files that do not come: /css/top.png (404), /css/print.css (404), /css/bg.png (404) and 1 more",
			handle: sheets(page("/", head+`<link rel=stylesheet href=/css/a.css><style>h1 { background: url(/css/top.png) }</style>`, map[string]string{"/css/there.svg": "image/svg+xml"}),
				map[string]string{"/css/a.css": `@import "print.css"; /* url(never.png) */ body { background: URL( 'bg.png' ) } i { mask: url(#m); content: "url(no.png)"; cursor: url(there.svg), url(data:image/png;base64,AA==) }
@font-face { font-family: a; src: url(../fonts/a.eot); src: url("../fonts/a.eot?#iefix") format("embedded-opentype"), url(../fonts/a.woff) format("woff"), url(../fonts/a.woff2) format("woff2") }`})},
		{name: "what an imported style sheet names", request: slipway.VerifyRequest{Pages: slipway.PagesRefuse}, warns: "style sheets of / name a file that does not come: /css/more/x.png (404)",
			handle: sheets(page("/", head+`<link rel=stylesheet href=/css/a.css>`, nil), map[string]string{"/css/a.css": "@import url(more/b.css) screen;", "/css/more/b.css": "@import '/css/a.css'; a{background:url(x.png)}"})},
		{name: "an image by a style", warns: "the page / asks for a file of its own that does not come: /hero.jpg (404)", handle: page("/", head+`<div style="background: url('/hero.jpg')">`, nil)},
		{name: "style sheets without an end", logs: "the 1 files", handle: sheets(page("/", head+`<link rel=stylesheet href=/a.css>`, nil), map[string]string{"/a.css": "@font-face{src:url('b.woff\na{background:url(\"x /* @import"})},
		{name: "no first page", request: slipway.VerifyRequest{Health: "/docs"}, logs: "GET / answers 404: the service has no first page; /docs is its health path", handle: page("/docs", head, nil)},
		{name: "cookies for https", request: slipway.VerifyRequest{Host: "shop.example.com"}, warns: "/ sets cookies for https only (Secure: session), and the edge serves http only here: no browser keeps them",
			handle: func(w http.ResponseWriter, r *http.Request) {
				if _, err := r.Cookie("session"); err == nil {
					http.Error(w, "a browser would not have kept it", 500)
					return
				}
				http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Secure: true}) // #nosec G124 -- of a test
				http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})              // #nosec G124 -- of a test
				page("/in/", head, map[string]string{"/": "to /in/"})(w, r)
			}},
		{name: "cookies for https on this machine", request: slipway.VerifyRequest{Host: "shop.dev.localhost:7080"}, warns: "browsers that trust .localhost keep them",
			handle: func(w http.ResponseWriter, r *http.Request) {
				if _, err := r.Cookie("session"); err != nil && r.URL.Path != "/" {
					http.Error(w, "not signed in", 403)
					return
				}
				http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Secure: true}) // #nosec G124 -- of a test
				page("/in/", head, map[string]string{"/": "to /in/"})(w, r)
			}},
		{name: "many files", warns: "and 37 more", handle: page("/", head+many(200), nil)},
		{name: "a page of another release", handle: func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.Header.Get("Accept"), "html") {
				w.Header().Set(slipway.ReleaseHeader, "6")
				page("/", head+`<link rel=stylesheet href=/a.css>`, nil)(w, r)
			}
		}},
		{name: "what is no HTML", logs: "the 0 files", handle: page("/", "<<<\x00<link rel=stylesheet href=\"/a\x7f%zz\"><script src='", nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			req := c.request
			req.URL, req.Release = site(t, c.handle), release
			if req.Host == "" {
				req.Host = host
			}
			results, err := open(t).Verify(context.Background(), req, &log)
			var warned []string
			for _, r := range results {
				warned = append(warned, r.Warnings...)
			}
			if said := strings.Join(warned, "; "); (c.warns == "") != (said == "") || !strings.Contains(said, c.warns) || said != "" && !strings.Contains(log.String(), "warning: "+warned[0]) || len(said) > 900 || strings.Count(said, "the page /") > 1 {
				t.Errorf("warned %q, want %q\n%s", said, c.warns, log.String())
			}
			if (c.fails == "") != (err == nil) || err != nil && (slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), c.fails) || results[len(results)-1].Passed) {
				t.Errorf("%v, want %q", err, c.fails)
			}
			if !strings.Contains(log.String(), c.logs) {
				t.Errorf("the log doesn't say %q:\n%s", c.logs, log.String())
			}
		})
	}
	t.Run("with the cookies that a page has set", func(t *testing.T) {
		url := site(t, func(w http.ResponseWriter, r *http.Request) {
			if c, err := r.Cookie("seen"); err == nil && c.Value == "yes" {
				page("/", head+`<script src=/s.js>`, map[string]string{"/s.js": "text/javascript"})(w, r)
				return
			}
			http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes"}) // #nosec G124 -- of a test
			http.Redirect(w, r, "/", http.StatusFound)
		})
		results, err := open(t).Verify(context.Background(), slipway.VerifyRequest{URL: url, Host: host, Release: release}, io.Discard)
		if err != nil || slices.ContainsFunc(results, func(r slipway.CheckResult) bool { return len(r.Warnings) > 0 }) {
			t.Errorf("%+v %v", results, err)
		}
	})
}

// sheets answers with style sheets, and otherwise as next does.
func sheets(next http.HandlerFunc, texts map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, there := texts[r.URL.Path]
		if !there {
			next(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/css")
		_, _ = io.WriteString(w, text)
	}
}

func many(n int) string {
	var text strings.Builder
	for k := range n {
		fmt.Fprintf(&text, `<script src="/s%d.js"></script>`, k)
	}
	return text.String()
}
