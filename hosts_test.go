package slipway

import (
	"strings"
	"testing"
)

func TestAcceptedHosts(t *testing.T) {
	a := AcceptedHosts{Names: []string{"shop.example.com", ".example.org", "*.example.net"}}
	for host, ok := range map[string]bool{
		"shop.example.com": true, "SHOP.example.com": true, "x.shop.example.com": false, "example.org": true, "a.b.example.org": true, "xexample.org": false,
		"a.example.net": true, "example.net": false, "billing.dev.localhost": false,
	} {
		if a.Takes(host) != ok {
			t.Errorf("%s: %v", host, !ok)
		}
	}
	if !(AcceptedHosts{Names: []string{"*"}}).Takes("any") || (AcceptedHosts{}).Takes("any") {
		t.Error("everything, nothing")
	}
}

func TestRefusedHosts(t *testing.T) {
	django := AcceptedHosts{Setting: "ALLOWED_HOSTS", File: "shop/settings.py", Line: 12}
	with := func(a AcceptedHosts, names ...string) *AcceptedHosts { a.Names = names; return &a }
	variable := func(form ListForm) *AcceptedHosts {
		a := django
		a.Variable, a.Form = "HOSTS", form
		return &a
	}
	set := func(v ConfigValue) map[string]ConfigValue { return map[string]ConfigValue{"HOSTS": v} }
	for name, c := range map[string]struct {
		a      *AcceptedHosts
		config map[string]ConfigValue
		want   string
	}{
		"one":         {with(django, "localhost", "127.0.0.1", "shop.example.com"), nil, "(ALLOWED_HOSTS in shop/settings.py, line 12), and not billing.dev.localhost; give it one: slipway domain add billing shop.example.com --env dev"},
		"below":       {with(django, ".example.com"), nil, "slipway domain add billing billing-dev.example.com --env dev"},
		"wild":        {with(django, "*.example.com"), nil, "slipway domain add billing billing-dev.example.com --env dev"},
		"local":       {with(django, "localhost", "127.0.0.1"), nil, "give it one: slipway domain add billing localhost --env dev"},
		"both":        {with(django, "localhost", "shop.example.com"), nil, "slipway domain add billing shop.example.com --env dev"},
		"an address":  {with(django, "10.1.2.3"), nil, `add ".localhost" there`},
		"this one":    {with(django, "127.0.0.1"), nil, "give it one: slipway domain add billing 127.0.0.1 --env dev"},
		"elsewhere":   {with(django, ".railway.app", ".PythonAnywhere.com", "127.0.0.1"), nil, "give it one: slipway domain add billing 127.0.0.1 --env dev"},
		"nowhere":     {with(django, "shop.herokuapp.com"), nil, `add ".localhost" there`},
		"starlette":   {with(AcceptedHosts{Setting: "allowed_hosts of TrustedHostMiddleware"}, "10.1.2.3"), nil, `add "*.localhost" there`},
		"none":        {&django, nil, "only: none (ALLOWED_HOSTS"},
		"unknown":     {nil, nil, "slipway domain add billing NAME --env dev"},
		"unset":       {variable(ListByComma), nil, "slipway config set billing --env dev HOSTS=billing.dev.localhost"},
		"more":        {variable(ListByComma), set(ConfigValue{Value: "a.com,b.com"}), "HOSTS=a.com,b.com,billing.dev.localhost"},
		"empty":       {variable(ListByJSON), set(ConfigValue{Value: "[]"}), `'HOSTS=["billing.dev.localhost"]'`},
		"by space":    {variable(ListBySpace), set(ConfigValue{Value: "a.com"}), "'HOSTS=a.com billing.dev.localhost'"},
		"json":        {variable(ListByJSON), set(ConfigValue{Value: `["a.com"]`}), `'HOSTS=["a.com","billing.dev.localhost"]'`},
		"a secret":    {variable(ListByComma), set(ConfigValue{Secret: "billing/HOSTS"}), "slipway secret set billing HOSTS --env dev"},
		"quoted":      {variable(ListByComma), set(ConfigValue{Value: "it's"}), `'HOSTS=it'\''s,billing.dev.localhost'`},
		"by variable": {variable(ListByComma), nil, "the variable HOSTS only (ALLOWED_HOSTS in shop/settings.py, line 12)"},
	} {
		if got := RefusedHost("billing", "dev", "billing.dev.localhost", c.a, c.config); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
