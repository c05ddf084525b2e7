// Package ingress is the way in to the platform from a network: the address it
// listens on, the certificate it shows, and whose word it takes for who asks. It
// refuses to open an address beyond this machine in clear.
package ingress

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/socket"
)

// Options say where the platform listens and how it is protected there. Names
// of flags in errors are those of `slipway up`.
type Options struct {
	Listen    string
	PublicURL string // what people open; found out from the certificate unless given
	Cert, Key string // PEM files, read again when they change
	ACME      ACME
	Proxies   []string // addresses and networks whose forwarding headers are believed
	Forwarded bool     // the proxies write Forwarded (RFC 7239), not X-Forwarded-*
	Redirect  string   // an address in clear that sends everybody to the public URL
	Peers     *socket.Peers
	Log       *slog.Logger
}

// ACME says from whom certificates are got.
type ACME struct {
	Hosts   []string // none: no ACME
	Email   string
	CA      string // the directory's URL; Let's Encrypt unless given
	CARoot  string // a PEM file with the roots that the CA's own server is trusted by
	Storage string // a directory for account, keys and certificates
}

// Entrance is an open address.
type Entrance struct {
	// Listener accepts connections, TLS when there is a certificate.
	Listener net.Listener
	// PublicURL is what people open, without a slash at its end; "" when nobody
	// said, and the address is this machine's own.
	PublicURL string
	// PortalURL is where people open the portal: the public URL, or on this machine
	// a name that is the portal's alone.
	PortalURL string
	// OwnHost is that name; "" when the portal is asked for by whatever name.
	OwnHost string

	proxies  proxies
	peers    *socket.Peers // who tells whose connections are; nil where that isn't asked
	direct   bool          // peers that are no proxy may ask too
	acme     *authority
	redirect net.Listener
	log      *slog.Logger
}

