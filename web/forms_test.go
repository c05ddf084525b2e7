package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/identity"
)

// TestForms sends each form as its page does, and looks at the page after it.
func TestForms(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	b := s.person("alice", true, nil)
	s.person("bert", false, nil)
	for _, f := range []struct {
		page, path string
		fields     url.Values
		next, says string // where it leads, and what stands there
	}{
		{"/environments", "/environments", url.Values{"name": {"stage"}, "after": {"test"}}, "/environments", "<b>stage</b>"},
		{"/environments", "/environments/stage", url.Values{"position": {"1"}, "revision": {""}}, "", "was changed by somebody else"},
		{"/teams", "/teams", url.Values{"name": {"data"}}, "/teams/data", "The team data is there."},
		{"/teams/data", "/teams/data/members", url.Values{"account": {"bert"}, "role": {"developer"}}, "/teams/data", "bert is developer in data."},
		{"/teams/data", "/teams/data/members", url.Values{"account": {"bert"}, "role": {"king"}}, "", "is not a role"},
		{"/teams/data", "/teams/data/members", url.Values{"account": {"bert"}, "do": {"remove"}}, "/teams/data", "bert is no longer in data."},
		{"/teams/data", "/teams/data/remove", nil, "/teams", "The team data is removed."},
		{"/teams/billing", "/teams/billing/remove", nil, "", "owns services"},
		{"/teams", "/people/bert", url.Values{"do": {"no-active"}}, "/teams", "may not sign in"},
		{"/account", "/account", url.Values{"display_name": {"Alice A"}, "email": {"alice@team.example"}}, "/account", "alice@team.example"},
		{"/account", "/account", url.Values{"email": {"nonsense"}}, "", "is not an email address"},
		{"/account", "/account/password", url.Values{"current": {"wrong"}, "password": {"another long password"}}, "", "The current password is wrong."},
		{"/account", "/account/password", url.Values{"current": {password}, "password": {"another long password"}}, "/account", "The password is changed."},
		{"/account/tokens", "/account/tokens", url.Values{"name": {"CI"}, "scope": {"read", "promote:dev"}, "days": {"30"}}, "", "Copy the token now."},
		{"/account/tokens", "/account/tokens", url.Values{"name": {"CI"}}, "", "between one and twenty scopes"},
		{"/teams/billing/integrations", "/teams/billing/integrations", url.Values{"url": {"https://hooks.example.com/a"}, "events": {"promotion.*, deployment.down"}}, "", "Give the receiver this secret now."},
		{"/teams/billing/integrations", "/teams/billing/integrations", url.Values{"url": {"https://hooks.example.com/a"}, "events": {"promotoin.state"}}, "", "is no kind of event"},
		{"/teams/billing/integrations/1", "/teams/billing/integrations/1", url.Values{"url": {"https://hooks.example.com/b"}, "events": {""}, "active": {"yes"}, "revision": {"1"}}, "/teams/billing/integrations/1", "The webhook is saved."},
		{"/teams/billing/integrations/1", "/teams/billing/integrations/1", url.Values{"url": {"https://hooks.example.com/c"}, "revision": {"1"}}, "", "was changed by somebody else"},
		{"/teams/billing/integrations/1", "/teams/billing/integrations/1/ping", nil, "/teams/billing/integrations/1", "A ping is on its way as delivery 1."},
		{"/teams/billing/integrations/1", "/teams/billing/integrations/1/deliveries/1/replay", nil, "", "is still tried"},
		{"/teams/billing/integrations/1", "/teams/billing/integrations/1/rotate", nil, "", "Give the receiver this secret now."},
		{"/teams/billing/integrations/1", "/teams/billing/integrations/1/remove", url.Values{"revision": {"2"}}, "/teams/billing/integrations", "No webhook yet"},
		{"/services/payments/settings", "/services/payments/domains", url.Values{"env": {"dev"}, "name": {"Shop.example.com"}}, "/services/payments/settings#domains", "payments answers to shop.example.com in dev."},
		{"/services/payments/settings", "/services/payments/domains", url.Values{"env": {"prod"}, "name": {"shop.example.com"}}, "", "has the name shop.example.com in dev"},
		{"/services/payments/settings", "/services/payments/domains", url.Values{"env": {"prod"}, "name": {"192.0.2.7"}}, "", "is an address"},
		{"/services/payments/settings", "/services/payments/domains", url.Values{"env": {"dev"}, "remove": {"shop.example.com"}}, "/services/payments/settings#domains", "answer to shop.example.com in dev any more"},
		{"/services/payments/config", "/services/payments/config", url.Values{"env": {"dev"}, "key": {"A"}, "value": {"1\r\n2"}}, "/services/payments/config?env=dev", "A is set."},
		{"/services/payments/config", "/services/payments/config", url.Values{"env": {"dev"}, "key": {"A"}, "do": {"unset"}, "revision": {"0.0"}}, "", "was changed by somebody else"},
		{"/services/payments/config", "/services/payments/config", url.Values{"env": {"dev"}, "key": {"A"}, "do": {"unset"}}, "/services/payments/config?env=dev", "A is unset here."},
		{"/services/payments/config/versions?env=dev", "/services/payments/config/restore", url.Values{"env": {"dev"}, "key": {"A"}, "version": {"1"}, "revision": {"0.0"}}, "", "was changed by somebody else"},
		{"/services/payments/config/versions?env=dev", "/services/payments/config/restore", url.Values{"env": {"dev"}, "key": {"A"}, "version": {"9"}}, "", "A has no version 9"},
		{"/services/payments/config/versions?env=dev", "/services/payments/config/restore", url.Values{"env": {"dev"}, "key": {"A"}, "version": {"1"}}, "/services/payments/config/versions?env=dev", "A is restored to version 1."},
		{"/services/payments/config/versions?env=dev", "/services/payments/config/restore", url.Values{"env": {"dev"}, "of": {"A"}, "key": {"A"}, "version": {"1"}}, "/services/payments/config/versions?env=dev&key=A", "A is restored to version 1."},
		{"/services/payments/config", "/services/payments/config", url.Values{"env": {"dev"}, "key": {"PORT"}, "value": {"1"}}, "", "is set by Slipway"},
		{"/services/payments/config", "/services/payments/secrets", url.Values{"env": {"dev"}, "name": {"KEY"}, "secret": {"hunter2-hunter2"}}, "/services/payments/config?env=dev", "KEY is sealed."},
		{"/services/payments/config", "/services/payments/secrets", url.Values{"env": {"dev"}, "name": {"KEY"}, "do": {"remove"}}, "/services/payments/config?env=dev", "Its history has what it was."},
		{"/services/payments/config", "/services/payments/config", url.Values{"env": {"dev"}, "key": {"KEY"}, "value": {"plain"}}, "/services/payments/config?env=dev", "KEY is set."},
		{"/services/payments/config/versions?env=dev", "/services/payments/config/restore", url.Values{"env": {"dev"}, "key": {"KEY"}, "version": {"1"}}, "/services/payments/config/versions?env=dev", "KEY is restored to version 1."},
		{"/services/payments/config", "/services/payments/config", url.Values{"env": {"dev"}, "key": {"KEY"}, "value": {"plain"}}, "", "KEY is a secret for the service in this environment"},
		{"/services/payments/config", "/services/payments/secrets", url.Values{"env": {"dev"}, "name": {"KEY"}, "do": {"remove"}, "erase": {"yes"}}, "/services/payments/config?env=dev", "KEY is removed here. It goes live with the next promotion."},
		{"/services/payments/settings", "/services/payments/settings", url.Values{"url": {"not a url"}, "kind": {"web"}, "revision": {"1"}}, "", "is not a repository URL"},
		{"/services/payments/settings", "/services/payments/settings", url.Values{"url": {"https://git.team.example/other.git"}, "kind": {"web"}, "revision": {"1"}}, "/services/payments/settings", "https://git.team.example/other.git"},
		{"/services/payments/settings", "/services/payments/settings", url.Values{"url": {"https://git.team.example/third.git"}, "kind": {"web"}, "revision": {"1"}}, "", "was changed by somebody else"},
		{"/services/payments/promote", "/services/payments/promote", url.Values{"to": {"dev"}, "ref": {"main"}, "commit": {"0123"}}, "", "There is a newer commit"},
		{"/services/payments/promote", "/services/payments/promote", url.Values{"to": {"prod"}}, "", "so there is none to take on to prod."},
		{"/services/payments/rollback?env=dev", "/services/payments/rollback", url.Values{"env": {"dev"}}, "", "nothing to go back to."},
		{"/promotions/1", "/promotions/1/cancel", nil, "", "is over: it has succeeded"},
		{"/services/new", "/services", url.Values{"url": {"https://git.team.example/payments.git"}, "team": {"billing"}}, "", "The name payments is taken: a service of team billing has it (slipway service show payments); billing-payments is free."},
		{"/services/new", "/services", url.Values{"url": {"https://git.team.example/more.git"}, "team": {"billing"}, "only": {"yes"}, "environment": {"dev", "prod"}}, "/services/more", "more is registered. Nothing runs yet."},
		{"/services/more/settings", "/services/more/settings", url.Values{"url": {"https://git.team.example/more.git"}, "kind": {"web"}, "environments": {"prod moon"}, "revision": {"1"}}, "", "There is no environment moon; there are dev, test, stage, prod"},
		{"/services/more/settings", "/services/more/settings", url.Values{"url": {"https://git.team.example/more.git"}, "kind": {"web"}, "environments": {"prod moon"}, "revision": {"1"}}, "", `value="prod moon"`},
		{"/services/more/settings", "/services/more/remove", url.Values{"name": {"mroe"}, "revision": {"1"}}, "", "Nothing was removed"},
		{"/services/more/settings", "/services/more/remove", url.Values{"name": {"more"}, "revision": {"1"}}, "/", "more is stopped everywhere and removed."},
	} {
		page := b.post(f.page, f.path, f.fields)
		switch {
		case f.next == "" && page.status == http.StatusSeeOther:
			t.Errorf("POST %s %v leads to %s", f.path, f.fields, page.header.Get("Location"))
		case f.next != "" && (page.status != http.StatusSeeOther || page.header.Get("Location") != f.next):
			t.Errorf("POST %s %v: %d to %q, want %q\n%s", f.path, f.fields, page.status, page.header.Get("Location"), f.next, page.body)
		}
		if f.next != "" {
			page = b.get(f.next)
		}
		if !strings.Contains(page.body, f.says) {
			t.Errorf("POST %s %v does not say %q\n%s", f.path, f.fields, f.says, page.body)
		}
		if strings.Contains(page.body, "hunter2") || strings.Contains(page.body, password) {
			t.Errorf("POST %s: the page after it holds a secret", f.path)
		}
	}
	if body := b.get("/").body; strings.Contains(body, "is stopped everywhere") {
		t.Error("what was said once is said again")
	}
}

