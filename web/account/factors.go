package account

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/web/shell"
)

// factorView asks for the second step of signing in.
type factorView struct {
	Challenge string
	Recovery  bool // a recovery code would do
	Passkey   bool // and so would a passkey
	Code      bool // and so would a code of an app
	Err       string
}

// secondStep shows the page that asks for a factor, when that is what an error
// of signing in says.
func (p *pages) secondStep(c *shell.Call, err error) (shown bool, _ error) {
	var needed *identity.FactorNeeded
	if !errors.As(err, &needed) {
		return false, err
	}
	v := factorView{Challenge: needed.Challenge.Reveal()}
	for _, kind := range needed.Factors {
		v.Recovery = v.Recovery || kind == slipway.FactorRecovery
		v.Passkey = v.Passkey || kind == slipway.FactorPasskey
		v.Code = v.Code || kind == slipway.FactorTOTP
	}
	return true, c.Show(http.StatusOK, factorPage(away(c, "Second step"), v))
}

// finishFactor takes the code of the second step.
func (p *pages) finishFactor(c *shell.Call) error {
	done, err := p.FinishFactor(c.Ctx, c.SecretOf("challenge"), c.SecretOf("code"), p.SigningIn(c.R))
	switch slipway.CodeOf(err) {
	case "":
		p.begin(c, done.Session)
		return c.To(shell.Local(done.Next), "")
	case slipway.Unauthenticated, slipway.Limited:
		status := http.StatusUnauthorized
		if slipway.CodeOf(err) == slipway.Limited {
			status = http.StatusTooManyRequests
		}
		v := factorView{Challenge: c.Form("challenge"), Recovery: c.Form("recovery") != "", Passkey: c.Form("passkey") != "", Code: c.Form("app") != "", Err: shell.Sentence(err)}
		return c.Show(status, factorPage(away(c, "Second step"), v))
	}
	return p.signInRefused(c, err)
}

// factorsView is one's own second factors.
type factorsView struct {
	identity.Factors
	Password bool
	Passkeys bool                // they can be used at this address
	Begun    *identity.TOTPBegun // an app that is to be confirmed
	Codes    []slipway.Secret    // recovery codes, shown once
	Err      string
}

func (p *pages) showFactors(c *shell.Call) error {
	return p.factorsPage(c, http.StatusOK, factorsView{})
}

func (p *pages) factorsPage(c *shell.Call, status int, v factorsView) error {
	a, err := p.Account(c.Ctx, c.Viewer.Name)
	if err != nil {
		return err
	}
	v.Password, v.Passkeys = a.Password != "", p.Passkeys()
	if v.Factors, err = p.Factors(c.Ctx); err != nil {
		return err
	}
	f := c.Frame("Second factor", "account")
	f.Here = "/account/factors"
	return c.Show(status, factorsPage(f, v))
}

func (p *pages) factorsRefused(c *shell.Call, err error, v factorsView) error {
	return shell.FormRefused(err, func(status int, problem string) error {
		v.Err = problem
		return p.factorsPage(c, status, v)
	})
}

func proofOf(c *shell.Call) identity.FactorProof {
	return identity.FactorProof{Current: c.SecretOf("current"), Code: c.SecretOf("code"), Passkey: passkeyOf(c)}
}

func (p *pages) beginTOTP(c *shell.Call) error {
	begun, err := p.BeginTOTP(c.Ctx, cmp.Or(c.Form("name"), "app"), proofOf(c))
	if err != nil {
		return err
	}
	return p.factorsPage(c, http.StatusOK, factorsView{Begun: &begun})
}

// confirmTOTP shows the app's secret again when the code is wrong: the form has
// brought it back.
func (p *pages) confirmTOTP(c *shell.Call) error {
	key := c.R.PathValue("factor")
	codes, err := p.ConfirmTOTP(c.Ctx, key, c.SecretOf("code"))
	if err != nil {
		v := factorsView{}
		if code := slipway.CodeOf(err); code == slipway.Invalid || code == slipway.Limited {
			v.Begun = &identity.TOTPBegun{Key: key, Secret: c.SecretOf("secret"), URI: c.SecretOf("uri")}
		}
		return p.factorsRefused(c, err, v)
	}
	return p.factorsPage(c, http.StatusOK, factorsView{Codes: codes})
}

func (p *pages) renewRecoveryCodes(c *shell.Call) error {
	codes, err := p.RenewRecoveryCodes(c.Ctx, proofOf(c))
	if err != nil {
		return err
	}
	return p.factorsPage(c, http.StatusOK, factorsView{Codes: codes})
}

func (p *pages) removeFactor(c *shell.Call) error {
	if err := p.RemoveFactor(c.Ctx, c.R.PathValue("factor"), proofOf(c)); err != nil {
		return err
	}
	return c.To("/account/factors", "The factor is removed.")
}

// qrCode is the outline of a QR code and how many squares wide it is, with the
// margin that readers want; empty when a text is too long for one.
func qrCode(text string) (outline string, side int) {
	const margin = 4
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", 0
	}
	size := code.Bounds().Dx()
	var b strings.Builder
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+margin, y+margin)
			}
		}
	}
	return b.String(), size + 2*margin
}

// has tells whether there is a factor of a kind.
func (v factorsView) has(kind slipway.FactorKind) bool {
	return slices.ContainsFunc(v.List, func(f *ent.Factor) bool { return slipway.FactorKind(f.Kind) == kind })
}

func factorName(f *ent.Factor) string {
	if f.Name == "" {
		return "unnamed"
	}
	return f.Name
}

func factorKind(kind slipway.FactorKind) string {
	switch kind {
	case slipway.FactorTOTP:
		return "app that shows codes"
	case slipway.FactorPasskey:
		return "passkey"
	case slipway.FactorRecovery:
		return "recovery code"
	}
	return string(kind)
}
