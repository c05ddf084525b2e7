package server

import (
	"context"
	"net/netip"
	"net/url"
	"os"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/egress"
	"github.com/slipway-dev/slipway/ingress"
)

// outgoingFlags say where calls to addresses that users give may go.
type outgoingFlags struct {
	Outgoing string   `name:"outgoing" enum:"auto,guarded,open" default:"auto" env:"SLIPWAY_OUTGOING" help:"Calls to addresses that people give: guarded goes to the internet and --allow-outgoing only, open also to this machine and its networks, auto is open while only this machine reaches the platform."`
	Allow    []string `name:"allow-outgoing" placeholder:"WHERE" env:"SLIPWAY_ALLOW_OUTGOING" help:"Network (10.1.0.0/16), address or host (git.corp.example, *.corp.example) that guarded calls may go to as well; repeat for each."`
	Proxy    bool     `name:"outgoing-proxy" env:"SLIPWAY_OUTGOING_PROXY" help:"Make guarded calls by the proxy that the environment names."`
}

// guard is strict as soon as others than this machine's users can reach the
// platform, by its address or by a proxy in front.
func (f outgoingFlags) guard(way *ingress.Entrance, in ingress.Options) (*egress.Guard, error) {
	open := f.Outgoing == "open"
	if f.Outgoing == "auto" || f.Outgoing == "" {
		open = onLoopback(way.Listener.Addr().String()) && len(in.Proxies) == 0 && (way.PublicURL == "" || onLoopback(hostPort(way.PublicURL)))
	}
	return egress.New(egress.Options{Open: open, Allow: f.Allow, Proxy: f.Proxy})
}

func onLoopback(address string) bool {
	at, err := netip.ParseAddrPort(address)
	if err == nil {
		return at.Addr().Unmap().IsLoopback()
	}
	u, err := url.Parse("//" + address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func hostPort(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// guarded holds git to what the guard admits: nowhere to the addresses that
// nobody means. Where it is open, servers of this machine and its networks are
// asked, and the environment's proxy is used, as on a developer's machine.
func (p *embedded) guarded(o source.Options) source.Options {
	o.Proxy = p.guard.Proxied() || !p.guard.Strict()
	o.Resolve = p.guard.Resolve
	if !p.guard.Strict() && proxied() {
		o.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			found, err := p.guard.Resolve(ctx, host)
			if slipway.CodeOf(err) == slipway.Unavailable {
				return nil, nil // a name that the proxy alone can resolve is its to judge
			}
			return found, err
		}
	}
	return o
}

// proxied tells whether the environment names a proxy for git.
func proxied() bool {
	for _, name := range []string{"https_proxy", "HTTPS_PROXY", "http_proxy"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}
