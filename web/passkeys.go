package web

import (
	"cmp"
	"encoding/json"
	"net/http"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
)

// begun answers the script with what the browser is to be asked.
func (c *call) begun(b identity.PasskeyBegun, err error) error {
	h := c.w.Header()
	if err != nil {
		if code := slipway.CodeOf(err); code == slipway.Internal {
			return err
		}
		h.Set("Content-Type", "text/plain; charset=utf-8")
		status := statusOf(err)
		if slipway.CodeOf(err) == slipway.Unauthenticated {
			status = http.StatusUnauthorized
		}
		c.w.WriteHeader(status)
		_, _ = c.w.Write([]byte(sentence(err))) // the reader may be gone
		return nil
	}
	text, err := json.Marshal(map[string]any{"ceremony": b.Ceremony.Reveal(), "options": b.Options})
	if err != nil {
		return err
	}
	h.Set("Content-Type", "application/json")
	_, _ = c.w.Write(text)
	return nil
}

// passkey is what the script has put into a form.
func (c *call) passkey() identity.PasskeyAnswer {
	return identity.PasskeyAnswer{Ceremony: c.secretOf("ceremony"), Credential: []byte(c.r.PostForm.Get("credential"))}
}

func (p *portal) beginPasskeySignIn(c *call) error {
	return c.begun(p.BeginPasskeySignIn(c.ctx, c.secretOf("challenge")))
}

func (p *portal) finishPasskeySignIn(c *call) error {
	done, err := p.FinishPasskeySignIn(c.ctx, c.secretOf("challenge"), c.passkey(), p.signingIn(c.r))
	if err != nil {
		return p.signInRefused(c, err)
	}
	next := done.Next
	if c.form("challenge") == "" {
		next = c.form("next")
	}
	p.begin(c, done.Session)
	return c.to(local(next), "")
}

func (p *portal) beginPasskey(c *call) error { return c.begun(p.BeginPasskey(c.ctx, c.proof())) }

func (p *portal) addPasskey(c *call) error {
	codes, err := p.AddPasskey(c.ctx, cmp.Or(c.form("name"), device(c.r.UserAgent())), c.passkey())
	if err != nil {
		return p.factorsRefused(c, err, factorsView{})
	}
	if len(codes) == 0 {
		return c.to("/account/factors", "The passkey is added.")
	}
	return p.factorsPage(c, http.StatusOK, factorsView{Codes: codes})
}

func (p *portal) beginPasskeyProof(c *call) error { return c.begun(p.BeginPasskeyProof(c.ctx)) }

// device names a passkey that its owner gave no name, by the browser that made it.
func device(agent string) string {
	if name := program(agent); agent != "" && name != agent && len(name) < 100 {
		return name
	}
	return "passkey"
}
