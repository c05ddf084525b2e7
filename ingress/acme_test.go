package ingress_test

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"github.com/slipway-dev/slipway/ingress"
)

// pebble is Let's Encrypt's own test authority, with a name server by which
// every name is this machine's.
type pebble struct {
	directory string
	root      string         // a file with the root of its own server
	roots     *x509.CertPool // of the certificates that it makes
	stop      func()
}

func startPebble(t *testing.T, httpPort, tlsPort int) pebble {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	names := freeAddress(t)
	dns, err := challtestsrv.New(challtestsrv.Config{DNSAddrs: []string{names}, Log: log.New(io.Discard, "", 0)})
	if err != nil {
		t.Fatal(err)
	}
	dns.SetDefaultDNSIPv4("127.0.0.1")
	dns.SetDefaultDNSIPv6("")
	go dns.Run()
	t.Cleanup(dns.Shutdown)

	logger, store := log.New(io.Discard, "", 0), db.NewMemoryStore()
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	front := wfe.New(logger, store, va.New(logger, httpPort, tlsPort, true, names, store), authority, []string{"pebble.letsencrypt.org"}, true, false, 1, 1)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)
	p := pebble{directory: server.URL + wfe.DirectoryPath, root: filepath.Join(t.TempDir(), "root.pem"), roots: x509.NewCertPool(), stop: server.Close}
	if err := os.WriteFile(p.root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	p.roots.AppendCertsFromPEM(authority.GetRootCert(0).PEM())
	return p
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(text)
	return port
}

// TestACME gets a certificate from a real authority, by proof on the very
// address that is served, or on the redirecting one, and keeps it for the next start.
func TestACME(t *testing.T) {
	for _, c := range []struct {
		name             string
		listen, redirect string
		tls, http        bool // which port the authority finds us at
	}{
		{name: "TLS-ALPN-01", listen: freeAddress(t), tls: true},
		{name: "TLS-ALPN-01, all addresses", listen: "0.0.0.0:" + strconv.Itoa(portOf(t, freeAddress(t))), tls: true},
		{name: "HTTP-01", listen: freeAddress(t), redirect: freeAddress(t), http: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			tlsPort, httpPort := 1, 1 // nobody is there
			if c.tls {
				tlsPort = portOf(t, c.listen)
			}
			if c.http {
				httpPort = portOf(t, c.redirect)
			}
			authority := startPebble(t, httpPort, tlsPort)
			storage := filepath.Join(t.TempDir(), "acme")
			o := ingress.Options{Listen: c.listen, Redirect: c.redirect, ACME: ingress.ACME{
				Hosts: []string{"slipway.example.com"}, Email: "ops@example.com", CA: authority.directory, CARoot: authority.root, Storage: storage,
			}}
			serial := certified(t, o, authority.roots)
			err := filepath.WalkDir(storage, func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s can be read by others: %v %v", path, info.Mode(), err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			authority.stop() // the next start needs none
			if again := certified(t, o, authority.roots); again != serial {
				t.Errorf("the next start got certificate %s, had %s", again, serial)
			}
		})
	}
}

// certified opens an entrance, waits until it shows a certificate that the
// roots vouch for, and returns its serial number.
func certified(t *testing.T, o ingress.Options, roots *x509.CertPool) (serial string) {
	t.Helper()
	t.Run("start", func(t *testing.T) {
		s := open(t, o, nil)
		u, err := url.Parse(s.PublicURL)
		if err != nil || u.Hostname() != "slipway.example.com" || u.Scheme != "https" {
			t.Fatalf("the public URL is %s", s.PublicURL)
		}
		address := strings.Replace(s.address, "0.0.0.0", "127.0.0.1", 1)
		var last error
		defer func() {
			if t.Failed() {
				t.Logf("%v\n%s", last, s.log)
			}
		}()
		eventually(t, time.Minute, "a certificate is shown", func() bool {
			a, err := visitor(address, roots, true).Get(s.PublicURL + "/healthz")
			if last = err; err != nil {
				return false
			}
			defer a.Body.Close()
			serial = a.TLS.PeerCertificates[0].SerialNumber.String()
			return a.StatusCode == http.StatusOK && a.ProtoMajor == 2
		})
	})
	return serial
}
