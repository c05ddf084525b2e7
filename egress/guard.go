// Package egress makes calls to addresses that users give: webhooks, identity
// providers, git servers. Whoever may give an address could otherwise make the
// platform ask what only it can reach: this machine, the network behind it, the
// cloud's credentials.
package egress

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
)

// Options say where calls may go.
type Options struct {
	// Open admits this machine and its networks: right where all who give
	// addresses own the machine. Link-local, multicast and unspecified addresses
	// are refused all the same.
	Open bool
	// Allow lists what is admitted besides: networks (10.1.0.0/16), addresses,
	// host names (hooks.corp.example), and all below a name (*.corp.example).
	Allow []string
	// Proxy sends calls by the proxy of the environment. It sees the names, and
	// resolves them itself: names are then checked, but not pinned.
	Proxy bool
	// Lookup resolves names; nil is the machine's own.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Guard decides where calls may go. Its methods may be called at once.
type Guard struct {
	o     Options
	nets  []netip.Prefix
	hosts map[string]bool
	below []string
}

// New refuses an allow list that can't be read.
func New(o Options) (*Guard, error) {
	g := &Guard{o: o, hosts: map[string]bool{}}
	if o.Lookup == nil {
		g.o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	for _, item := range o.Allow {
		text := canonical(item)
		if p, err := netip.ParsePrefix(text); err == nil {
			if p.Addr().Is4In6() {
				return nil, slipway.Errorf(slipway.Invalid, "--allow-outgoing %s is an IPv4 network in IPv6 form; write it as IPv4", item)
			}
			g.nets = append(g.nets, p.Masked())
			continue
		}
		if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
			a = a.Unmap().WithZone("")
			g.nets = append(g.nets, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		name, all := strings.CutPrefix(text, "*.")
		if name == "" || strings.ContainsAny(name, "*/:@ ") {
			return nil, slipway.Errorf(slipway.Invalid, "--allow-outgoing %q is neither a network such as 10.1.0.0/16, nor an address, nor a host such as hooks.example.com or *.example.com", item)
		}
		if all {
			g.below = append(g.below, "."+name)
		} else {
			g.hosts[name] = true
		}
	}
	return g, nil
}

// canonical writes a host as it is compared.
func canonical(host string) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(host)), ".")
}

// named tells whether a host is admitted by its name, wherever it is.
func (g *Guard) named(host string) bool {
	host = canonical(host)
	if g.hosts[host] {
		return true
	}
	for _, suffix := range g.below {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// admits tells whether an address is admitted by itself.
func (g *Guard) admits(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range g.nets {
		if p.Contains(a.WithZone("")) {
			return true
		}
	}
	switch reachOf(a) {
	case public:
		return true
	case inner:
		return g.o.Open
	}
	return false
}

// Strict tells whether this machine and its networks are closed to calls.
func (g *Guard) Strict() bool { return !g.o.Open }

// Proxied tells whether calls go by the environment's proxy.
func (g *Guard) Proxied() bool { return g.o.Proxy }

// Refusal is how a call that may not be made ends; errors.As finds it.
type Refusal struct{ why *slipway.Error }

func (r *Refusal) Error() string { return r.why.Error() }
func (r *Refusal) Unwrap() error { return r.why }

func refusal(host string, at netip.Addr) error {
	where := host
	if at.IsValid() && host != at.String() {
		where += " (" + at.String() + ")"
	}
	return &Refusal{slipway.Errorf(slipway.Refused, "%s is an internal address, and calls to those are not made; whoever runs the platform can allow it with --allow-outgoing %s", where, host)}
}

// Resolve finds the addresses of a host to which calls may be made. A host
// that has none but others is Refused; one that isn't found is Unavailable.
func (g *Guard) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	host = strings.Trim(host, "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		if !g.admits(a) {
			return nil, refusal(host, a)
		}
		return []netip.Addr{a}, nil
	}
	if endsInNumber(host) {
		return nil, &Refusal{slipway.Errorf(slipway.Refused, "%s is an address in a form that programs read differently; write it as 192.0.2.1, or give a name", host)}
	}
	found, err := g.o.Lookup(ctx, host)
	if err != nil || len(found) == 0 {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the host %s can't be found; is its name right?", host)
	}
	var good []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); g.named(host) || g.admits(a) {
			good = append(good, a)
		}
	}
	if len(good) == 0 {
		return nil, refusal(host, found[0].Unmap())
	}
	return good, nil
}

// endsInNumber tells whether some program would read a name as an address of
// IPv4, such as 0x7f.1 or 2130706433.
func endsInNumber(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndex(host, ".")+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last == "" || strings.Trim(last, "0123456789") == ""
}

// DialContext connects to host:port. What is checked is the address that is
// connected to, in the moment it is: a name that means something else a moment
// later changes nothing.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, slipway.Wrap(slipway.Invalid, err, "%q is not an address", address)
	}
	good, err := g.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: 10 * time.Second, ControlContext: func(_ context.Context, _, connected string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(connected)
		if err != nil || !g.named(host) && !g.admits(at.Addr()) {
			return refusal(host, at.Addr())
		}
		return nil
	}}
	for i, a := range good {
		if i == 4 {
			break // a name with hundreds of dead addresses must not hold a caller for hours
		}
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}
