// Package account is the pages about who somebody is: signing in, by which factor or
// provider, his account, sessions, tokens, and the command lines he lets in.
package account

import (
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/web/shell"
)

// pages answer for this area. Their methods may be called at once.
type pages struct{ *shell.Portal }

// Routes registers the pages of this area.
func Routes(portal *shell.Portal) {
	p := &pages{portal}
	p.HandleAnyone("GET /login", p.showLogin)
	p.HandleAnyone("POST /login", p.signIn)
	p.HandleAnyone("POST /login/factor", p.finishFactor)
	p.HandleAnyone("POST /login/passkey", p.beginPasskeySignIn)
	p.HandleAnyone("POST /login/passkey/finish", p.finishPasskeySignIn)
	p.HandleAnyone("GET /login/with/{provider}", p.beginSignIn)
	p.HandleAnyone("GET "+identity.CallbackPath+"{provider}", p.finishSignIn)
	p.HandleAnyone("POST /login/connect", p.connectSignIn)
	p.HandleAnyone("GET /setup", p.showSetUp)
	p.HandleAnyone("GET /invitations/{token}", p.showInvitation)
	p.HandleAnyone("POST /invitations", p.acceptInvitation)
	p.HandleSignedIn("POST /logout", p.signOut)
	p.HandleSignedIn("GET "+identity.DevicePath, p.showDevice)
	p.HandleSignedIn("POST "+identity.DevicePath, p.decideDevice)
	p.HandleSignedIn("GET /account", p.showAccount)
	p.HandleSignedIn("POST /account", p.changeAccount)
	p.HandleSignedIn("POST /account/password", p.changePassword)
	p.HandleSignedIn("GET /account/sessions", p.showEndedSessions)
	p.HandleSignedIn("POST /account/sessions/{session}/end", p.endSession)
	p.HandleSignedIn("GET /account/factors", p.showFactors)
	p.HandleSignedIn("POST /account/factors/totp", p.beginTOTP)
	p.HandleSignedIn("POST /account/factors/passkeys", p.beginPasskey)
	p.HandleSignedIn("POST /account/factors/passkeys/confirm", p.addPasskey)
	p.HandleSignedIn("POST /account/proof/passkey", p.beginPasskeyProof)
	p.HandleSignedIn("POST /account/factors/{factor}/confirm", p.confirmTOTP)
	p.HandleSignedIn("POST /account/factors/{factor}/remove", p.removeFactor)
	p.HandleSignedIn("POST /account/factors/recovery-codes", p.renewRecoveryCodes)
	p.HandleSignedIn("GET /account/tokens", p.showTokens)
	p.HandleSignedIn("POST /account/tokens", p.addToken)
	p.HandleSignedIn("POST /account/tokens/{id}/revoke", p.revokeToken)
}
