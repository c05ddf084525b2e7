package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/openid"
	"github.com/slipway-dev/slipway/adapters/openid/openidtest"
	"github.com/slipway-dev/slipway/identity"
)

// corp is a real provider, added by an admin in the portal.
func (s *site) corp(boss *browser, groups string) *openidtest.Server {
	s.t.Helper()
	corp := openidtest.NewServer(s.t)
	s.OpenID = openid.New(http.DefaultClient)
	c := openidtest.Client(corp)
	a := boss.post("/settings/sign-in", "/settings/providers", url.Values{
		"name": {"corp"}, "issuer": {c.Issuer}, "client_id": {c.ID}, "client_secret": {c.Secret.Reveal()}, "display_name": {"Corp & Sons"},
		"scopes": {"groups"}, "groups_claim": {"groups"}, "groups": {groups},
	})
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/settings/providers/corp" {
		s.t.Fatalf("%d %s", a.status, a.body)
	}
	return corp
}

// through follows the button of the sign-in page to the provider, signs in
// there, and returns the path that the browser is sent back to.
func (b *browser) through(corp *openidtest.Server, user, next string) string {
	b.t.Helper()
	to := "/login/with/corp?next=" + url.QueryEscape(next)
	if page := b.get("/login?next=" + url.QueryEscape(next)); page.status == http.StatusOK { // nobody is signed in
		found := regexp.MustCompile(`href="(/login/with/corp[^"]*)"`).FindStringSubmatch(page.body)
		if found == nil || !strings.Contains(page.body, "Sign in with Corp &amp; Sons") {
			b.t.Fatalf("the page has no button:\n%s", page.body)
		}
		to = html.UnescapeString(found[1])
	}
	away := b.get(to)
	if c := away.header.Get("Set-Cookie"); !strings.HasPrefix(c, "slipway-signin") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") {
		b.t.Errorf("the cookie %s", c)
	}
	if away.status != http.StatusSeeOther || !strings.HasPrefix(away.header.Get("Location"), corp.Issuer()) {
		b.t.Fatalf("%d to %q\n%s", away.status, away.header.Get("Location"), away.body)
	}
	back := corp.SignIn(b.t, away.header.Get("Location"), user)
	path, ok := strings.CutPrefix(back, b.base)
	if !ok {
		b.t.Fatalf("sent back to %s", back)
	}
	return path
}

