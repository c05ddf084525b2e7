package source

import (
	"testing"

	"github.com/slipway-dev/slipway"
)

func TestRelativeURL(t *testing.T) {
	for _, c := range [][3]string{
		{"https://host.example/org/repo.git", "../lib.git", "https://host.example/org/lib.git"},
		{"https://host.example/org/repo.git", "../../../../lib.git", "https://host.example/lib.git"},
		{"git@host.example:org/repo.git", "../lib.git", "git@host.example:org/lib.git"},
		{"git@host.example:org/repo.git", "../../other/lib.git", "git@host.example:other/lib.git"},
		{"git@host.example:/srv/repo.git", "../lib.git", "git@host.example:/srv/lib.git"},
		{"ssh://git@host.example:2222/org/repo.git", "./lib.git", "ssh://git@host.example:2222/org/repo.git/lib.git"},
		{"/srv/git/repo", "../lib", "/srv/git/lib"},
		{"https://host.example/org/repo.git", "https://else.example/x.git", "https://else.example/x.git"},
	} {
		if got := relativeURL(c[0], c[1]); got != c[2] {
			t.Errorf("%s + %s = %s, not %s", c[0], c[1], got, c[2])
		}
	}
}

// TestCredentialStaysHome holds a credential to the server that it is for.
func TestCredentialStaysHome(t *testing.T) {
	for _, c := range []struct {
		outer, sub string
		kept       bool
	}{
		{"https://host.example/a.git", "https://host.example/b.git", true},
		{"https://host.example/a.git", "https://HOST.example/b.git", true},
		{"https://host.example/a.git", "http://host.example/b.git", false},
		{"https://host.example/a.git", "https://host.example:8443/b.git", false},
		{"https://host.example/a.git", "https://host.example.evil.example/b.git", false},
		{"https://host.example/a.git", "https://host.example@evil.example/b.git", false},
		{"https://host.example/a.git", "git@host.example:b.git", false},
		{"git@host.example:a.git", "other@host.example:b.git", true},
		{"git@host.example:a.git", "git@evil.example:b.git", false},
	} {
		sub, err := submodule(slipway.Repository{URL: c.outer, Credential: "sealed://_git/x/token"}, "sub", c.sub)
		if err != nil || (sub.Credential != "") != c.kept {
			t.Errorf("%s in %s: %q %v", c.sub, c.outer, sub.Credential, err)
		}
	}
}

func TestShownHidesUsers(t *testing.T) {
	for raw, want := range map[string]string{
		"https://ghp_token@host.example/a.git": "https://host.example/a.git",
		"git@host.example:a.git":               "git@host.example:a.git",
		"/srv/git/a":                           "/srv/git/a",
	} {
		if got := shown(raw); got != want {
			t.Errorf("%s is shown as %s", raw, got)
		}
	}
}
