package web

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
func (p *portal) secondStep(c *call, err error) (shown bool, _ error) {
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
	return true, c.show(http.StatusOK, factorPage(c.away("Second step"), v))
}

// finishFactor takes the code of the second step.
func (p *portal) finishFactor(c *call) error {
	done, err := p.FinishFactor(c.ctx, c.secretOf("challenge"), c.secretOf("code"), p.signingIn(c.r))
	switch slipway.CodeOf(err) {
	case "":
		p.begin(c, done.Session)
		return c.to(local(done.Next), "")
	case slipway.Unauthenticated, slipway.Limited:
		status := http.StatusUnauthorized
		if slipway.CodeOf(err) == slipway.Limited {
			status = http.StatusTooManyRequests
		}
		v := factorView{Challenge: c.form("challenge"), Recovery: c.form("recovery") != "", Passkey: c.form("passkey") != "", Code: c.form("app") != "", Err: sentence(err)}
		return c.show(status, factorPage(c.away("Second step"), v))
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

func (p *portal) showFactors(c *call) error { return p.factorsPage(c, http.StatusOK, factorsView{}) }

func (p *portal) factorsPage(c *call, status int, v factorsView) error {
	a, err := p.Account(c.ctx, c.viewer.Name)
	if err != nil {
		return err
	}
	v.Password, v.Passkeys = a.Password != "", p.Passkeys()
	if v.Factors, err = p.Factors(c.ctx); err != nil {
		return err
	}
	f := c.frame("Second factor", "account")
	f.Here = "/account/factors"
	return c.show(status, factorsPage(f, v))
}

func (p *portal) factorsRefused(c *call, err error, v factorsView) error {
	return formRefused(err, func(status int, problem string) error {
		v.Err = problem
		return p.factorsPage(c, status, v)
	})
}

func (c *call) proof() identity.FactorProof {
	return identity.FactorProof{Current: c.secretOf("current"), Code: c.secretOf("code"), Passkey: c.passkey()}
}

func (p *portal) beginTOTP(c *call) error {
	begun, err := p.BeginTOTP(c.ctx, cmp.Or(c.form("name"), "app"), c.proof())
	if err != nil {
		return p.factorsRefused(c, err, factorsView{})
	}
	return p.factorsPage(c, http.StatusOK, factorsView{Begun: &begun})
}

// confirmTOTP shows the app's secret again when the code is wrong: the form has
// brought it back.
func (p *portal) confirmTOTP(c *call) error {
	key := c.r.PathValue("factor")
	codes, err := p.ConfirmTOTP(c.ctx, key, c.secretOf("code"))
	if err != nil {
		v := factorsView{}
		if code := slipway.CodeOf(err); code == slipway.Invalid || code == slipway.Limited {
			v.Begun = &identity.TOTPBegun{Key: key, Secret: c.secretOf("secret"), URI: c.secretOf("uri")}
		}
		return p.factorsRefused(c, err, v)
	}
	return p.factorsPage(c, http.StatusOK, factorsView{Codes: codes})
}

func (p *portal) renewRecoveryCodes(c *call) error {
	codes, err := p.RenewRecoveryCodes(c.ctx, c.proof())
	if err != nil {
		return p.factorsRefused(c, err, factorsView{})
	}
	return p.factorsPage(c, http.StatusOK, factorsView{Codes: codes})
}

func (p *portal) removeFactor(c *call) error {
	if err := p.RemoveFactor(c.ctx, c.r.PathValue("factor"), c.proof()); err != nil {
		return p.factorsRefused(c, err, factorsView{})
	}
	return c.to("/account/factors", "The factor is removed.")
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
