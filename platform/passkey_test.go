package platform_test

import (
	"context"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/ceremony"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform/platformtest"
)

// key is a passkey in a device, of software.
type key struct {
	w      *world
	rp     virtualwebauthn.RelyingParty
	device virtualwebauthn.Authenticator
	one    virtualwebauthn.Credential
}

// passkey makes a device with a passkey for somebody who is signed in.
func (w *world) passkey(ctx context.Context, proof identity.FactorProof) (*key, []slipway.Secret) {
	w.Helper()
	k := &key{w: w, rp: virtualwebauthn.RelyingParty{Name: "Slipway", ID: "slipway.example.com", Origin: "https://slipway.example.com"}, device: virtualwebauthn.NewAuthenticator(), one: virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
	begun, err := w.BeginPasskey(ctx, proof)
	w.must(err)
	asked, err := virtualwebauthn.ParseAttestationOptions(`{"publicKey":` + string(begun.Options) + `}`)
	w.must(err)
	k.device.Options.UserHandle = []byte(asked.UserID)
	answer := virtualwebauthn.CreateAttestationResponse(k.rp, k.device, k.one, *asked)
	in := identity.PasskeyAnswer{Ceremony: begun.Ceremony, Credential: []byte(answer)}
	recovery, err := w.AddPasskey(ctx, "laptop", in)
	w.must(err)
	_, err = w.AddPasskey(ctx, "laptop", in)
	w.want(err, slipway.Conflict, "try again")
	k.device.AddCredential(k.one)
	return k, recovery
}

// answer is what a browser brings back for what it was asked.
func (k *key) answer(begun identity.PasskeyBegun) identity.PasskeyAnswer {
	k.w.Helper()
	asked, err := virtualwebauthn.ParseAssertionOptions(`{"publicKey":` + string(begun.Options) + `}`)
	k.w.must(err)
	return identity.PasskeyAnswer{Ceremony: begun.Ceremony, Credential: []byte(virtualwebauthn.CreateAssertionResponse(k.rp, k.device, k.one, *asked))}
}

func TestPasskeys(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.T.Context()
		none := slipway.Secret{}
		w.person("bob", false)
		k, recovery := w.passkey(w.session(w.signIn("bob")), identity.FactorProof{Current: password})
		if len(recovery) != 10 {
			w.Errorf("%d recovery codes", len(recovery))
		}
		ask := func(challenge slipway.Secret) identity.PasskeyBegun {
			w.Helper()
			begun, err := w.BeginPasskeySignIn(ctx, challenge)
			w.must(err)
			return begun
		}
		// As the second step.
		needed := w.half("bob")
		answer := k.answer(ask(needed.Challenge))
		done, err := w.FinishPasskeySignIn(ctx, needed.Challenge, answer, cli)
		w.must(err)
		here := w.session(done.Session)
		// An answer is good once, for what it was asked for, and for nothing else.
		_, err = w.FinishPasskeySignIn(ctx, w.half("bob").Challenge, answer, cli)
		w.want(err, slipway.Conflict, "try again")
		_, err = w.FinishPasskeySignIn(ctx, none, k.answer(ask(w.half("bob").Challenge)), cli)
		w.want(err, slipway.Conflict, "try again")
		// Alone, with who uses it verified.
		done, err = w.FinishPasskeySignIn(ctx, none, k.answer(ask(none)), cli)
		w.must(err)
		if v, err := w.Identify(ctx, done.Session.Access, cli); err != nil || v.Name != "bob" {
			w.Errorf("%+v %v", v, err)
		}
		k.device.Options.UserNotVerified = true
		_, err = w.FinishPasskeySignIn(ctx, none, k.answer(ask(none)), cli)
		w.want(err, slipway.Unauthenticated, "not accepted")
		k.device.Options.UserNotVerified = false
		// For another site, of another key, and by another's account.
		evil := *k
		evil.rp.Origin = "https://evil.example.com"
		_, err = w.FinishPasskeySignIn(ctx, none, evil.answer(ask(none)), cli)
		w.want(err, slipway.Unauthenticated, "not accepted")
		forged := *k
		forged.one = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
		forged.one.ID = k.one.ID
		_, err = w.FinishPasskeySignIn(ctx, none, forged.answer(ask(none)), cli)
		w.want(err, slipway.Unauthenticated, "not accepted")
		w.person("eve", false)
		eve := w.session(w.signIn("eve"))
		other, _ := w.passkey(eve, identity.FactorProof{Current: password})
		needed = w.half("bob")
		_, err = w.FinishPasskeySignIn(ctx, needed.Challenge, other.answer(ask(needed.Challenge)), cli)
		w.want(err, slipway.Unauthenticated, "not accepted")
		// One that was begun too long ago.
		late := ask(none)
		w.must(w.Storage.Client.Ceremony.Update().SetExpiresAt(time.Now().UTC().Add(-time.Second)).Where(ceremony.AccountID(0)).Exec(w.Context()))
		_, err = w.FinishPasskeySignIn(ctx, none, k.answer(late), cli)
		w.want(err, slipway.Conflict, "try again")

		// As a proof, and to remove itself.
		w.old(here)
		begun, err := w.BeginPasskeyProof(here)
		w.must(err)
		w.must(w.Prove(here, identity.FactorProof{Passkey: k.answer(begun)}))
		if _, _, err := w.AddToken(here, identity.TokenInput{Name: "x", Scopes: []slipway.Scope{"read"}}); err != nil {
			w.Error(err)
		}
		list, err := w.Factors(here)
		w.must(err)
		w.old(here)
		begun, err = w.BeginPasskeyProof(here)
		w.must(err)
		w.must(w.RemoveFactor(here, list.List[0].Key, identity.FactorProof{Current: password, Passkey: k.answer(begun)}))
		_, err = w.FinishPasskeySignIn(ctx, none, k.answer(ask(none)), cli)
		w.want(err, slipway.Unauthenticated, "not accepted")
		w.signIn("bob")
		n, err := w.Storage.Client.AuditEntry.Query().Where(auditentry.Action("session.begin"), auditentry.Result("refused")).Count(w.Context())
		if err != nil || n < 5 {
			w.Errorf("%d refused sign-ins are on record: %v", n, err)
		}
	})
}

// TestPasskeysNeedAName doesn't offer what browsers would refuse.
func TestPasskeysNeedAName(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	w.person("bob", false)
	ctx := w.session(w.signIn("bob"))
	for address, works := range map[string]bool{"http://127.0.0.2:7070": false, "http://slipway.localhost:7070": true, "https://slipway.example.com": true} {
		w.Address = address
		_, err := w.BeginPasskey(ctx, identity.FactorProof{Current: password})
		if w.Passkeys() != works || (err == nil) != works {
			t.Errorf("%s: %v", address, err)
		}
	}
}
