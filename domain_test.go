package slipway

import (
	"strings"
	"testing"
)

func TestDomains(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, ok := range map[string]bool{
		"shop.example.com": true, "a.b": true, "xn--bcher-kva.example": true, "9.example.com": true, "a--b.example.com": true, long + ".com": true,
		strings.Repeat(long+".", 3) + strings.Repeat("a", 61): true, strings.Repeat(long+".", 3) + strings.Repeat("a", 62): false,
		"": false, "shop": false, "localhost": true, ".example.com": false, "example.com.": false, "a..b": false, "-a.com": false, "a-.com": false, long + "a.com": false,
		"*.example.com": false, "a*.example.com": false, "https://shop.example.com": false, "shop.example.com:80": false, "shop.example.com/x": false, "a@b.com": false,
		"127.0.0.1": true, "127.0.0.2": false, "10.0.0.1": false, "1.2.3": false, "a.0x7f": false, "a.0x": false, "1.1": false, "[::1]": false, "::1": false,
		"Shop.example.com": false, "bücher.example": false, "a_b.example.com": false, "a b.com": false, "a.com\n": false, "a.com\x00": false, "a\u200b.com": false,
	} {
		if err := CheckDomain("name", name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestReservedDomains(t *testing.T) {
	own := []string{"slipway.example.com"}
	for name, reserved := range map[string]bool{
		"billing.prod.localhost": true, "x.localhost": true, "localhost": false, "notlocalhost.com": false,
		"slipway.example.com": true, "x.slipway.example.com": true, "example.com": false, "xslipway.example.com": false,
		"apps.example.com": true, "billing.prod.apps.example.com": true, "a.b.c.apps.example.com": true, "shop.apps.example.com": false, "xapps.example.com": false,
	} {
		if got := Reserved(name, "apps.example.com", own); got != reserved {
			t.Errorf("%s: reserved %v", name, got)
		}
	}
	if Reserved("shop.example.com", "", nil) || !Reserved("shop.dev.localhost", "", nil) {
		t.Error("without a base domain")
	}
}

func TestBaseDomains(t *testing.T) {
	own := []string{"slipway.example.com", "slipway.localhost"}
	for base, ok := range map[string]bool{
		"apps.example.com": true, "apps.example": true, "slipway.example.com": false, "apps.slipway.example.com": false, "example.com": false,
		"localhost": false, "apps.localhost": false, "*.example.com": false, "Apps.example.com": false, strings.Repeat("a.", 85) + "b": true, strings.Repeat("a.", 86) + "b": false,
	} {
		if err := CheckBase(base, own); (err == nil) != ok {
			t.Errorf("%q: %v", base, err)
		}
	}
	if got := DefaultHost("billing", "prod", ""); got != "billing.prod.localhost" {
		t.Error(got)
	}
	if got := DefaultHost("billing", "prod", "apps.example.com"); got != "billing.prod.apps.example.com" {
		t.Error(got)
	}
}
