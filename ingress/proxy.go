package ingress

import (
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"strings"

	"github.com/slipway-dev/slipway"
)

// proxies are the peers whose word is taken for who asks, and how they say it.
// One way only: a proxy that writes X-Forwarded-For passes a client's own
// Forwarded on as it came, and the other way round.
type proxies struct {
	networks  []netip.Prefix
	forwarded bool
}

func parseProxies(list []string, forwarded bool) (proxies, error) {
	p := proxies{forwarded: forwarded}
	for _, text := range list {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			address, bad := netip.ParseAddr(text)
			if bad != nil {
				return p, slipway.Errorf(slipway.Invalid, "--trusted-proxy %q is neither an address nor a network; write it as 10.0.0.5 or 10.0.0.0/24", text).At("--trusted-proxy")
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		if network.Bits() == 0 {
			return p, slipway.Errorf(slipway.Invalid, "--trusted-proxy %s would believe everybody; name the proxies", text).At("--trusted-proxy")
		}
		p.networks = append(p.networks, network.Masked())
	}
	return p, nil
}

func (p proxies) trust(a netip.Addr) bool {
	for _, n := range p.networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// hop is what a proxy says of the request that it got.
type hop struct {
	from        netip.Addr // invalid when it doesn't say
	host, proto string
}

// client walks the hops from ours outwards to the first that isn't trusted: that
// is who asks, and what is beyond it anybody can have written. A hop that doesn't
// say from whom it has the request is taken for the one who asks.
func (p proxies) client(peer netip.Addr, hops []hop) (netip.Addr, hop) {
	at, said := peer, hop{}
	for i := len(hops) - 1; i >= 0 && p.trust(at); i-- {
		said = hops[i]
		if !said.from.IsValid() {
			break
		}
		at = said.from
	}
	return at, said
}

// maxHops is more proxies than anybody stands behind.
const maxHops = 32

// hops reads what the proxies have written, the outermost first.
func (p proxies) hops(h http.Header) []hop {
	var list []hop
	if p.forwarded {
		for _, element := range splitOutside(strings.Join(h.Values("Forwarded"), ","), ',') {
			var x hop
			for _, pair := range splitOutside(element, ';') {
				name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
				value = unquote(value)
				switch strings.ToLower(name) {
				case "for":
					x.from = parseHop(value)
				case "host":
					x.host = value
				case "proto":
					x.proto = value
				}
			}
			list = append(list, x)
		}
	} else {
		from := values(h, "X-Forwarded-For")
		for _, text := range from {
			list = append(list, hop{from: parseHop(text)})
		}
		if len(list) == 0 {
			list = []hop{{}}
		}
		// Who writes these may replace or append: a list as long as that of the
		// addresses tells of each hop, any other only of the last.
		hosts, protos := values(h, "X-Forwarded-Host"), values(h, "X-Forwarded-Proto")
		for i := range list {
			list[i].host, list[i].proto = aligned(hosts, i, len(list)), aligned(protos, i, len(list))
		}
	}
	return list[max(0, len(list)-maxHops):]
}

func values(h http.Header, name string) (list []string) {
	for part := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func aligned(list []string, i, n int) string {
	switch {
	case len(list) == 0:
		return ""
	case len(list) == n:
		return list[i]
	}
	return list[len(list)-1]
}

// parseHop reads an address with or without a port; RFC 7239's "unknown" and
// "_hidden" are none.
func parseHop(text string) netip.Addr {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// splitOutside splits at a separator that stands outside quotes.
func splitOutside(text string, separator byte) (list []string) {
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == separator && !quoted:
			list = append(list, text[start:i])
			start = i + 1
		}
	}
	if start < len(text) {
		list = append(list, text[start:])
	}
	return list
}

func unquote(text string) string {
	text = strings.TrimSpace(text)
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text[1:len(text)-1], `\"`, `"`), `\\`, `\`)
}

// Handler makes a request say who asks and for which host, before anything else
// looks at it: RemoteAddr and Host are the client's, and no forwarding header is
// left that somebody could believe by mistake. What came in clear over a network
// goes no further.
func (e *Entrance) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			next.ServeHTTP(w, r) // a unix socket's peer is on this machine
			return
		}
		peer := at.Addr().Unmap().WithZone("")
		trusted := e.proxies.trust(peer)
		client, said := peer, hop{}
		if trusted {
			client, said = e.proxies.client(peer, e.proxies.hops(r.Header))
		}
		r = r.WithContext(r.Context())
		r.Header = r.Header.Clone()
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "X-Real-Ip" || name == "True-Client-Ip" {
				delete(r.Header, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
		probe := r.URL.Path == "/healthz" || r.URL.Path == "/readyz" // of whoever runs us; they tell no more than that
		if !probe && (trusted && said.proto != "" && !strings.EqualFold(said.proto, "https") || !trusted && !e.direct && !local(r)) {
			e.inClear(w, r)
			return
		}
		if client != peer {
			r.RemoteAddr = net.JoinHostPort(client.String(), "0")
		}
		if said.host != "" {
			r.Host = said.host
		}
		next.ServeHTTP(w, r)
	})
}

// inClear answers what wasn't encrypted on its way: a page is sent to where it
// is, and whatever may have carried a secret is told that it has been read.
func (e *Entrance) inClear(w http.ResponseWriter, r *http.Request) {
	secret := r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != ""
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && !secret && !strings.HasPrefix(r.URL.Path, "/api/") {
		h.Set("Location", e.PublicURL+r.URL.RequestURI())
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Connection", "close")
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write([]byte("This came in clear, and is refused: use " + e.PublicURL + ". A token that was sent with it may have been read on its way; revoke it.\n"))
}
