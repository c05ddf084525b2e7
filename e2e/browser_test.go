package e2e

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// axe finds what keeps people from using a page.
//
//go:embed testdata/axe/axe.min.js
var axe string

// browser is a real Chromium with one window, which notes what goes wrong in it.
type browser struct {
	t    testing.TB
	ctx  context.Context
	base string

	small bool // the window is a telephone's: pages must fit, pictures have their own names

	mu      sync.Mutex
	lenient bool     // towards refused connections
	said    []string // errors on the console, failed requests, refused scripts
}

// newBrowser opens a window on a site, with nobody signed in.
func newBrowser(t testing.TB, s *site) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(
		chromedp.NoSandbox, chromedp.WindowSize(1280, 900), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-gpu", true)))
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, base: s.portal()}
	// The first call starts the browser, which lives as long as its context.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("%v; does `make tools` install chromium here?", err)
	}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			switch m.Type {
			case chromedp.ConsoleError, chromedp.ConsoleWarning, chromedp.ConsoleException:
				b.note(m.String())
			}
		}
	}()
	return b
}

func (b *browser) note(text string) { b.mu.Lock(); defer b.mu.Unlock(); b.said = append(b.said, text) }

// quiet wants that nothing went wrong since the last time.
func (b *browser) quiet(where string) {
	b.t.Helper()
	if b.small {
		b.fits(where)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.said {
		if b.lenient && (strings.Contains(text, "net::ERR_") || strings.Contains(text, "htmx:sendError")) {
			continue
		}
		b.t.Errorf("%s: %s", where, text)
	}
	b.said = nil
}

// refusedConnections lets pass that nobody answered: the platform was killed.
// What a page's own script makes of that is not let pass.
func (b *browser) refusedConnections() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lenient = true
}

// do carries out what a person would, within patience.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.fail(err)
	}
}

func (b *browser) fail(err error) {
	b.t.Helper()
	b.picture("stuck")
	b.t.Fatalf("%v\nat %s\n%s", err, b.where(), tail(b.text(), 40))
}

// value is what an expression gives in the page.
func value[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.fail(err)
	}
	return v
}

// call sends a command of the protocol that has no action.
func call[P any](b *browser, command cdp.Command[P, cdp.Empty], params P) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	}))
}

func (b *browser) open(path string) {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.base + path
	}
	b.do(chromedp.Navigate(path), chromedp.WaitReady("main"))
	b.until("document.readyState === 'complete'")
}

// click presses what has a name, as a person finds it: a link, a button or a summary.
func (b *browser) click(name string) {
	b.t.Helper()
	path := `//*[self::a or self::button or self::summary][normalize-space(.)=` + fmt.Sprintf("%q", name) + `]`
	b.still("document.evaluate(" + quoteJS(path) + ", document, null, XPathResult.FIRST_ORDERED_NODE_TYPE, null).singleNodeValue")
	b.do(chromedp.Click(chromedp.Search(path), chromedp.NodeVisible))
}

// press presses what a selector finds.
func (b *browser) press(selector string) {
	b.t.Helper()
	b.still("document.querySelector(" + quoteJS(selector) + ")")
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// still waits until what is to be pressed stays where it is: nothing that would
// move it is being loaded, and it is found twice at the same place.
func (b *browser) still(element string) {
	b.t.Helper()
	b.until(`(() => {
		const e = ` + element + `;
		if (!e || document.querySelector(".htmx-request")) return false;
		e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getBoundingClientRect(), at = [r.x, r.y, r.width, r.height].join();
		const stays = r.width > 0 && at === window.lastPlace;
		window.lastPlace = at;
		return stays;
	})()`)
}

// fill types into the field with a name.
func (b *browser) fill(name, text string) {
	b.t.Helper()
	field := chromedp.CSS(`main [name="` + name + `"]:not([type=hidden])`)
	b.do(chromedp.WaitVisible(field))
	value[string](b, "document.querySelector("+quoteJS(string(field))+").value = ''")
	b.do(chromedp.SendKeys(field, text))
}

// sees waits until the page shows a text.
func (b *browser) sees(text string) {
	b.t.Helper()
	b.until("document.querySelector('main')?.innerText.includes(" + quoteJS(text) + ")")
}

// ends waits until the page of a promotion says how that ended.
func (b *browser) ends(state string) {
	b.t.Helper()
	b.until("document.querySelector('#promotion-head .state')?.innerText.trim() === " + quoteJS(state))
}

// until waits until an expression is true in the page, also across pages.
func (b *browser) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")")); err == nil && ok {
			return
		}
		select {
		case <-ctx.Done():
			b.fail(fmt.Errorf("not within %s: %s", patience, expression))
		case <-poll.C:
		}
	}
}

