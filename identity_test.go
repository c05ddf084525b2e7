package slipway_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

func TestMatchSubject(t *testing.T) {
	for _, c := range []struct {
		pattern, subject string
		want             bool
	}{
		{"repo:shop/billing:ref:refs/heads/main", "repo:shop/billing:ref:refs/heads/main", true},
		{"repo:shop/billing:ref:refs/heads/main", "repo:shop/billing:ref:refs/heads/main2", false},
		{"repo:shop/billing:*", "repo:shop/billing:ref:refs/heads/main", true},
		{"repo:shop/billing:*", "repo:shop/billing-evil:ref:refs/heads/main", false},
		{"repo:shop/billing:*", "xrepo:shop/billing:ref", false},
		{"repo:shop/*:environment:prod", "repo:shop/billing:environment:prod", true},
		{"repo:shop/*:environment:prod", "repo:shop/billing:environment:prod:more", false},
		{"a*b*c", "abc", true}, {"a*b*c", "aXbYbZc", true}, {"a*b*c", "acb", false}, {"a*a", "a", false}, {"*", "", true}, {"", "", true}, {"", "x", false},
		{"repo:shop/billing:[a-z]", "repo:shop/billing:m", false}, {"r.po", "repo", false}, {"r?po", "repo", false},
	} {
		if got := slipway.MatchSubject(c.pattern, c.subject); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.subject, got)
		}
	}
}

func TestCheckIssuer(t *testing.T) {
	for _, good := range []string{"https://login.example.com", "https://login.example.com/realms/shop", "http://127.0.0.1:9000", "http://localhost:1", "http://[::1]:1"} {
		if err := slipway.CheckIssuer("issuer", good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "login.example.com", "http://login.example.com", "https://", "ftp://x", "https://u:p@x", "https://x?y", "https://x#y", "file:///etc/passwd", "http://localhost.evil.example"} {
		if err := slipway.CheckIssuer("issuer", bad); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestGrant(t *testing.T) {
	rules := []slipway.GroupRule{
		{Group: "devs", Team: "shop", Role: slipway.RoleDeveloper}, {Group: "leads", Team: "shop", Role: slipway.RoleAdmin},
		{Group: "devs", Team: "tools", Role: slipway.RoleViewer}, {Group: "ops", Admin: true},
	}
	for _, c := range []struct {
		groups        []string
		member, admin bool
		roles         map[string]slipway.Role
	}{
		{nil, false, false, map[string]slipway.Role{"shop": "", "tools": ""}},
		{[]string{"devs"}, true, false, map[string]slipway.Role{"shop": slipway.RoleDeveloper, "tools": slipway.RoleViewer}},
		{[]string{"leads", "devs"}, true, false, map[string]slipway.Role{"shop": slipway.RoleAdmin, "tools": slipway.RoleViewer}},
		{[]string{"ops"}, true, true, map[string]slipway.Role{"shop": "", "tools": ""}},
		{[]string{"Devs", "other"}, false, false, map[string]slipway.Role{"shop": "", "tools": ""}},
	} {
		g := slipway.Grant(rules, c.groups)
		if g.Member != c.member || g.Admin != c.admin || !g.Rules || !maps.Equal(g.Roles, c.roles) {
			t.Errorf("%v: %+v", c.groups, g)
		}
	}
}

func TestGroupRule(t *testing.T) {
	for _, text := range []string{"devs=shop:developer", "ops=platform", "CN=ops,OU=x=platform", "a b=shop:viewer"} {
		if r, err := slipway.ParseGroupRule(text); err != nil || r.String() != text {
			t.Errorf("%q: %v %v", text, r, err)
		}
	}
	for _, text := range []string{"", "devs", "=platform", "devs=", "devs=shop", "devs=shop:", "devs=:developer"} {
		if r, err := slipway.ParseGroupRule(text); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("%q: %v", text, r)
		}
	}
}

func TestSecondFactorOfAProvider(t *testing.T) {
	for _, c := range []struct {
		methods string
		level   string
		want    bool
	}{
		{"", "", false},
		{"pwd", "", false},
		{"pwd mfa", "", true},
		{"mfa rsa", "", true},
		{"pwd otp", "", true},
		{"hwk pin", "", true},
		{"hwk fpt", "", true},
		{"hwk", "", false}, // a key that was touched, by whoever
		{"otp", "", false},
		{"pwd pin", "", false}, // two things that somebody knows
		{"otp hwk", "", false},
		{"pwd sms", "", false},
		{"pwd MFA", "", false},
		{"pwd", "https://refeds.org/profile/mfa", true},
		{"", "phr", true},
		{"", "2", false}, // whatever that means there
	} {
		p := slipway.Person{Methods: strings.Fields(c.methods), Level: c.level}
		if got := p.SecondFactor(); got != c.want {
			t.Errorf("%q at %q: %t", c.methods, c.level, got)
		}
	}
}
