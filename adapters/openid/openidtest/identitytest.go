// Package openidtest is the conformance suite of the OpenID port, and the
// real providers that it is run against: zitadel's in this process, and the
// certified oidc-provider of Node.
package openidtest

import (
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// User is somebody whom a provider knows; the name is the subject.
type User struct {
	Email    string   `json:"email"`
	Verified bool     `json:"email_verified"`
	Name     string   `json:"name"`
	Groups   []string `json:"groups"`
}

// Users are known to every provider.
var Users = map[string]User{
	"ada":   {Email: "ada@example.com", Verified: true, Name: "Ada L.", Groups: []string{"developers", "leads"}},
	"bert":  {Email: "bert@example.com", Verified: true, Name: "Bert", Groups: []string{"developers"}},
	"carol": {Email: "carol@example.com", Verified: false, Name: "Carol", Groups: []string{"developers"}},
	"dora":  {Email: "dora@example.com", Verified: true, Name: "Dora"},
}

const (
	clientID     = "slipway"
	clientSecret = "a secret of the client, long enough"
	// Callback is where providers send browsers back to, unless told otherwise.
	Callback = "http://127.0.0.1:7070/login/callback/corp"
)

// Provider is an OpenID provider that runs.
type Provider interface {
	Issuer() string
	// SignIn is a browser that follows an address to the provider, signs in
	// there as a user, and returns the address that it is sent back to.
	SignIn(t testing.TB, address, user string) string
}

// Client is how Slipway is registered at a provider.
func Client(p Provider) slipway.OpenIDClient {
	return slipway.OpenIDClient{
		Issuer: p.Issuer(), ID: clientID, Secret: slipway.NewSecret(clientSecret), Scopes: []string{"email", "profile", "groups"},
		GroupsClaim: "groups", Redirect: Callback,
	}
}

// browser keeps cookies and follows no redirect by itself.
func browser() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// isCallback tells whether an address is Slipway's.
func isCallback(address string) bool { return strings.Contains(address, "/login/callback/") }
