package egress

import "net/netip"

// special are networks that no address on the internet is in. The list is that
// of IANA's registries of special-purpose addresses, without those that have
// their own question in netip.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
	"64:ff9b:1::/48", // NAT64 of the local network: what is behind it is not said by the address in a way that holds everywhere
)

// carriers are networks of IPv6 whose addresses carry one of IPv4, from the
// given byte on: what is behind them is that.
var carriers = []struct {
	netip.Prefix
	at int
}{
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, text := range list {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

// reach says how far an address reaches.
type reach int

const (
	public  reach = iota // the internet
	inner                // this machine, or a network behind it
	nothing              // link-local (where clouds answer with credentials), multicast, unspecified: never meant
)

// reachOf tells how far an address reaches, whatever form it is written in.
func reachOf(a netip.Addr) reach {
	if a.Zone() != "" {
		return nothing
	}
	a = a.Unmap()
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsMulticast(), a.IsLinkLocalUnicast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return nothing
	case a.IsLoopback(), a.IsPrivate():
		return inner
	}
	for _, p := range special {
		if p.Contains(a) {
			return inner
		}
	}
	for _, c := range carriers {
		if c.Contains(a) {
			b := a.As16()
			return reachOf(netip.AddrFrom4([4]byte(b[c.at : c.at+4])))
		}
	}
	return public
}
