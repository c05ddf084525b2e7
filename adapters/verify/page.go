package verify

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

// What looking at pages may take: it is no crawler.
const (
	pageLimit    = 20 * time.Second // for everything of a verification
	fileLimit    = 5 * time.Second  // for one file
	mostRedirect = 5
	mostFiles    = 40
	filesAtOnce  = 4
	mostNamed    = 3
	deepest      = 3 // sheets that sheets import
)

// visitor asks as a browser does: it has cookies, and it follows redirects within
// the service's own host.
type visitor struct {
	client  *http.Client
	req     slipway.VerifyRequest
	cookies map[string]string
	secure  []string // cookies for https only that came over http
}

// visit is where a request led.
type visit struct {
	path             string // on the service's host, with its query
	status           int
	kind             string // media type
	body             []byte
	away             *url.URL // a redirect that leads to another host, or to https
	foreign, unknown bool     // another deployment answered; nobody did
	why              string
}

// pages looks at what somebody meets who opens the service: its first page, and the
// one by which it is found healthy, such as the one to sign in at. It returns a
// result for a page that has something wrong with it. What fails nothing is a
// warning.
func (h *HTTP) pages(ctx context.Context, req slipway.VerifyRequest, log io.Writer) []slipway.CheckResult {
	if req.Pages == slipway.PagesIgnore {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pageLimit)
	defer cancel()
	paths := []string{"/"}
	if req.Health != "" && req.Health != "/" {
		paths = append(paths, "/"+strings.TrimPrefix(req.Health, "/"))
	}
	var results []slipway.CheckResult
	var seen []string
	warned := false
	for _, path := range paths {
		v := &visitor{client: h.client, req: req, cookies: map[string]string{}}
		result := slipway.CheckResult{Path: path, Passed: true, Requests: 1}
		began := time.Now()
		page := v.open(ctx, path, "text/html,application/xhtml+xml,*/*;q=0.8")
		result.Millis = int(time.Since(began).Milliseconds())
		switch {
		case page.foreign || ctx.Err() != nil:
			return results // it is another release's; or there is no time left
		case page.away != nil && v.unserved(page.away):
			result.Passed, result.Reason = false, onlyHTTPS(path, req.Host)
			return append(results, result)
		case page.away != nil:
			fmt.Fprintf(log, "GET %s leads away from the service, to %.80s\n", path, page.away.Scheme+"://"+page.away.Host)
			continue
		case page.status >= 500 || page.unknown:
			result.Warnings = []string{fmt.Sprintf("whoever opens %s gets no page: it %s", path, page.says())}
			results = append(results, result)
			continue
		case page.status == http.StatusNotFound && path == "/" && len(paths) > 1:
			fmt.Fprintf(log, "GET / answers 404: the service has no first page; %s is its health path\n", paths[1])
			continue
		case page.status >= 300 || page.kind != "text/html" || slices.Contains(seen, page.path):
			continue // no page: an API has none
		}
		seen = append(seen, page.path)
		files, styles := filesOf(page.body, v.base(page.path), v.own)
		bad, sheets := v.look(ctx, files)
		first := ""
		if len(files) == mostFiles {
			first = "first "
		}
		result.Requests += len(files)
		if len(bad) == 0 {
			fmt.Fprintf(log, "GET %s is a page, and the %s%d files of its own that it asks for are there\n", path, first, len(files))
		} else if said := missing(path, bad, len(files)); req.Pages == slipway.PagesRefuse {
			result.Passed, result.Reason = false, said
			return append(results, result)
		} else {
			result.Warnings = append(result.Warnings, said)
		}
		named, bad := v.sheets(ctx, append(styles, sheets...), files)
		result.Requests += named
		if len(bad) > 0 {
			result.Warnings = append(result.Warnings, missingOfSheets(path, bad))
		}
		if len(v.secure) > 0 && !warned {
			result.Warnings, warned = append(result.Warnings, v.onlySecure(path)), true
		}
		if len(result.Warnings) > 0 {
			results = append(results, result)
		}
	}
	return results
}

// onlySecure says what becomes of cookies that are for https only.
func (v *visitor) onlySecure(path string) string {
	fate := "no browser keeps them, so that nobody stays signed in and forms are refused"
	if v.trusted() {
		fate = "browsers that trust .localhost keep them, others (Safari) and programs don't, so that there nobody stays signed in"
	}
	return fmt.Sprintf("%s sets cookies for https only (Secure: %.80s), and the edge serves http only here: %s; let that setting come from a variable "+
		"(Django: SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE; Flask: SESSION_COOKIE_SECURE; Starlette: https_only), and give it False in this environment (slipway config set)",
		path, strings.Join(v.secure, ", "), fate)
}

