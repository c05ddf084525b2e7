package ingress

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
)

// pair is a certificate with its key, from two files that somebody else
// renews. They are looked at when somebody connects: nothing has to be told,
// and connections that are open stay.
type pair struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	seen    [2]stamp
	looked  time.Time
}

// stamp tells one version of a file from the next.
type stamp struct {
	written time.Time
	size    int64
}

// look is how long a handshake relies on the last look at the files.
const look = time.Second

func openPair(cert, key string, log *slog.Logger) (*pair, error) {
	p := &pair{cert: cert, key: key, log: log}
	p.seen = p.stamps()
	loaded, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, slipway.Wrap(slipway.Invalid, err, "the certificate in %s and the key in %s can't be used: %s", cert, key, err).At("--tls-cert")
	}
	p.current = &loaded
	if now := time.Now(); now.After(loaded.Leaf.NotAfter) {
		log.Warn("the certificate has expired; browsers will refuse it", "file", cert, "expired", loaded.Leaf.NotAfter)
	}
	return p, nil
}

func (p *pair) stamps() (s [2]stamp) {
	for i, name := range []string{p.cert, p.key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}

// certificate is what a handshake shows. Files that don't fit together, as
// while they are being replaced, leave the one before in use.
func (p *pair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.looked) < look {
		return p.current, nil
	}
	p.looked = time.Now()
	now := p.stamps()
	if now == p.seen {
		return p.current, nil
	}
	loaded, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		p.log.Warn("the changed certificate can't be used; the one before stays", "file", p.cert, "error", err)
		return p.current, nil
	}
	p.seen, p.current = now, &loaded
	p.log.Info("the certificate was replaced", "file", p.cert, "expires", loaded.Leaf.NotAfter)
	return p.current, nil
}

// public is the URL that the certificate is for: the one that was given, when
// it covers it, and otherwise its first name. Behind a proxy the certificate
// may be for the way from there to here.
func (p *pair) public(given, port string, proxied bool) (string, error) {
	leaf := p.current.Leaf
	if given == "" {
		if name := firstName(leaf); name != "" {
			return origin(name, port), nil
		}
		return "", slipway.Errorf(slipway.Invalid, "the certificate in %s names no host; say what people open with --public-url https://slipway.example.com", p.cert).At("--public-url")
	}
	u, err := url.Parse(given)
	if err != nil || proxied {
		return given, nil
	}
	if err := leaf.VerifyHostname(u.Hostname()); err != nil {
		return "", slipway.Wrap(slipway.Invalid, err, "the certificate in %s is for %s, not for %s; browsers would refuse it", p.cert, strings.Join(append(leaf.DNSNames, addresses(leaf)...), ", "), u.Hostname()).At("--tls-cert")
	}
	return given, nil
}

func firstName(leaf *x509.Certificate) string {
	for _, name := range append(leaf.DNSNames[:len(leaf.DNSNames):len(leaf.DNSNames)], addresses(leaf)...) {
		if !strings.HasPrefix(name, "*.") {
			return strings.ToLower(name)
		}
	}
	return ""
}

func addresses(leaf *x509.Certificate) (list []string) {
	for _, ip := range leaf.IPAddresses {
		list = append(list, ip.String())
	}
	return list
}
