package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPortalTogether is two people at once: one invites the other by a link,
// each sees what the other does without loading a page again, also after the
// platform was killed and started anew.
func TestPortalTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	repo := exampleRepository(t, "payments")
	ada := newBrowser(t, s)
	ada.setUp(s, "ada")
	s.must("service", "add", repo.url(), "--name", "payments")

	ada.open("/teams/default")
	ada.click("Make a link")
	ada.sees("Send this link")
	link := value[string](ada, "document.querySelector('[data-invitation]').textContent")
	bob := newBrowser(t, s)
	bob.accept(link, "bob")
	bob.sees("payments")
	bob.quiet("bob's first page")

	// Ada looks on while Bob promotes.
	ada.open("/")
	ada.sees("not deployed")
	value[int](ada, "window.same = 1")
	bob.open("/services/payments/promote")
	bob.click("Promote to dev")
	bob.until("location.pathname.startsWith('/promotions/')")
	ada.until("document.querySelector('#recent').innerText.includes('running') || document.querySelector('#recent').innerText.includes('Succeeded')")
	bob.ends("Succeeded")
	ada.until("document.querySelector('#matrix').innerText.includes('Healthy') && document.querySelector('#recent').innerText.includes('by bob')")

	// What happens while a part of the page is fetched is fetched as well, afterwards:
	// every request is held until the page has heard of what came after it.
	value[int](ada, `window.held = [], window.asked = 0, window.heard = 0, window.send = XMLHttpRequest.prototype.send,
		window.free = () => { window.first = asked; for (const go of held) go(); held = null },
		XMLHttpRequest.prototype.send = function (...a) { asked++; const go = () => send.apply(this, a); held ? held.push(go) : go() },
		(window.ear = new EventSource(document.body.dataset.live)).addEventListener("changed", () => heard++), 1`)
	ada.until("ear.readyState === EventSource.OPEN")
	s.must("hold", "add", "payments", "ada looks at it", "--env", "dev")
	ada.until("held.length && (window.before = heard)")
	s.must("hold", "release", "payments", "--env", "dev")
	ada.until("heard > before && setTimeout(free, 1000)")
	ada.until("!held && asked > first")
	value[int](ada, "ear.close(), XMLHttpRequest.prototype.send = send, 1")

	// The platform dies and comes back; the page notices, and goes on by itself.
	// So does one that asks again and again.
	bob.open("/services/payments/traffic")
	value[int](bob, "window.same = 2; document.querySelector('#traffic').dataset.old = '1'; 0")
	s.kill()
	ada.until("!document.querySelector('#away').hidden && document.querySelector('#away').innerText.includes('does not answer')")
	for _, b := range []*browser{ada, bob} {
		b.refusedConnections()
	}
	s.start()
	ada.until("document.querySelector('#away').innerText.includes('Live again') || document.querySelector('#away').hidden")
	bob.until("document.querySelector('#traffic') && !document.querySelector('#traffic').dataset.old && window.same === 2")
	if !strings.Contains(bob.text(), "the last 30 minutes") {
		t.Error("the page that came back shows no traffic")
	}
	bob.open("/services/payments")
	bob.press(`#path a[href$="promote?to=test"]`)
	bob.click("Promote to test")
	bob.until("location.pathname.startsWith('/promotions/')")
	bob.ends("Succeeded")
	ada.until("document.querySelectorAll('#matrix .state.ok').length === 2")
	if value[int](ada, "window.same || 0") != 1 {
		t.Error("the overview was loaded again")
	}
	bob.quiet("bob")

	// Ada wants to be told when something waits for her, whatever she looks at then.
	value[int](ada, `window.told = [], window.Notification = class { constructor(title, o) { told.push(title + ": " + o.body) } static permission = "granted"; static async requestPermission() { return "granted" } }, 1`)
	ada.click("Tell me when something waits for me")
	ada.sees("Don't tell me any more")

	// prod takes somebody else's yes. Ada is told at once, and to which plan.
	value[int](ada, "window.same = 2")
	bob.open("/services/payments/promote?to=prod")
	bob.sees("It will wait for")
	bob.click("Promote to prod")
	bob.until("location.pathname.startsWith('/promotions/')")
	bob.ends("Waiting")
	page := bob.path()
	value[int](bob, "window.same = 1")
	ada.until("document.querySelector('#recent').innerText.includes('Waiting for you')")
	ada.until("told.length === 1 && told[0].includes('payments 1 to prod')")
	bob.open(page + "/decide")
	bob.sees("This is your own change, so somebody else decides; ask ada.")
	ada.open(page + "/decide")
	ada.sees("Verified in test")
	ada.accessible("decide")
	ada.picture("decide")
	ada.width(390)
	ada.fits("decide")
	ada.picture("decide-390")
	ada.width(1280)

	// The plan moves while she reads: her yes is not taken for another plan.
	bob.open("/services/payments/config?env=prod")
	bob.fill("key", "CURRENCY")
	bob.fill("value", "SEK")
	bob.click("Set")
	bob.sees("CURRENCY is set.")
	ada.fill("comment", "Read it all")
	ada.click("Approve")
	ada.sees("has changed since you saw it")
	ada.sees("CURRENCY=SEK")
	bob.open(page)
	value[int](bob, "window.same = 3")
	ada.click("Approve")
	ada.sees("You have approved it.")
	bob.ends("Succeeded")
	bob.sees("ada approved")
	if value[int](bob, "window.same || 0") != 3 {
		t.Error("the promotion was loaded again")
	}
	bob.quiet("decided")

	// A developer is told why there is no removing, and may not look at the audit log.
	bob.open("/services/payments/settings")
	bob.sees("This takes the role maintainer; you are developer here.")
	bob.open("/audit")
	bob.sees("Not allowed")
}