// trusted tells whether browsers treat the service's name as their own machine.
func (v *visitor) trusted() bool {
	name := strings.ToLower(hostname(v.req.Host))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// keep is what a browser keeps of an answer's cookies.
func (v *visitor) keep(cookies []*http.Cookie) {
	for _, c := range cookies {
		if c.Secure && v.scheme() == "http" {
			if !slices.Contains(v.secure, c.Name) {
				v.secure = append(v.secure, c.Name)
			}
			if !v.trusted() {
				continue
			}
		}
		v.cookies[c.Name] = c.Value
	}
}

func missingOfSheets(path string, bad []string) string {
	what := "a file that does not come"
	if len(bad) > 1 {
		what = fmt.Sprintf("%d files that do not come", len(bad))
	}
	return fmt.Sprintf("style sheets of %s name %s: %s", path, what, listed(bad))
}

func listed(bad []string) string {
	named := strings.Join(bad[:min(len(bad), mostNamed)], ", ")
	if len(bad) > mostNamed {
		named += fmt.Sprintf(" and %d more", len(bad)-mostNamed)
	}
	return named
}

// onlyHTTPS says what is wrong with redirects to an address that nobody serves.
func onlyHTTPS(path, host string) string {
	return fmt.Sprintf("GET %s is answered with a redirect to https://%.80s, and the edge serves http only here, so that nobody gets there: switch the redirect off in this environment "+
		"(Django: SECURE_SSL_REDIRECT = False; Flask-Talisman: force_https=False; Starlette and FastAPI: no HTTPSRedirectMiddleware), "+
		"by a variable that its settings read (slipway config set), and promote again", path, host)
}

func missing(path string, bad []string, of int) string {
	what := "a file of its own that does not come"
	if len(bad) > 1 {
		what = fmt.Sprintf("%d of its own %d files that do not come", len(bad), of)
	}
	return fmt.Sprintf("the page %s asks for %s: %s", path, what, listed(bad))
}

func (v visit) says() string {
	if v.unknown {
		return v.why
	}
	return fmt.Sprintf("answers %d%s", v.status, excerpt(v.body))
}

// own tells whether an address is the service's. Which port it has at the edge a
// service doesn't know.
func (v *visitor) own(u *url.URL) bool { return strings.EqualFold(u.Hostname(), hostname(v.req.Host)) }

func hostname(host string) string {
	u := url.URL{Host: host}
	return u.Hostname()
}

func (v *visitor) base(path string) *url.URL {
	u, err := url.Parse(path)
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	u.Scheme, u.Host = v.scheme(), v.req.Host
	return u
}

// scheme is what the edge speaks.
func (v *visitor) scheme() string {
	if strings.HasPrefix(v.req.URL, "https:") {
		return "https"
	}
	return "http"
}

// unserved tells an address of the service at which the edge doesn't listen.
func (v *visitor) unserved(u *url.URL) bool {
	return v.own(u) && u.Scheme == "https" && v.scheme() == "http"
}

// open asks for a path, and for that to which it is sent on.
func (v *visitor) open(ctx context.Context, path, accept string) visit {
	var got visit
	for range mostRedirect + 1 {
		location := ""
		got, location = v.get(ctx, path, accept)
		if location == "" {
			return got
		}
		next, err := v.base(path).Parse(location)
		if err != nil {
			return visit{path: path, unknown: true, why: "leads to an address that can't be read"}
		}
		if !v.own(next) || v.unserved(next) || next.Scheme != "http" && next.Scheme != "https" {
			got.away = next
			return got
		}
		path = next.RequestURI()
	}
	return visit{path: path, unknown: true, why: fmt.Sprintf("leads from one redirect to the next, more than %d times", mostRedirect)}
}

func (v *visitor) get(ctx context.Context, path, accept string) (got visit, location string) {
	got.path = path
	where, err := target(v.req.URL, path)
	if err != nil {
		return visit{path: path, unknown: true, why: "can't be asked for"}, ""
	}
	ctx, cancel := context.WithTimeout(ctx, fileLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return visit{path: path, unknown: true, why: "can't be asked for"}, ""
	}
	r.Host = v.req.Host
	r.Header.Set("User-Agent", "slipway-verify")
	r.Header.Set("Accept", accept)
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value}) // #nosec G124 -- sent back to who set it
	}
	answer, err := v.client.Do(r)
	if err != nil {
		got.unknown, got.why = true, "got no answer: "+reason(err)
		if isTimeout(err) {
			got.why = fmt.Sprintf("gave no answer within %s", fileLimit)
		}
		return got, ""
	}
	defer answer.Body.Close()
	got.status = answer.StatusCode
	got.kind, _, _ = mime.ParseMediaType(answer.Header.Get("Content-Type"))
	got.foreign = answer.Header.Get(slipway.ReleaseHeader) != v.req.Release
	if got.kind == "text/html" && strings.Contains(accept, "text/html") || got.kind == "text/css" || got.status >= 500 {
		v.keep(answer.Cookies())
		got.body, _, _ = read(answer.Body, "", cancel)
	}
	if got.status >= 300 && got.status < 400 {
		v.keep(answer.Cookies())
		location = answer.Header.Get("Location")
	}
	return got, location
}
