package shell

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
)

// proofView asks who is signed in to prove it, and then goes on with the form
// that was sent.
type proofView struct {
	identity.Proving
	To     string
	Fields []field // of the form
	Err    string
}

func (v proofView) passkey() bool { return slices.Contains(v.Factors, slipway.FactorPasskey) }

type field struct{ Name, Value string }

// proved takes a proof that comes with a form, before the form is looked at.
func (c *Call) proved() error {
	if c.R.Method != http.MethodPost || c.R.PostForm.Get("_proof") == "" {
		return nil
	}
	return c.portal.Prove(c.Ctx, identity.FactorProof{Current: c.SecretOf("_current"), Code: c.SecretOf("_code"),
		Passkey: identity.PasskeyAnswer{Ceremony: c.SecretOf("_ceremony"), Credential: []byte(c.R.PostForm.Get("_credential"))}})
}

// askProof shows the page that asks for a proof in place of an answer to a form.
func (c *Call) askProof(problem error) {
	v := proofView{To: Local(c.R.URL.RequestURI()), Err: Sentence(problem)}
	var err error
	if v.Proving, err = c.portal.Proving(c.Ctx); err != nil {
		c.fail(err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.R.PostForm)) {
		for _, value := range c.R.PostForm[name] {
			if !strings.HasPrefix(name, "_") {
				v.Fields = append(v.Fields, field{name, value})
			}
		}
	}
	status := http.StatusForbidden
	if problem != nil {
		status = StatusOf(problem)
	}
	f := c.Frame("Prove that it is you", "")
	if !strings.HasPrefix(c.R.PostForm.Get("_page"), "/") {
		f.Here = "/"
	}
	_ = c.Show(status, proofPage(f, v))
}

// asks tells whether an error of a proof is one that another try can mend.
func asks(err error) bool {
	code := slipway.CodeOf(err)
	return code == slipway.Invalid || code == slipway.Limited
}