func quoteJS(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

func (b *browser) where() string {
	at, _ := chromedp.Run(b.ctx, chromedp.Location())
	return at
}

func (b *browser) path() string {
	u, err := url.Parse(b.where())
	if err != nil {
		return ""
	}
	return u.Path
}

func (b *browser) text() string {
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	return text
}

// picture keeps the page where SLIPWAY_SCREENSHOTS says, if it does.
func (b *browser) picture(name string) {
	dir := os.Getenv("SLIPWAY_SCREENSHOTS")
	if dir == "" {
		return
	}
	if b.small {
		name += "-small"
	}
	image, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		_ = os.WriteFile(filepath.Join(dir, name+".png"), image, 0o644)
	}
}

func (b *browser) width(pixels int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(pixels, 900))
}

// theme makes the pages light or dark, as the system's setting does.
func (b *browser) theme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// accessible looks for what axe calls a violation.
func (b *browser) accessible(where string) {
	b.t.Helper()
	value[int](b, axe+";0")
	for _, f := range value[[]string](b, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.flatMap(v => v.nodes.map(n =>
		v.id + ": " + n.html.slice(0, 200) + " | " + (n.any.concat(n.all, n.none)[0]?.message || v.help))))`) {
		b.t.Errorf("%s: axe: %s", where, f)
	}
}

// fits wants that a page is not wider than the window.
func (b *browser) fits(where string) {
	b.t.Helper()
	for _, o := range value[[]string](b, `(() => { const w = document.documentElement.clientWidth; return document.documentElement.scrollWidth <= w + 1 ? [] :
		["the page has " + document.documentElement.scrollWidth + " of " + w].concat([...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > w + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 160))) })()`) {
		b.t.Errorf("%s: wider than the window: %s", where, o)
	}
	for _, o := range value[[]string](b, `[...document.querySelectorAll(".top, .top nav, .tabs, .note, table.cards td")].filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).map(e => e.scrollWidth + " of " + e.clientWidth + ": " + e.outerHTML.slice(0, 160))`) {
		b.t.Errorf("%s: cut: %s", where, o)
	}
}

// plainPage wants that a page holds no script or style of its own.
func (b *browser) plainPage(where string) {
	b.t.Helper()
	for _, i := range value[[]string](b, `[...document.querySelectorAll("script:not([src]), style, [style], [onclick], [onload], [onerror]")].map(e => e.outerHTML.slice(0, 160))`) {
		b.t.Errorf("%s: inline: %s", where, i)
	}
}

var setUpLink = regexp.MustCompile(`http://\S+/invitations/[A-Za-z0-9_-]+`)

// password is that of everybody in these tests.
const password = "correct horse battery staple"

// setUp makes the first admin by the link that `slipway up` prints.
func (b *browser) setUp(s *site, name string) {
	b.t.Helper()
	link := ""
	s.eventually(patience, "the set-up link is printed", func() bool { link = setUpLink.FindString(s.upLog.String()); return link != "" })
	b.accept(link, name)
}

// accept makes an account by an invitation's link.
func (b *browser) accept(link, name string) {
	b.t.Helper()
	b.open(link)
	b.fill("name", name)
	b.fill("display_name", strings.ToUpper(name[:1])+name[1:]+" Example")
	b.fill("password", password)
	b.click("Make the account")
	b.until("location.pathname === '/'")
}
