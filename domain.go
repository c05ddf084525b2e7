package slipway

import (
	"context"
	"strings"
)

// MaxDomains is how many host names of its own a service may have in an environment.
const MaxDomains = 20

// maxDomain and maxLabel are DNS's bounds (RFC 1035, without the final dot).
const maxDomain, maxLabel = 253, 63

// LocalDomain is the base domain unless the platform has another: names below it
// lead to this machine (RFC 6761).
const LocalDomain = "localhost"

// localAddress is the other name by which applications know their own machine. Both are
// for one service each, as browsers send their cookies to every port.
const localAddress = "127.0.0.1"

// DefaultHost is the name that every service has in an environment without anybody
// giving it one; base is the platform's base domain, "" for LocalDomain.
func DefaultHost(service, environment, base string) string {
	if base == "" {
		base = LocalDomain
	}
	return service + "." + environment + "." + base
}

// CheckDomain refuses what is no host name as DNS and browsers know them: in lower
// case, internationalised ones in their form for DNS (xn--), with two labels or
// more. What browsers read as an address of IPv4 is none (the last label is a
// number), and neither is a wildcard. Of single words LocalDomain alone is one, and of
// addresses localAddress, for an application that takes no other name. field is named in the error.
func CheckDomain(field, name string) error {
	switch {
	case name == LocalDomain, name == localAddress:
		return nil
	case name == "":
		return Errorf(Invalid, "%s is missing", field).At(field)
	case strings.Contains(name, "*"):
		return Errorf(Invalid, "%q is a wildcard; give each host name by itself", printable(name)).At(field)
	case strings.ContainsAny(name, ":/@?#[] \t"):
		return Errorf(Invalid, "%q is not a host name; give the name alone, as in shop.example.com, without https://, a port or a path", printable(name)).At(field)
	case len(name) > maxDomain:
		return Errorf(Invalid, "%s has %d characters; at most %d are allowed", field, len(name), maxDomain).At(field)
	}
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	if number(last) {
		return Errorf(Invalid, "%q is an address; give a host name, as in shop.example.com", printable(name)).At(field)
	}
	for _, label := range labels {
		if len(labels) < 2 || !isLabel(label) {
			return Errorf(Invalid, "%q is not a host name; give one as in shop.example.com: parts of letters, digits and hyphens with dots between them", printable(name)).At(field)
		}
	}
	return nil
}

func isLabel(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxLabel && s[0] != '-' && s[len(s)-1] != '-'
}

// number tells whether browsers take a last label for the end of an address of
// IPv4 (the URL standard's "ends in a number").
func number(s string) bool {
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		return strings.Trim(rest, "0123456789abcdef") == ""
	}
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Below tells whether a host name is a domain, or lies below it.
func Below(name, domain string) bool {
	return domain != "" && (name == domain || strings.HasSuffix(name, "."+domain))
}

// CheckBase refuses what can't be the base domain of a platform whose own names are
// given: services can set cookies for every domain that they lie below, and so would
// for the portal.
func CheckBase(base string, own []string) error {
	if err := CheckDomain("domain", base); err != nil {
		return err
	}
	if Below(base, LocalDomain) {
		return Errorf(Invalid, "services have names below %s anyway; give a domain whose names lead to this machine, as in apps.example.com", LocalDomain).At("domain")
	}
	// SERVICE.ENVIRONMENT. stands before it.
	if longest := len(base) + 2*(MaxName+1); longest > maxDomain {
		return Errorf(Invalid, "the domain has %d characters; at most %d leave room for the names of services before it", len(base), maxDomain-2*(MaxName+1)).At("domain")
	}
	for _, name := range own {
		if Below(base, name) || Below(name, base) {
			return Errorf(Invalid, "%s is this platform's own, and services below %s could set cookies for it; give services a domain beside it, as in apps.example.com", name, base).At("domain")
		}
	}
	return nil
}

// Reserved tells whether a name is not to be had because it is the platform's, or
// another service's without being asked for.
func Reserved(name, base string, own []string) bool {
	for _, o := range own {
		if Below(name, o) {
			return true
		}
	}
	// Default names have two labels before the base domain; one alone leads nowhere.
	return name != LocalDomain && Below(name, LocalDomain) || name == base || Below(name, base) && strings.Count(name, ".") > strings.Count(base, ".")+1
}

// Domains say under which names services answer at an edge, beside their default
// ones below LocalDomain.
type Domains struct {
	Base string       `json:"base,omitempty"` // DefaultHost below it, for every service; "" for none
	Own  []OwnDomains `json:"own,omitempty"`  // no name twice
}

// OwnDomains are the host names that a service has been given in an environment.
type OwnDomains struct {
	Service     string   `json:"service"`
	Environment string   `json:"environment"`
	Names       []string `json:"names"` // the first one is that of links and checks
}

// Edge routes requests by their host. A default name leads to the service that has
// it, whatever own names say.
type Edge interface {
	// Answer puts the names in place of all that were told before, at once for new
	// requests, and keeps them across restarts. It can be told of services that don't
	// run, or don't run yet.
	Answer(ctx context.Context, d Domains) error
	// Unserved counts what the edge answered by itself.
	Unserved(ctx context.Context) ([]EdgeCount, error)
}
