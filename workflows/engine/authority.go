package engine

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/rpc/encryption"
)

// Who speaks to the engine's ports. They are on loopback, where every user and
// every process of the machine can connect; so both sides show a certificate of
// an authority that lives and ends with this process.
const (
	serverName = "engine.slipway.internal" // what clients of either kind expect to meet
	ours       = "slipway"                 // the platform's client and worker
	node       = "engine"                  // the server's own services among each other
)

// authority makes the certificates of one start. Neither its key nor theirs is
// ever written, so nobody can have one of an earlier start, and they need no end:
// they are good for as long as the process that knows them. A clock that is set
// back or forth ends none of them.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certificate("workflow engine of this process")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	a.pool.AddCert(a.cert)
	return a, nil
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte(rand.Text()[:16])), Subject: pkix.Name{CommonName: name},
		// RFC 5280, 4.1.2.5: no well-defined end.
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
}

// issue makes the certificate of one who speaks.
func (a *authority) issue(name string, uses ...x509.ExtKeyUsage) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := certificate(name)
	template.KeyUsage, template.ExtKeyUsage, template.DNSNames = x509.KeyUsageDigitalSignature, uses, []string{serverName}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// side is what both ends of a connection have in common: one version, one curve,
// and as connections last as long as the process, nothing to resume.
func (a *authority) side(own tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}, Certificates: []tls.Certificate{own},
		RootCAs: a.pool, ServerName: serverName, ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert, SessionTicketsDisabled: true,
	}
}

// identities returns what the server's services speak with, and what the
// platform's client does.
func identities() (services encryption.TLSConfigProvider, client *tls.Config, err error) {
	a, err := newAuthority()
	if err != nil {
		return nil, nil, err
	}
	platform, err := a.issue(ours, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return nil, nil, err
	}
	service, err := a.issue(node, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return nil, nil, err
	}
	between := a.side(service)
	between.VerifyConnection = func(s tls.ConnectionState) error {
		if name := s.PeerCertificates[0].Subject.CommonName; name != node {
			return fmt.Errorf("%q is no service of this engine", name)
		}
		return nil
	}
	return &encryption.FixedTLSConfigProvider{
		InternodeServerConfig: between, InternodeClientConfig: between, FrontendServerConfig: a.side(service), FrontendClientConfig: a.side(service),
	}, a.side(platform), nil
}

// admission says what a certificate is good for: the platform's for its own
// namespace, that of the services for everything, and none for nothing, not even
// for the question whether the server is well.
type admission struct{ authorization.Authorizer }

var (
	_ authorization.Authorizer  = admission{}
	_ authorization.ClaimMapper = admission{}
)

func (admission) GetClaims(info *authorization.AuthInfo) (*authorization.Claims, error) {
	if info == nil || info.TLSSubject == nil {
		return nil, errors.New("no certificate was shown")
	}
	claims := &authorization.Claims{Subject: info.TLSSubject.CommonName, AuthType: "certificate"}
	switch info.TLSSubject.CommonName {
	case node:
		claims.System = authorization.RoleAdmin
	case ours:
		claims.Namespaces = map[string]authorization.Role{Namespace: authorization.RoleAdmin}
	default:
		return nil, fmt.Errorf("%q is nobody here", info.TLSSubject.CommonName)
	}
	return claims, nil
}

func (a admission) Authorize(ctx context.Context, claims *authorization.Claims, target *authorization.CallTarget) (authorization.Result, error) {
	if claims == nil {
		return authorization.Result{Decision: authorization.DecisionDeny}, nil
	}
	return a.Authorizer.Authorize(ctx, claims, target)
}