func TestSignInWithProvider(t *testing.T) {
	s := newSite(t)
	s.service("payments", "shop", "main")
	boss := s.person("boss", true, nil)
	corp := s.corp(boss, "developers=shop:developer\nleads=platform\n")
	if body := boss.get("/settings/providers/corp").body; strings.Contains(body, "a secret of the client") || !strings.Contains(body, "developers=shop:developer\nleads=platform\n</textarea>") ||
		!strings.Contains(body, s.url+"/login/callback/corp") {
		t.Errorf("the provider's page:\n%s", body)
	}

	b := s.browser()
	back := b.through(corp, "bert", "/services/payments")
	// In another browser it is worth nothing, nor does it sign that one out.
	other := s.person("carl", false, nil)
	if a := other.get(back); a.status != http.StatusUnauthorized || !strings.Contains(a.body, "not one that was begun in this browser") {
		t.Errorf("another browser: %d\n%s", a.status, a.body)
	}
	if a := other.get("/account"); a.status != http.StatusOK || !strings.Contains(a.body, "<h1>carl</h1>") {
		t.Error("carl is signed out")
	}
	if a := b.get(back); a.status != http.StatusSeeOther || a.header.Get("Location") != "/services/payments" {
		t.Fatalf("%d to %q\n%s", a.status, a.header.Get("Location"), a.body)
	}
	if a := b.get("/account"); !strings.Contains(a.body, "<h1>bert</h1>") || !strings.Contains(a.body, "Corp &amp; Sons") || strings.Contains(a.body, "Current password") || !strings.Contains(a.body, "developer in") {
		t.Errorf("bert's account:\n%s", a.body)
	}
	if a := b.get(back); a.status != http.StatusUnauthorized {
		t.Errorf("a second time: %d", a.status)
	}
	// Next is always a path here; a session that was there before is over.
	before := b.cookies()["slipway-refresh"]
	if a := b.get(b.through(corp, "ada", "//evil.example.com/x")); a.header.Get("Location") != "/" {
		t.Errorf("leads to %q", a.header.Get("Location"))
	}
	if after := b.cookies()["slipway-refresh"]; after == before || after == "" {
		t.Error("the session is the one of before")
	}
	if a := b.get("/settings/sign-in"); a.status != http.StatusOK {
		t.Errorf("ada is no admin: %d", a.status)
	}
	// What the provider refuses, and who may not.
	fresh := s.browser()
	if a := fresh.get("/login/callback/corp?error=access_denied&state=x"); a.status != http.StatusUnauthorized || strings.Contains(a.body, "access_denied") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	if a := fresh.get(fresh.through(corp, "dora", "/")); a.status != http.StatusForbidden || !strings.Contains(a.body, "none of your groups is one that may") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	if a := fresh.get(fresh.through(corp, "carol", "/")); a.status != http.StatusForbidden || !strings.Contains(a.body, "has not verified the address") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	for _, path := range []string{"/login/with/nowhere", "/login/with/..%2fadmin"} {
		if a := fresh.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	// Passwords off: the page has no field for one, and none is taken.
	if a := boss.post("/settings/sign-in", "/settings/sign-in", url.Values{"passwords": {"off"}}); a.status != http.StatusSeeOther {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	if body := fresh.get("/login").body; strings.Contains(body, `name="password"`) || !strings.Contains(body, "Passwords are switched off here.") {
		t.Errorf("the sign-in page:\n%s", body)
	}
	if a := fresh.post("/login", "/login", url.Values{"name": {"boss"}, "password": {password}}); a.status != http.StatusUnauthorized || !strings.Contains(a.body, "switched off") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	if a := boss.post("/settings/sign-in", "/settings/providers/corp/remove", url.Values{"name": {"corp"}, "revision": {"1"}}); a.status != http.StatusConflict || !strings.Contains(a.body, "No admin could sign in any more") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	if a := boss.post("/settings/sign-in", "/settings/sign-in", url.Values{"passwords": {"on"}}); a.status != http.StatusSeeOther {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	if a := boss.post("/settings/sign-in", "/settings/providers/corp/remove", url.Values{"name": {"corp"}, "revision": {"1"}}); a.status != http.StatusSeeOther {
		t.Errorf("%d\n%s", a.status, a.body)
	}
}

// TestConnectAccount gives the password of an account that there is.
func TestConnectAccount(t *testing.T) {
	s := newSite(t)
	boss := s.person("boss", true, nil)
	corp := s.corp(boss, "")
	if _, err := s.AddAccount(as(), identity.AccountInput{Name: "adele", Email: "ada@example.com", Password: slipway.NewSecret(password)}); err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	page := b.get(b.through(corp, "ada", "/account"))
	link := regexp.MustCompile(`name="link" value="([^"]+)"`).FindStringSubmatch(page.body)
	if page.status != http.StatusOK || link == nil || !strings.Contains(page.body, "Is adele you?") {
		t.Fatalf("%d\n%s", page.status, page.body)
	}
	if a := b.get("/account"); a.status != http.StatusSeeOther {
		t.Errorf("signed in without the password: %d", a.status)
	}
	form := url.Values{"link": {link[1]}, "account": {"adele"}, "provider": {"corp"}, "password": {"not it at all, no"}}
	if a := b.post("/login", "/login/connect", form); a.status != http.StatusBadRequest || !strings.Contains(a.body, "The password is wrong.") || strings.Contains(a.body, "not it at all") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	form = url.Values{"link": {link[1]}, "password": {password}}
	if a := b.post("/login", "/login/connect", url.Values{"link": {link[1]}, "password": {password}, "_form": {"forged"}}); a.status != http.StatusForbidden {
		t.Errorf("a form of another page: %d", a.status)
	}
	if a := b.post("/login", "/login/connect", form); a.status != http.StatusSeeOther || a.header.Get("Location") != "/account" {
		t.Errorf("%d to %q\n%s", a.status, a.header.Get("Location"), a.body)
	}
	if a := b.get("/account"); !strings.Contains(a.body, "<h1>adele</h1>") {
		t.Errorf("%s", a.body)
	}
}

// TestDevicePage lets a command line in, and sends one away.
func TestDevicePage(t *testing.T) {
	s := newSite(t)
	b := s.person("alice", false, nil)
	begin := func(from string) identity.DeviceBegun {
		t.Helper()
		d, err := s.BeginDevice(t.Context(), identity.Caller{Via: "cli", Address: from, Agent: "slipway/1.0 <script>"})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	poll := func(d identity.DeviceBegun) (identity.Session, error) {
		return s.PollDevice(t.Context(), d.Device, identity.Caller{Via: "cli", Address: "192.0.2.1", Agent: "slipway/1.0"})
	}
	d := begin("127.0.0.1")
	// Who isn't signed in is asked to, and comes back.
	if a := s.browser().get("/device?code=" + d.Code); a.status != http.StatusSeeOther || a.header.Get("Location") != "/login?next="+url.QueryEscape("/device?code="+d.Code) {
		t.Errorf("%d to %q", a.status, a.header.Get("Location"))
	}
	page := b.get("/device?code=" + strings.ToLower(d.Code))
	for _, want := range []string{d.Code, "127.0.0.1", "the command line", "<dd>alice</dd>"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(page.body, "another address") || strings.Contains(page.body, d.Device.Reveal()) {
		t.Errorf("%s", page.body)
	}
	// Looking at it lets nobody in, and neither does a form of another page.
	if _, err := poll(d); err != identity.ErrDevicePending { //nolint:errorlint // it is returned as it is
		t.Error(err)
	}
	for _, forged := range []url.Values{{"code": {d.Code}, "do": {"confirm"}, "_form": {"forged"}}, {"code": {d.Code}, "do": {"confirm"}, "_form": {s.browser().token("/login")}}} {
		if a := b.post("/device", "/device", forged); a.status != http.StatusForbidden {
			t.Errorf("a forged form: %d", a.status)
		}
	}
	if a := b.post("/device", "/device", url.Values{"code": {d.Code}, "do": {"confirm"}}, "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden {
		t.Errorf("from another site: %d", a.status)
	}
	if a := b.post("/device", "/device", url.Values{"code": {d.Code}, "do": {"confirm"}}); a.status != http.StatusOK || !strings.Contains(a.body, "The command line is signed in as alice.") {
		t.Errorf("%d\n%s", a.status, a.body)
	}
	if got, err := poll(d); err != nil || got.Account != "alice" {
		t.Errorf("%+v %v", got, err)
	}
	if a := b.post("/device", "/device", url.Values{"code": {d.Code}, "do": {"confirm"}}); a.status != http.StatusNotFound {
		t.Errorf("a second time: %d", a.status)
	}
	if !strings.Contains(b.get("/account").body, "the command line") {
		t.Error("the session of the command line is not listed")
	}

	d = begin("203.0.113.7")
	if body := b.get("/device?code=" + d.Code).body; !strings.Contains(body, "It asks from another address than yours.") {
		t.Error("nobody is warned of another address")
	}
	if a := b.post("/device", "/device", url.Values{"code": {d.Code}, "do": {"refuse"}}); !strings.Contains(a.body, "It was sent away.") {
		t.Errorf("%s", a.body)
	}
	if _, err := poll(d); err != identity.ErrDeviceRefused { //nolint:errorlint // it is returned as it is
		t.Error(err)
	}
	for _, code := range []string{"BBBB-BBBB", "<script>", strings.Repeat("B", 5000)} {
		if a := b.get("/device?code=" + url.QueryEscape(code)); a.status != http.StatusNotFound || !strings.Contains(a.body, "No command line waits with this code") || strings.Contains(a.body, "<script>") {
			t.Errorf("%.10s: %d", code, a.status)
		}
	}
}

// TestSettingsAreForAdmins shows nobody else how people sign in.
func TestSettingsAreForAdmins(t *testing.T) {
	s := newSite(t)
	boss := s.person("boss", true, nil)
	s.corp(boss, "")
	b := s.person("alice", false, map[string]slipway.Role{"shop": slipway.RoleAdmin})
	for _, path := range []string{"/settings/sign-in", "/settings/providers/corp"} {
		if a := b.get(path); a.status != http.StatusForbidden {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	for path, fields := range map[string]url.Values{
		"/settings/sign-in":               {"passwords": {"off"}},
		"/settings/providers":             {"name": {"evil"}, "issuer": {"https://evil.example.com"}, "client_id": {"x"}},
		"/settings/providers/corp":        {"open": {"yes"}},
		"/settings/providers/corp/remove": {"name": {"corp"}},
	} {
		if a := b.post("/account", path, fields); a.status != http.StatusForbidden {
			t.Errorf("POST %s: %d", path, a.status)
		}
	}
	if strings.Contains(b.get("/teams").body, "/settings/sign-in") || !strings.Contains(boss.get("/teams").body, "/settings/sign-in") {
		t.Error("the link is not for admins alone")
	}
	for says, fields := range map[string]url.Values{
		"is not a rule":       {"groups": {"developers"}, "groups_claim": {"groups"}, "client_id": {"x"}, "revision": {"1"}},
		"there is no team":    {"groups": {"developers=nowhere:viewer"}, "groups_claim": {"groups"}, "client_id": {"x"}, "revision": {"1"}},
		"changed by somebody": {"groups_claim": {"groups"}, "client_id": {"x"}, "revision": {"9"}},
		"Give the client id":  {"groups_claim": {"groups"}, "revision": {"1"}},
	} {
		if a := boss.post("/settings/sign-in", "/settings/providers/corp", fields); a.status == http.StatusSeeOther || !strings.Contains(strings.ToLower(a.body), strings.ToLower(says)) {
			t.Errorf("%s: %d\n%s", says, a.status, a.body)
		}
	}
}
