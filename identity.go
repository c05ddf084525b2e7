package slipway

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// OpenIDClient is how Slipway is known at an OpenID provider.
type OpenIDClient struct {
	Issuer      string
	ID          string
	Secret      Secret   // empty for a public client
	Scopes      []string // beyond openid
	GroupsClaim string   // a claim, or a path of names with dots into one
	Redirect    string   // where the provider sends browsers back to
}

// SignInChallenge is what ties the answer of a provider to the one question it
// answers: all three are random and good once.
type SignInChallenge struct {
	State    Secret
	Nonce    Secret
	Verifier Secret // of PKCE (RFC 7636)
}

// Person is what a provider says of who signed in there.
type Person struct {
	Subject       string // never changes, and names nobody else; what follows may
	Email         string
	EmailVerified bool
	Name          string
	Username      string
	Groups        []string
	Methods       []string // by which the provider has seen who it is (amr, RFC 8176)
	Level         string   // what that was worth to it (acr)
}

// methodKinds are the methods of RFC 8176 by what they show: something that
// somebody knows, has or is. What comes by message or call shows nothing here:
// NIST restricts it.
var methodKinds = map[string]string{
	"pwd": "knows", "pin": "knows", "kba": "knows",
	"otp": "has", "hwk": "has", "swk": "has", "sc": "has",
	"face": "is", "fpt": "is", "iris": "is", "retina": "is", "vbm": "is",
}

// manyFactors are levels that mean several factors, whoever says them.
var manyFactors = []string{
	"https://refeds.org/profile/mfa",
	"http://schemas.openid.net/pape/policies/2007/06/multi-factor",
	"urn:okta:loa:2fa:any",
	"phr", "phrh", // phishing-resistant (OpenID EAP)
}

// SecondFactor tells whether the provider says that it has seen more than one
// factor: mfa, methods of two kinds, or a level that is known to mean it.
func (p Person) SecondFactor() bool {
	kinds := map[string]bool{}
	for _, m := range p.Methods {
		if m == "mfa" {
			return true
		}
		if kind := methodKinds[m]; kind != "" {
			kinds[kind] = true
		}
	}
	return len(kinds) > 1 || slices.Contains(manyFactors, p.Level)
}

// Job is what the issuer of a CI job's token says of the job.
type Job struct {
	Subject  string
	Audience []string
	ID       string // of the token, "" when the issuer gives none
	Expires  time.Time
}

// OpenID speaks with OpenID providers. It decides whether what they say is
// theirs, whole, for us and of now; what follows from it is the platform's
// business. The methods may be called at once. Only asymmetric signatures are
// believed, whatever a token or a provider says of its algorithm; keys are kept
// and asked for again when an unknown one has signed, a few times a minute.
//
// Unavailable says that a provider can't be asked now, Invalid that what stands
// at an issuer's address is no provider, Unauthenticated that what was brought
// is not to be believed.
type OpenID interface {
	// Discover asks an issuer for what a provider says of itself.
	Discover(ctx context.Context, issuer string) error
	// Begin returns the address that a browser is sent to.
	Begin(ctx context.Context, c OpenIDClient, challenge SignInChallenge) (string, error)
	// Redeem exchanges the code that a browser brought back for who signed in.
	// A code that was redeemed before is Unauthenticated.
	Redeem(ctx context.Context, c OpenIDClient, challenge SignInChallenge, code Secret) (Person, error)
	// Verify reads a CI job's token. One that isn't for any of the audiences is
	// Unauthenticated; the subject is for the caller to judge.
	Verify(ctx context.Context, issuer string, audiences []string, token Secret) (Job, error)
}

// CheckIssuer refuses what can't be the address of an OpenID provider. Without
// TLS, whoever is on the way could be the provider; on this machine nobody is.
func CheckIssuer(field, issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" || len(issuer) > 2000:
		return Errorf(Invalid, "%s %q is not the address of an issuer; write it as https://login.example.com", field, printable(issuer)).At(field)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return Errorf(Invalid, "%s must begin with https://", field).At(field)
	}
	return nil
}

func loopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// MatchSubject tells whether a subject fits a pattern, in which * stands for
// any text, also for none. There are no other special characters.
func MatchSubject(pattern, subject string) bool {
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(subject, parts[0])
	if !ok {
		return false
	}
	if len(parts) == 1 {
		return rest == ""
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, last)
}

// String is a rule as people write it: GROUP=TEAM:ROLE, or GROUP=platform.
func (r GroupRule) String() string {
	if r.Admin {
		return r.Group + "=platform"
	}
	return r.Group + "=" + r.Team + ":" + string(r.Role)
}

// ParseGroupRule reads what String writes. A group may hold any sign, so the
// last = counts.
func ParseGroupRule(text string) (GroupRule, error) {
	i := strings.LastIndex(text, "=")
	group, what := strings.TrimSpace(text[:max(i, 0)]), strings.TrimSpace(text[i+1:])
	team, role, ok := strings.Cut(what, ":")
	switch {
	case group != "" && what == "platform":
		return GroupRule{Group: group, Admin: true}, nil
	case group == "" || !ok || team == "" || role == "":
		return GroupRule{}, Errorf(Invalid, "%q is not a rule; write it as GROUP=TEAM:ROLE, or GROUP=platform for admins of the platform", printable(text)).At("groups")
	}
	return GroupRule{Group: group, Team: team, Role: Role(role)}, nil
}

// Granted is what the groups of somebody are worth by a provider's rules.
type Granted struct {
	Member bool            // at least one rule fits
	Roles  map[string]Role // by team: every team that a rule names; "" is no role
	Admin  bool            // of the platform
	Rules  bool            // a rule says who is one
}

// Grant works out what groups are worth: in each team the strongest role of the
// rules that fit.
func Grant(rules []GroupRule, groups []string) Granted {
	g := Granted{Roles: map[string]Role{}}
	in := map[string]bool{}
	for _, name := range groups {
		in[name] = true
	}
	for _, r := range rules {
		g.Member = g.Member || in[r.Group]
		g.Rules = g.Rules || r.Admin
		g.Admin = g.Admin || r.Admin && in[r.Group]
		if r.Team == "" {
			continue
		}
		role := g.Roles[r.Team]
		if in[r.Group] && !role.Includes(r.Role) {
			role = r.Role
		}
		g.Roles[r.Team] = role
	}
	return g
}
