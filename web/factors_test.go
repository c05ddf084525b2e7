package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

var (
	secretShown    = regexp.MustCompile(`data-secret>([A-Z2-7]+)<`)
	codeShown      = regexp.MustCompile(`<li><code>([A-Z2-9-]{19})</code>`)
	confirmAction  = regexp.MustCompile(`action="(/account/factors/[0-9a-f]{16}/confirm)"`)
	removeAction   = regexp.MustCompile(`action="(/account/factors/[0-9a-f]{16}/remove)"`)
	challengeField = regexp.MustCompile(`name="challenge" value="([^"]+)"`)
)

// TestSignInTakesACode adds an app on the pages, signs in with it, and with a
// recovery code, and removes it.
func TestSignInTakesACode(t *testing.T) {
	s := newSite(t)
	b := s.person("bob", false, nil)
	const page = "/account/factors"
	if a := b.post(page, page+"/totp", url.Values{"name": {"telephone"}, "current": {"not the password at all"}}); a.status != http.StatusBadRequest || !strings.Contains(a.body, "The current password is wrong.") {
		t.Errorf("%d", a.status)
	}
	begun := b.post(page, page+"/totp", url.Values{"name": {"telephone"}, "current": {password}})
	secret, action := secretShown.FindStringSubmatch(begun.body), confirmAction.FindStringSubmatch(begun.body)
	if begun.status != http.StatusOK || secret == nil || action == nil || !strings.Contains(begun.body, `class="qr"`) {
		t.Fatalf("%d %s", begun.status, begun.body)
	}
	if found := inline.FindString(begun.body); found != "" {
		t.Errorf("the page holds %q", found)
	}
	at := time.Now()
	code := func(step int) string {
		text, err := totp.GenerateCode(secret[1], at.Add(time.Duration(step)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	// A wrong one shows the secret again.
	wrong := b.post(page, action[1], url.Values{"code": {"000000"}, "secret": {secret[1]}, "uri": {"otpauth://totp/x"}})
	if wrong.status != http.StatusBadRequest || !strings.Contains(wrong.body, secret[1]) {
		t.Errorf("%d", wrong.status)
	}
	done := b.post(page, action[1], url.Values{"code": {code(0)}})
	codes := codeShown.FindAllStringSubmatch(done.body, -1)
	if done.status != http.StatusOK || len(codes) != 10 {
		t.Fatalf("%d, %d codes\n%s", done.status, len(codes), done.body)
	}
	if list := b.get(page).body; strings.Contains(list, codes[0][1]) || strings.Contains(list, secret[1]) || !strings.Contains(list, "telephone") {
		t.Error("what is shown once is shown again, or the app is not listed")
	}

	other := s.browser()
	signIn := func(next string) string {
		a := other.post("/login", "/login", url.Values{"name": {"bob"}, "password": {password}, "next": {next}})
		found := challengeField.FindStringSubmatch(a.body)
		if a.status != http.StatusOK || found == nil {
			t.Fatalf("no code is asked for: %d %s", a.status, a.body)
		}
		if a := other.get("/account"); a.status != http.StatusSeeOther {
			t.Errorf("half signed in reads pages: %d", a.status)
		}
		return html.UnescapeString(found[1])
	}
	half := signIn("/promotions")
	if a := other.post("/login", "/login/factor", url.Values{"challenge": {half}, "code": {"000000"}, "recovery": {"yes"}}); a.status != http.StatusUnauthorized || !strings.Contains(a.body, half) {
		t.Errorf("a wrong code: %d", a.status)
	}
	if a := other.post("/login", "/login/factor", url.Values{"challenge": {half}, "code": {code(1)}}); a.status != http.StatusSeeOther || a.header.Get("Location") != "/promotions" {
		t.Errorf("%d %s %s", a.status, a.header.Get("Location"), a.body)
	}
	if a := other.get("/account"); a.status != http.StatusOK {
		t.Errorf("%d", a.status)
	}
	if a := other.post("/account", "/logout", nil); a.status != http.StatusSeeOther {
		t.Fatal(a.status)
	}
	if a := other.post("/login", "/login/factor", url.Values{"challenge": {half}, "code": {codes[1][1]}}); a.status == http.StatusSeeOther {
		t.Error("a half is good twice")
	}
	if a := other.post("/login", "/login/factor", url.Values{"challenge": {signIn("")}, "code": {codes[0][1]}}); a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
		t.Errorf("a recovery code: %d", a.status)
	}
	if err := s.Storage.Client.Session.Update().SetProvedAt(time.Now().UTC().Add(-time.Hour)).Exec(as()); err != nil {
		t.Fatal(err)
	}
	remove := removeAction.FindStringSubmatch(b.get(page).body)
	if remove == nil {
		t.Fatal("nothing removes the app")
	}
	if a := b.post(page, remove[1], url.Values{"current": {password}}); a.status != http.StatusBadRequest {
		t.Errorf("removed without a code: %d", a.status)
	}
	if a := b.post(page, remove[1], url.Values{"current": {password}, "code": {codes[2][1]}}); a.status != http.StatusSeeOther {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.browser().signIn("bob")
}

// TestAnAdminTakesFactorsAway does it on the page of people.
func TestAnAdminTakesFactorsAway(t *testing.T) {
	s := newSite(t)
	admin := s.person("alice", true, nil)
	s.person("bob", false, nil)
	if a := admin.get("/teams"); !strings.Contains(a.body, "Take the second factors of bob away") || strings.Contains(a.body, "factors of alice away") {
		t.Error("the page of people does not offer it for others alone")
	}
	if a := admin.post("/teams", "/people/bob", url.Values{"do": {"reset-factors"}}); a.status != http.StatusSeeOther {
		t.Errorf("%d", a.status)
	}
	if a := admin.post("/teams", "/people/alice", url.Values{"do": {"reset-factors"}}); a.status != http.StatusConflict {
		t.Errorf("%d", a.status)
	}
}