// Open opens the address. It is Invalid when anybody on the way could read or
// change what is said there.
func Open(o Options) (_ *Entrance, err error) {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, slipway.Errorf(slipway.Invalid, "--listen %q is not an address; write it as 127.0.0.1:7070", o.Listen).At("--listen")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Entrance{log: o.Log}
	if e.proxies, err = parseProxies(o.Proxies, o.Forwarded); err != nil {
		return nil, err
	}
	if err := o.consistent(loopback(host)); err != nil {
		return nil, err
	}
	secured := o.Cert != "" || len(o.ACME.Hosts) > 0
	e.direct = secured || loopback(host)
	if e.PublicURL, err = parsePublic(o.PublicURL, secured || !e.direct); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			e.Close()
		}
	}()
	if e.Listener, err = listen("--listen", o.Listen); err != nil {
		return nil, err
	}
	var config *tls.Config
	switch {
	case o.Cert != "":
		pair, err := openPair(o.Cert, o.Key, o.Log)
		if err != nil {
			return nil, err
		}
		if e.PublicURL, err = pair.public(e.PublicURL, e.port(), len(o.Proxies) > 0); err != nil {
			return nil, err
		}
		config = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: pair.certificate}
	case len(o.ACME.Hosts) > 0:
		if e.PublicURL == "" {
			e.PublicURL = origin(o.ACME.Hosts[0], e.port())
		}
		if e.acme, err = newAuthority(o.ACME, e.Listener.Addr(), o.Redirect, o.Log); err != nil {
			return nil, err
		}
		config = e.acme.config()
	}
	if config != nil {
		e.Listener = tls.NewListener(e.Listener, config)
	}
	e.namePortal(host)
	if config == nil && len(o.Proxies) == 0 && !strings.HasPrefix(e.PublicURL, "https://") {
		e.peers = o.Peers
	}
	if o.Redirect != "" {
		if e.redirect, err = listen("--redirect", o.Redirect); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// consistent refuses what can't be meant together.
func (o Options) consistent(local bool) error {
	acme := len(o.ACME.Hosts) > 0
	switch {
	case (o.Cert == "") != (o.Key == ""):
		return slipway.Errorf(slipway.Invalid, "--tls-cert and --tls-key belong together; give both").At("--tls-cert")
	case o.Cert != "" && acme:
		return slipway.Errorf(slipway.Invalid, "a certificate comes from files or by ACME; give --tls-cert and --tls-key, or --acme").At("--acme")
	case !acme && (o.ACME.Email != "" || o.ACME.CA != "" || o.ACME.CARoot != ""):
		return slipway.Errorf(slipway.Invalid, "--acme-email, --acme-ca and --acme-ca-root say how certificates are got; say for which host with --acme HOST").At("--acme")
	case len(o.Proxies) > 0 && o.PublicURL == "":
		return slipway.Errorf(slipway.Invalid, "behind a proxy Slipway can't see its own address; say what people open with --public-url https://slipway.example.com").At("--public-url")
	case o.Forwarded && len(o.Proxies) == 0:
		return slipway.Errorf(slipway.Invalid, "--proxy-header says what the trusted proxies write; name them with --trusted-proxy").At("--proxy-header")
	case !local && o.Cert == "" && !acme && len(o.Proxies) == 0:
		return slipway.Errorf(slipway.Invalid, "--listen %s is not a loopback address, and passwords would cross the network in clear; give a certificate (--tls-cert FILE --tls-key FILE), have one made (--acme HOST --acme-email EMAIL), or name the proxy with TLS in front (--trusted-proxy ADDRESS --public-url https://HOST)", o.Listen).At("--listen")
	case o.Redirect != "" && o.Cert == "" && !acme && o.PublicURL == "":
		return slipway.Errorf(slipway.Invalid, "--redirect sends people to https, and there is none; give a certificate or --public-url").At("--redirect")
	}
	return nil
}

// Connected has the requests of a connection able to tell whose it is, where the portal
// is reached over loopback in clear: there its cookies go to other programs, too.
func (e *Entrance) Connected(ctx context.Context, conn net.Conn) context.Context {
	if e.peers == nil {
		return ctx
	}
	return e.peers.Asking(ctx, conn)
}

// Start begins to get certificates, once the listener is served: the authority
// asks there for proof. It returns at once; failures are logged and tried again.
func (e *Entrance) Start(ctx context.Context) error {
	if e.acme != nil {
		if err := e.acme.start(ctx); err != nil {
			return err
		}
	}
	if e.redirect != nil {
		go e.serveRedirect(ctx)
	}
	return nil
}

// Close gives up what Open took. Whoever serves the listener closes it too.
func (e *Entrance) Close() {
	if e.acme != nil {
		e.acme.stop()
	}
	if e.redirect != nil {
		_ = e.redirect.Close()
	}
	if e.Listener != nil {
		_ = e.Listener.Close()
	}
}

func (e *Entrance) port() string {
	_, port, _ := net.SplitHostPort(e.Listener.Addr().String())
	return port
}

// parsePublic holds the public URL to what links and cookies can be made of.
func parsePublic(text string, secure bool) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", slipway.Errorf(slipway.Invalid, "--public-url %q is not an origin; write it as https://slipway.example.com, without a path", text).At("--public-url")
	}
	if secure && u.Scheme != "https" {
		return "", slipway.Errorf(slipway.Invalid, "--public-url %s is not encrypted on its way; it has to begin with https://", text).At("--public-url")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

// ownHost is a host that no service has: cookies don't tell ports apart, so those
// of http://127.0.0.1:7070 would go to whatever else listens on this machine.
// Browsers know names below localhost to be this machine (RFC 6761).
const ownHost = "slipway.localhost"

func (e *Entrance) namePortal(host string) {
	if e.PortalURL = e.PublicURL; e.PortalURL != "" {
		return
	}
	switch host {
	case "localhost", "127.0.0.1", "::1":
		e.OwnHost, e.PortalURL = ownHost, "http://"+net.JoinHostPort(ownHost, e.port())
	default: // another loopback address, where browsers don't look for that name
		e.PortalURL = "http://" + e.Listener.Addr().String()
	}
}

func origin(host, port string) string {
	if port != "443" {
		return "https://" + net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return "https://" + host
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func listen(flag, addr string) (net.Listener, error) {
	l, err := socket.Loopback(addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		host, _, _ := net.SplitHostPort(addr)
		return nil, slipway.Errorf(slipway.Conflict, "%s is in use by another program, or its port is on the other loopback address (127.0.0.1, ::1); choose another address with %s, such as %s %s", addr, flag, flag, net.JoinHostPort(host, "0"))
	case errors.Is(err, syscall.EACCES):
		return nil, slipway.Wrap(slipway.Invalid, err, "%s %s needs a right that this user hasn't: ports below 1024 take CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=), or a higher port", flag, addr).At(flag)
	}
	return nil, slipway.Wrap(slipway.Invalid, err, "%s %s can't be opened; choose another", flag, addr).At(flag)
}

// local tells whether a request came from this machine: over its loopback, or
// by a unix socket.
func local(r *http.Request) bool {
	switch a := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}
