package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestPortal is a newcomer's first day in the browser, by clicks and keys only:
// from the set-up link to a service in prod, a red test, and back.
func TestPortal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	b := newBrowser(t, s)
	firstDay(t, s, b)
	lookAtEveryPage(t, b)
	withoutScript(t, b)

	// Out, and in again.
	b.open("/account")
	b.click("Sign out")
	b.until("location.pathname === '/login'")
	b.open("/services/payments/config?env=dev")
	b.accessible("login")
	b.picture("login")
	b.fill("name", "ada")
	b.fill("password", "not the password of ada")
	b.click("Sign in")
	b.sees("Name or password is wrong")
	b.fill("password", password)
	b.click("Sign in")
	b.until("location.pathname === '/services/payments/config'")
}

// TestPortalOnATelephone is the same day on a screen of 390 pixels.
func TestPortalOnATelephone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	b := newBrowser(t, s)
	b.small = true
	b.width(390)
	firstDay(t, s, b)
}

func firstDay(t *testing.T, s *site, b *browser) {
	t.Helper()
	repo := exampleRepository(t, "payments")
	repo.commit("Ask for a key", map[string]string{"later.py": "import os\n\n\ndef key():\n    return os.environ['PAYMENT_KEY']\n"})
	b.open("/")
	if b.path() != "/setup" {
		t.Fatalf("the first visitor is at %s", b.path())
	}
	b.sees("slipway up")
	b.accessible("set-up")
	b.picture("set-up")
	b.quiet("set-up")
	b.setUp(s, "ada")
	b.sees("Bring your first service")
	b.click("Register a service")
	b.fill("url", repo.url())
	b.click("Inspect")
	b.sees("Slipway can build, start and check this.")
	b.sees("What Slipway found")
	b.picture("register")
	b.accessible("detection")
	b.fill("name", "payments")
	b.click("Register and promote to dev")

	// Live: the page is never loaded again, and ends green.
	b.until("location.pathname.startsWith('/promotions/')")
	value[int](b, "window.same = true; 0")
	b.sees("Running")
	b.picture("promotion-live")
	b.ends("Succeeded")
	b.until("[...document.querySelectorAll('#promotion-steps li.ok')].length >= 5 && document.querySelectorAll('#log li').length > 0")
	if !value[bool](b, "window.same === true") {
		t.Error("the page was loaded again while it was followed")
	}
	b.quiet("promotion")
	if status, body := s.get("payments", "dev", "/"); status != 200 {
		t.Fatalf("dev answers %d %s", status, body)
	}

	for _, to := range []string{"test", "prod"} {
		b.open("/services/payments")
		b.press(`#path a[href$="promote?to=` + to + `"]`)
		b.sees("What Slipway will do")
		b.click("Promote to " + to)
		b.until("location.pathname.startsWith('/promotions/')")
		if to == "prod" { // nobody else could approve, so she may
			b.ends("Waiting")
			b.picture("promotion-waiting")
			b.click("Review and decide")
			b.sees("Your decision")
			b.fill("comment", "The first one")
			b.click("Approve")
			b.sees("You have approved it.")
		}
		b.ends("Succeeded")
	}
	b.quiet("promotions")

	// Config, a sealed secret.
	b.open("/services/payments/config?env=test")
	b.sees("Missing in test")
	b.sees("later.py:5")
	b.fill("key", "CURRENCY")
	b.fill("value", "SEK")
	b.click("Set")
	b.sees("CURRENCY is set.")
	b.sees("1 change not live in test")
	b.fill("name", "API_TOKEN")
	b.fill("secret", "hunter2-hunter2")
	b.click("Add")
	b.sees("API_TOKEN is sealed.")
	b.sees("unused")
	if strings.Contains(b.text(), "hunter2") {
		t.Error("the config page shows a secret")
	}
	b.fill("key", "CURRENCY")
	b.fill("value", "NOK")
	b.click("Set")
	b.sees("CURRENCY is set.")
	b.click("Earlier values, to restore one")
	b.sees("History of settings in test")
	b.click("Restore…")
	b.click("Restore version 1")
	b.sees("CURRENCY is restored to version 1.")

	// A release whose tests fail stays out, and the page says whose fault it is.
	repo.commit("Break <script>alert(1)</script>", map[string]string{"tests/test_broken.py": "def test_of_the_half_cent():\n    assert '0.13' == '0.12'\n"})
	b.open("/services/payments/promote")
	b.sees("a new release")
	b.click("Promote to dev")
	b.until("location.pathname.startsWith('/promotions/')")
	b.ends("Failed in test")
	b.sees("This is the service's own result")
	b.sees("Dev still runs 1.")
	b.until("document.querySelector('#promotion-end').innerText.includes('test_of_the_half_cent')")
	b.picture("failed")
	b.quiet("failed")

	// The next one is good, and back from it is two clicks.
	repo.commit("Mend it", map[string]string{"tests/test_broken.py": "", "NEWS": "two"})
	b.open("/services/payments/promote")
	b.click("Promote to dev")
	b.until("location.pathname.startsWith('/promotions/')")
	b.ends("Succeeded")
	b.open("/services/payments/rollback?env=dev")
	b.click("Roll back to 1")
	b.until("location.pathname.startsWith('/promotions/')")
	b.ends("Rolled back")
	b.quiet("rollback")
}

