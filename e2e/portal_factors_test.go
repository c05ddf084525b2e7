package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"
)

// TestPortalFactors adds a passkey and an app in a real browser, whose
// authenticator is its own, and signs in with either.
func TestPortalFactors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	b := newBrowser(t, s)
	b.open("/")
	b.setUp(s, "ada")
	call(b, webauthn.Enable, webauthn.EnableParams{})
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
		return err
	}))
	lookAt(b, map[string]string{"factors-none": "/account/factors", "sessions-over": "/account/sessions"})

	b.open("/account/factors")
	b.fill("current", password)
	b.click("Add a passkey")
	b.sees("Keep these recovery codes")
	b.sees("Chrome on Linux")
	b.sees("10 recovery codes left")
	b.accessible("recovery codes")
	b.picture("factor-codes")

	out := func() {
		b.open("/account")
		b.click("Sign out")
		b.until("location.pathname === '/login'")
	}
	out()
	b.click("Sign in with a passkey")
	b.until("location.pathname === '/'")

	// As the second step.
	out()
	b.fill("name", "ada")
	b.fill("password", password)
	b.click("Sign in")
	b.sees("One more step")
	b.accessible("one more step")
	b.picture("factor")
	b.width(390)
	b.fits("one more step")
	b.width(1280)
	b.click("Use a passkey")
	b.until("location.pathname === '/'")

	// An app, which knows the time.
	b.open("/account/factors")
	value[int](b, `document.querySelector('form[action="/account/factors/totp"] [name=current]').value = `+quoteJS(password)+`; 0`)
	b.click("Add the app")
	b.sees("Confirm the app")
	b.accessible("an app is added")
	b.picture("factor-app")
	secret := value[string](b, "document.querySelector('[data-secret]').innerText.replaceAll(/\\s/g, '')")
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	value[int](b, `document.querySelector('form[action$="/confirm"]:not([action*=passkeys]) [name=code]').value = `+quoteJS(code)+`; 0`)
	b.click("Confirm")
	b.until("document.readyState === 'complete' && !document.querySelector('[data-secret]') && document.querySelector('main').innerText.includes('app that shows codes')")
	lookAt(b, map[string]string{"factors": "/account/factors", "account-sessions": "/account"})
}
