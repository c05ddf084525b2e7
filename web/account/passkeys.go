package account

import (
	"cmp"
	"encoding/json"
	"net/http"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/web/shell"
)

// answerScript answers the script with what the browser is to be asked.
func answerScript(c *shell.Call, b identity.PasskeyBegun, err error) error {
	h := c.W.Header()
	if err != nil {
		if code := slipway.CodeOf(err); code == slipway.Internal {
			return err
		}
		h.Set("Content-Type", "text/plain; charset=utf-8")
		status := shell.StatusOf(err)
		if slipway.CodeOf(err) == slipway.Unauthenticated {
			status = http.StatusUnauthorized
		}
		c.W.WriteHeader(status)
		_, _ = c.W.Write([]byte(shell.Sentence(err))) // the reader may be gone
		return nil
	}
	text, err := json.Marshal(map[string]any{"ceremony": b.Ceremony.Reveal(), "options": b.Options})
	if err != nil {
		return err
	}
	h.Set("Content-Type", "application/json")
	_, _ = c.W.Write(text)
	return nil
}

// passkeyOf is what the script has put into a form.
func passkeyOf(c *shell.Call) identity.PasskeyAnswer {
	return identity.PasskeyAnswer{Ceremony: c.SecretOf("ceremony"), Credential: []byte(c.R.PostForm.Get("credential"))}
}

func (p *pages) beginPasskeySignIn(c *shell.Call) error {
	begun, err := p.BeginPasskeySignIn(c.Ctx, c.SecretOf("challenge"))
	return answerScript(c, begun, err)
}

func (p *pages) finishPasskeySignIn(c *shell.Call) error {
	done, err := p.FinishPasskeySignIn(c.Ctx, c.SecretOf("challenge"), passkeyOf(c), p.SigningIn(c.R))
	if err != nil {
		return p.signInRefused(c, err)
	}
	next := done.Next
	if c.Form("challenge") == "" {
		next = c.Form("next")
	}
	p.begin(c, done.Session)
	return c.To(shell.Local(next), "")
}

func (p *pages) beginPasskey(c *shell.Call) error {
	begun, err := p.BeginPasskey(c.Ctx, proofOf(c))
	return answerScript(c, begun, err)
}

func (p *pages) addPasskey(c *shell.Call) error {
	codes, err := p.AddPasskey(c.Ctx, cmp.Or(c.Form("name"), device(c.R.UserAgent())), passkeyOf(c))
	if err != nil {
		return p.factorsRefused(c, err, factorsView{})
	}
	if len(codes) == 0 {
		return c.To("/account/factors", "The passkey is added.")
	}
	return p.factorsPage(c, http.StatusOK, factorsView{Codes: codes})
}

func (p *pages) beginPasskeyProof(c *shell.Call) error {
	begun, err := p.BeginPasskeyProof(c.Ctx)
	return answerScript(c, begun, err)
}

// device names a passkey that its owner gave no name, by the browser that made it.
func device(agent string) string {
	if name := program(agent); agent != "" && name != agent && len(name) < 100 {
		return name
	}
	return "passkey"
}
