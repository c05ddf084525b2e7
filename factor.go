package slipway

import "strings"

// FactorKind is a kind of second factor: something that somebody has.
type FactorKind string

const (
	FactorTOTP     FactorKind = "totp"     // an app that shows a code every thirty seconds (RFC 6238)
	FactorPasskey  FactorKind = "passkey"  // a key in a device or a password manager, bound to the portal's address (WebAuthn)
	FactorRecovery FactorKind = "recovery" // a code from a list that was printed or kept elsewhere, good once
)

// ByProvider is the second factor of an identity provider that is trusted with it.
func ByProvider(name string) string { return providerFactor + name }

const providerFactor = "provider "

// ProviderOf is the provider whose second factor it was, "" when it was none's.
func ProviderOf(factor string) string {
	name, ok := strings.CutPrefix(factor, providerFactor)
	if !ok {
		return ""
	}
	return name
}

// Known tells whether it is a second factor; a password isn't.
func (k FactorKind) Known() bool {
	return k == FactorTOTP || k == FactorPasskey || k == FactorRecovery
}
