package web_test

import (
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/web"
	"github.com/slipway-dev/slipway/webhook"
)

const password = "correct horse battery staple"

// site is a platform with its portal behind the API's middleware, as it runs.
type site struct {
	*apitest.World
	t   testing.TB
	url string
}

func newSite(t testing.TB) *site {
	t.Helper()
	return newSiteOf(t, nil)
}

// newSiteOf is one whose connections say more of themselves.
func newSiteOf(t testing.TB, connected func(context.Context, net.Conn) context.Context) *site {
	t.Helper()
	w := apitest.New(t)
	portal, err := web.New(web.Options{Platform: w.Platform, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	handler := apitest.NewServer(t, api.Options{Platform: w.Platform, Portal: portal, Connected: connected})
	server := httptest.NewUnstartedServer(handler)
	server.Config = handler.HTTP()
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s := &site{World: w, t: t, url: server.URL}
	s.Address = server.URL
	return s
}

// as is the platform's own viewer, for what a test needs beforehand.
func as() context.Context {
	return slipway.WithViewer(context.Background(), slipway.System("test"))
}

// person makes an account with roles by team and signs it in with a browser.
func (s *site) person(name string, admin bool, roles map[string]slipway.Role) *browser {
	s.t.Helper()
	if _, err := s.AddAccount(as(), identity.AccountInput{Name: name, Admin: admin, Password: slipway.NewSecret(password)}); err != nil {
		s.t.Fatal(err)
	}
	for team, role := range roles {
		if _, err := s.AddTeam(as(), team, ""); err != nil && slipway.CodeOf(err) != slipway.Conflict {
			s.t.Fatal(err)
		}
		if _, err := s.SetMember(as(), team, name, role, nil); err != nil {
			s.t.Fatal(err)
		}
	}
	b := s.browser()
	b.signIn(name)
	return b
}

// service registers a service of a team and takes a ref of it to dev.
func (s *site) service(name, team, ref string) {
	s.t.Helper()
	if _, err := s.AddTeam(as(), team, ""); err != nil && slipway.CodeOf(err) != slipway.Conflict {
		s.t.Fatal(err)
	}
	if _, err := s.Register(as(), catalog.ServiceInput{Name: name, URL: "https://git.team.example/" + name + ".git", Team: team}); err != nil {
		s.t.Fatal(err)
	}
	s.promote(platform.PromoteInput{Service: name, Ref: ref})
}

// hook makes a team's webhook, the first one, and pings it.
func (s *site) hook(team string) {
	s.t.Helper()
	w, _, err := s.AddWebhook(as(), team, webhook.Input{URL: "https://hooks.example.com/T000/s3cr3t?x=" + url.QueryEscape(hostile)})
	if err == nil {
		_, err = s.PingWebhook(as(), team, w.ID)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) promote(in platform.PromoteInput) string {
	s.t.Helper()
	q, err := s.Promote(as(), in)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(as(), time.Minute)
	defer cancel()
	id := strings.TrimSpace(numberOf(q.ID))
	if err := s.Watch(ctx, id, "", func(report.LiveEvent) error { return nil }); err != nil {
		s.t.Fatal(err)
	}
	return id
}

func numberOf(n int) string {
	text := ""
	for ; n > 0; n /= 10 {
		text = string(rune('0'+n%10)) + text
	}
	return text
}

// browser keeps cookies, as browsers do, and goes nowhere by itself.
type browser struct {
	t    testing.TB
	base string
	http *http.Client
}

func (s *site) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{s.t, s.url, &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is what a page was answered with.
type answer struct {
	status int
	body   string
	header http.Header
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	a, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{a.StatusCode, string(body), a.Header}
}

func (b *browser) get(path string, headers ...string) answer {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

var tokenField = regexp.MustCompile(`name="_form" value="([^"]+)"`)

// token is that of the forms on a page.
func (b *browser) token(page string) string {
	b.t.Helper()
	found := tokenField.FindStringSubmatch(b.get(page).body)
	if found == nil {
		b.t.Fatalf("%s has no form", page)
	}
	return html.UnescapeString(found[1])
}

// post sends a form as its page does.
func (b *browser) post(page, path string, fields url.Values, headers ...string) answer {
	b.t.Helper()
	if fields == nil {
		fields = url.Values{}
	}
	if !fields.Has("_form") {
		fields.Set("_form", b.token(page))
	}
	if !fields.Has("_page") {
		fields.Set("_page", page)
	}
	r, err := http.NewRequest(http.MethodPost, b.base+path, strings.NewReader(fields.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

func (b *browser) signIn(name string) answer {
	b.t.Helper()
	a := b.post("/login", "/login", url.Values{"name": {name}, "password": {password}})
	if a.status != http.StatusSeeOther {
		b.t.Fatalf("sign in as %s: %d\n%s", name, a.status, a.body)
	}
	return a
}

// cookies are those that the browser would send.
func (b *browser) cookies() map[string]string {
	u, _ := url.Parse(b.base)
	out := map[string]string{}
	for _, c := range b.http.Jar.Cookies(u) {
		name, _, _ := strings.Cut(c.Name, "-"+u.Port())
		out[name] = c.Value
	}
	return out
}

// plant puts cookies into the browser, as somebody might who got at it.
func (b *browser) plant(cookies map[string]string) {
	u, _ := url.Parse(b.base)
	var list []*http.Cookie
	for name, value := range cookies {
		c := &http.Cookie{Name: name + "-" + u.Port(), Value: value, Path: "/"}
		if value == "" {
			c.MaxAge = -1
		}
		list = append(list, c)
	}
	b.http.Jar.SetCookies(u, list)
}