// TestPromoteForm starts what its page showed, and only that.
func TestPromoteForm(t *testing.T) {
	s := newSite(t)
	s.service("payments", "billing", "main")
	b := s.person("alice", true, nil)
	a := b.post("/services/payments/promote?to=test", "/services/payments/promote", url.Values{"to": {"test"}, "release": {"1"}})
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/promotions/2" {
		t.Fatalf("promote: %d %s\n%s", a.status, a.header.Get("Location"), a.body)
	}
	if body := b.get("/promotions/2").body; !strings.Contains(body, "<h1>payments 1 to test</h1>") {
		t.Error("the promotion has no page")
	}
}

// TestCookiesOverHTTPS are for this host alone, and never sent in clear.
func TestCookiesOverHTTPS(t *testing.T) {
	s := newSite(t)
	if _, err := s.AddAccount(as(), identity.AccountInput{Name: "alice", Admin: true}); err != nil {
		t.Fatal(err)
	}
	s.Address = "https://slipway.team.example"
	set := s.browser().get("/login").header.Values("Set-Cookie")
	if len(set) == 0 {
		t.Fatal("no cookie was set")
	}
	for _, c := range set {
		if !strings.HasPrefix(c, "__Host-") || !strings.Contains(c, "; Secure") || !strings.Contains(c, "; HttpOnly") || !strings.Contains(c, "; SameSite=Lax") || !strings.Contains(c, "Path=/;") || strings.Contains(c, "Domain") {
			t.Errorf("the cookie %s", c)
		}
	}
}
