// Package slipway holds the words of the platform and the rules that connect
// them: services, environments, releases, promotions and their steps, and the
// ports through which steps act on the world. It imports only the standard
// library. Read it first.
//
// A promotion moves one immutable release of a service into an environment.
// What it will do is a Plan, computed by pure functions; doing it happens
// behind the ports: Source, Builder, Renderer, SecretStore, Target, Verifier
// and, to say what happened, Ledger.
package slipway

import (
	"regexp"
	"strings"
)

// MaxName is the longest name of a service or an environment. Both become
// labels of a host name (payments.dev.localhost), which DNS bounds at 63.
const MaxName = 40

var nameForm = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)

// CheckName refuses anything that could not be a DNS label; field is named in
// the error.
func CheckName(field, name string) error {
	switch {
	case name == "":
		return Errorf(Invalid, "%s is missing", field).At(field)
	case len(name) > MaxName:
		return Errorf(Invalid, "%s has %d characters; at most %d are allowed", field, len(name), MaxName).At(field)
	case !nameForm.MatchString(name):
		return Errorf(Invalid, "%s %q is not a name: use lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen", field, printable(name)).At(field)
	}
	return nil
}

// ReservedAccount tells whether a name says, as the actor of the audit log or in the
// documentation, who is no account: no new account may be taken for one of them.
func ReservedAccount(name string) bool {
	switch name {
	case "operator", "platform", "system", "slipway", "worker", "push":
		return true
	}
	return false
}

// printable shortens and cleans outside text for a message.
func printable(s string) string {
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}

// Outcome tells a red result from a broken machine.
type Outcome string

const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"  // the service's own build, tests or checks said no: not retried
	Errored   Outcome = "errored" // the platform could not find out: retried by policy
)
