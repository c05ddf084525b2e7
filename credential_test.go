package slipway_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestCredentialOpensForItsServer binds a credential to one server and tries
// every other way of naming one.
func TestCredentialOpensForItsServer(t *testing.T) {
	const ref, home = slipway.SecretRef("sealed://_git/billing/a1"), "https://git.example.com/shop/billing.git"
	bound, err := slipway.BindCredential(ref, home, slipway.NewSecret("hunter2-token"))
	if err != nil {
		t.Fatal(err)
	}
	for url, opens := range map[string]bool{
		home:                                       true,
		"https://GIT.example.com:443/other.git":    true,
		"https://ada@git.example.com/other.git":    true,
		"http://git.example.com/shop/billing.git":  false,
		"https://git.example.com:8443/billing.git": false,
		"https://git.example.com.evil.example/x":   false,
		"https://git.example.com@evil.example/x":   false,
		"https://evil.example/git.example.com/x":   false,
		"git@git.example.com:shop/billing.git":     false,
		"git@[git.example.com:443]:shop/x.git":     false,
		"ssh://git@git.example.com/x":              false,
		"git://git.example.com/x":                  false,
		"/srv/git/billing":                         false,
		"file:///srv/git/billing":                  false,
		"https://":                                 false,
	} {
		value, err := slipway.OpenCredential(ref, url, bound)
		if opened := err == nil && value.Reveal() == "hunter2-token"; opened != opens {
			t.Errorf("%s: %v %v", url, opened, err)
		}
	}
	for what, c := range map[string]struct {
		ref    slipway.SecretRef
		stored slipway.Secret
	}{
		"another reference": {"sealed://_git/other/a1", bound},
		"another kind":      {"sealed://billing/dev/TOKEN", bound},
		"no binding":        {ref, slipway.NewSecret("hunter2-token")},
		"nothing in it":     {ref, slipway.NewSecret(`{"reference":"sealed://_git/billing/a1","server":"https://git.example.com:443"}`)},
	} {
		if value, err := slipway.OpenCredential(c.ref, home, c.stored); err == nil || value.Reveal() != "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, path := range []string{"/srv/git/x", "file:///srv/git/x"} {
		if _, err := slipway.BindCredential(ref, path, slipway.NewSecret("hunter2-token")); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("%s takes a token: %v", path, err)
		}
	}
}

// TestServersOfRepositories are told apart by scheme, host and port.
func TestServersOfRepositories(t *testing.T) {
	for url, want := range map[string]string{
		"git@Git.example.com:a/b.git":       "ssh://git.example.com:22",
		"ssh://git@git.example.com/a/b.git": "ssh://git.example.com:22",
		"git@[2001:db8::1]:a.git":           "ssh://[2001:db8::1]",
		"git@[2001:db8::2]:a.git":           "ssh://[2001:db8::2]",
		"https://[2001:DB8::1]/a.git":       "https://[2001:db8::1]:443",
		"http://git.example.com/a":          "http://git.example.com:80",
		"/srv/git/a":                        "",
		"https://git example.com/a":         "",
	} {
		if got := slipway.ServerOf(url); got != want {
			t.Errorf("%s: %q, not %q", url, got, want)
		}
	}
}