// pages are all that can be read, by name.
var pages = map[string]string{
	"overview": "/", "overview-none": "/?q=nothing-is-called-so", "search": "/search?q=pay", "figures": "/figures", "promotions": "/promotions", "promotion": "/promotions/1", "promotion-failed": "/promotions/4",
	"log-search": "/promotions/1?step=build&find=a", "service": "/services/payments", "release": "/services/payments/releases/1", "compare": "/services/payments/compare?from=1&to=3", "compare-config": "/services/payments/compare?from=1&to=3&view=config&env=prod", "between": "/services/payments/between?from=dev&to=prod",
	"config": "/services/payments/config?env=test", "config-compare": "/services/payments/config?env=test&with=prod", "config-history": "/services/payments/config/versions?env=test", "logs": "/services/payments/logs?env=prod",
	"activity": "/services/payments/activity", "traffic": "/services/payments/traffic", "nodes": "/nodes", "settings": "/services/payments/settings", "promote": "/services/payments/promote?to=prod", "rollback": "/services/payments/rollback?env=dev",
	"new": "/services/new", "environments": "/environments", "policy": "/environments/prod/policy", "freezes": "/freezes", "decided": "/promotions/3/decide", "teams": "/teams", "team": "/teams/default", "integrations": "/teams/default/integrations", "audit": "/audit", "audit-checked": "/audit?verify=yes", "account": "/account", "tokens": "/account/tokens",
}

// lookAt wants pages free of errors and of hindrances, in both themes, and no
// wider than a telephone.
func lookAt(b *browser, pages map[string]string) {
	for name, path := range pages {
		for _, theme := range []string{"light", "dark"} {
			b.theme(theme)
			b.width(1280)
			b.open(path)
			b.accessible(name + " " + theme)
			b.plainPage(name)
			b.picture(name + "-" + theme)
		}
		b.theme("light")
		b.width(390)
		b.open(path)
		b.fits(name)
		b.picture(name + "-390")
		b.quiet(name)
	}
	b.width(1280)
}

// lookAtEveryPage looks at all there is, and at what isn't.
func lookAtEveryPage(_ *testing.T, b *browser) {
	lookAt(b, pages)
	// A page that isn't there says so, in the same frame.
	b.open("/services/nobody")
	b.sees("Not here")
	b.accessible("404")
	b.mu.Lock()
	b.said = nil // the browser notes the 404 itself
	b.mu.Unlock()
	if os.Getenv("SLIPWAY_SCREENSHOTS") != "" {
		b.picture("missing")
	}
}

// withoutScript reads the same pages as a browser does that runs no scripts.
func withoutScript(t *testing.T, b *browser) {
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	for name, path := range pages {
		b.open(path)
		if !strings.Contains(b.text(), "Slipway") {
			t.Errorf("%s can't be read without scripts", name)
		}
	}
	b.width(390) // the menu opens without them too
	b.open("/services/payments/traffic")
	b.press(".menu > summary")
	b.press(`.menu a[href="/freezes"]`)
	b.do(chromedp.WaitReady("main"))
	if b.path() != "/freezes" {
		t.Errorf("the menu leads to %s without scripts", b.path())
	}
	b.width(1280)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
}