// TestPortalKeys does by keys alone what one does all day.
func TestPortalKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	repo := exampleRepository(t, "payments")
	b := newBrowser(t, s)
	b.setUp(s, "ada")
	s.must("service", "add", repo.url(), "--name", "payments")
	b.open("/promotions")

	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(kb.ModifierCtrl)))
	b.until("document.querySelector('#palette').open && document.querySelector('#palette [role=option]')")
	b.accessible("palette")
	b.do(chromedp.KeyEvent("paym"))
	b.until("document.querySelector('#palette [aria-selected=true]')?.innerText.includes('payments')")
	b.picture("palette")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("location.pathname === '/services/payments' && document.readyState === 'complete'")

	b.do(chromedp.KeyEvent("?"))
	b.until("document.querySelector('#keys').open")
	b.accessible("keys")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until("!document.querySelector('#keys').open")

	// Keys that are struck before the page is painted without its dialog count.
	value[int](b, `(() => {
		const d = document.querySelector('#keys');
		d.showModal();
		d.querySelector('button')?.focus();
		d.close();
		const on = document.activeElement;
		on.dispatchEvent(new KeyboardEvent('keydown', { key: 'g', bubbles: true }));
		Date.now = ((clock) => () => clock() + 60e3)(Date.now); // a minute later
		on.dispatchEvent(new KeyboardEvent('keydown', { key: 'e', bubbles: true }));
		return 1;
	})()`)
	b.until("location.pathname === '/environments' && document.readyState === 'complete'")
	b.open("/")
	b.do(chromedp.KeyEvent("/"), chromedp.KeyEvent("nothing-like-it"))
	b.sees("No service fits")
	b.until("location.search.includes('nothing-like-it')")

	// The first stop of the tab key leads past the bar.
	b.open("/")
	b.do(chromedp.KeyEvent(kb.Tab))
	if at := value[string](b, "document.activeElement.className"); at != "skip" {
		t.Errorf("the first stop is %q", at)
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("document.activeElement.id === 'main'")

	// On a telephone the places are in a menu, which opens and closes by keys.
	b.width(390)
	b.open("/")
	if value[bool](b, "document.querySelector('.top > nav').checkVisibility()") {
		t.Error("a narrow bar has the wide one's places")
	}
	value[int](b, "document.querySelector('.menu > summary').focus(), 1")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("document.querySelector('.menu nav a[href=\"/teams\"]').checkVisibility()")
	b.fits("menu")
	b.accessible("menu")
	b.picture("menu-390")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until("!document.querySelector('.menu').open && document.activeElement.matches('.menu > summary')")
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	b.until("location.pathname === '/promotions' && document.readyState === 'complete'")
	b.width(1280)

	// The theme is remembered, and sent with the next page.
	was := value[string](b, "document.documentElement.dataset.theme || 'system'")
	b.press("[data-theme-toggle]")
	b.until("document.documentElement.dataset.theme && document.documentElement.dataset.theme !== " + quoteJS(was))
	now := value[string](b, "document.documentElement.dataset.theme")
	b.open("/promotions")
	if at := value[string](b, "document.documentElement.dataset.theme"); at != now {
		t.Errorf("the theme is %q on the next page, not %q", at, now)
	}
	b.quiet("keys")
}
