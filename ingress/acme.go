package ingress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/slipway-dev/slipway"
)

// authority gets certificates by ACME (RFC 8555) and renews them. It proves
// that the host is ours on the platform's own listener (TLS-ALPN-01), and on the
// redirecting one when there is one (HTTP-01).
type authority struct {
	hosts  []string
	cache  *certmagic.Cache
	magic  *certmagic.Config
	issuer *certmagic.ACMEIssuer
}

func newAuthority(o ACME, at net.Addr, redirect string, log *slog.Logger) (*authority, error) {
	for _, host := range o.Hosts {
		if _, err := netip.ParseAddr(host); err == nil || strings.ContainsAny(host, "*:/ ") || !strings.Contains(host, ".") {
			return nil, slipway.Errorf(slipway.Invalid, "--acme %q is not a host name that an authority would certify; write it as slipway.example.com", host).At("--acme")
		}
	}
	if u, err := url.Parse(o.CA); o.CA != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return nil, slipway.Errorf(slipway.Invalid, "--acme-ca %q is not the address of an ACME directory; write it as https://ca.example.com/acme/directory", o.CA).At("--acme-ca")
	}
	var roots *x509.CertPool
	if o.CARoot != "" {
		text, err := os.ReadFile(o.CARoot)
		if err != nil {
			return nil, slipway.Wrap(slipway.Invalid, err, "--acme-ca-root %s can't be read", o.CARoot).At("--acme-ca-root")
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(text) {
			return nil, slipway.Errorf(slipway.Invalid, "--acme-ca-root %s holds no certificate in PEM", o.CARoot).At("--acme-ca-root")
		}
	}
	if err := os.MkdirAll(o.Storage, 0o700); err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "certificates can't be kept in %s", o.Storage)
	}
	if err := os.Chmod(o.Storage, 0o700); err != nil { // #nosec G302 -- a directory
		return nil, slipway.Wrap(slipway.Unavailable, err, "certificates in %s can't be protected", o.Storage)
	}
	host, port := split(at.String())
	a, logger := &authority{hosts: o.Hosts}, zap.New(bridge{log: log})
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil },
		Logger:           logger,
	})
	a.magic = certmagic.New(a.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: o.Storage}, Logger: logger,
		OCSP: certmagic.OCSPConfig{DisableStapling: true}, // authorities have given it up, and it would ask a stranger
	})
	template := certmagic.ACMEIssuer{
		CA: o.CA, TestCA: o.CA, Email: o.Email, Agreed: true, TrustedRoots: roots, Logger: logger,
		ListenHost: host, AltTLSALPNPort: port, DisableHTTPChallenge: redirect == "",
	}
	if o.CA == "" {
		template.CA, template.TestCA = certmagic.LetsEncryptProductionCA, certmagic.LetsEncryptStagingCA
	}
	if redirect != "" {
		_, template.AltHTTPPort = split(redirect)
	}
	a.issuer = certmagic.NewACMEIssuer(a.magic, template)
	a.magic.Issuers = []certmagic.Issuer{a.issuer}
	return a, nil
}

func split(address string) (string, int) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return "", 0
	}
	return at.Addr().String(), int(at.Port())
}

func (a *authority) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1", "acme-tls/1"}, GetCertificate: a.magic.GetCertificate}
}

// start asks for what is missing or about to expire, again and again until it
// is there, for as long as ctx lasts.
func (a *authority) start(ctx context.Context) error {
	if err := a.magic.ManageAsync(ctx, a.hosts); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the certificate can't be managed")
	}
	return nil
}

// proves answers the authority's question over plain HTTP, and passes on what is none.
func (a *authority) proves(next http.Handler) http.Handler {
	return a.issuer.HTTPChallengeHandler(next)
}

func (a *authority) stop() { a.cache.Stop() }

// bridge writes certmagic's log into the platform's. What certmagic calls info is
// worth reading: when a certificate is got, from whom.
type bridge struct {
	log    *slog.Logger
	fields []zapcore.Field
}

var _ zapcore.Core = bridge{}

func (b bridge) level(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelError
	case l >= zapcore.WarnLevel:
		return slog.LevelWarn
	case l >= zapcore.InfoLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// Enabled asks the platform's log.
func (b bridge) Enabled(l zapcore.Level) bool {
	return b.log.Enabled(context.Background(), b.level(l))
}

// With keeps fields for later lines.
func (b bridge) With(fields []zapcore.Field) zapcore.Core {
	return bridge{b.log, append(b.fields[:len(b.fields):len(b.fields)], fields...)}
}

// Check takes every line that is enabled.
func (b bridge) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(e.Level) {
		return c.AddCore(e, b)
	}
	return c
}

// Write writes one line.
func (b bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	to := zapcore.NewMapObjectEncoder()
	for _, f := range append(b.fields[:len(b.fields):len(b.fields)], fields...) {
		f.AddTo(to)
	}
	var attributes []slog.Attr
	for _, key := range []string{"identifier", "identifiers", "issuer", "challenge_type", "error", "attempt", "retrying_in"} {
		if v, ok := to.Fields[key]; ok {
			attributes = append(attributes, slog.Any(key, v))
		}
	}
	b.log.LogAttrs(context.Background(), b.level(e.Level), "acme: "+e.Message, attributes...)
	return nil
}

// Sync does nothing: lines are written at once.
func (bridge) Sync() error { return nil }
