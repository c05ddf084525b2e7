package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/addresstest"
)

// TestOpenedToANetwork runs the program on every address with a certificate of
// its own: the set-up link is of the public name, a colleague signs in through
// TLS, and nothing is said in clear.
func TestOpenedToANetwork(t *testing.T) {
	s := newSite(t)
	cert, key := selfSigned(t, "localhost")
	_, port, _ := net.SplitHostPort(s.listen)
	s.upLog = &buffer{}
	s.up = exec.Command(binary, "up", "--data", s.data, "--as-root", "--listen", "0.0.0.0:"+port, "--edge", s.edge, "--tls-cert", cert, "--tls-key", key)
	s.up.Stdout, s.up.Stderr = s.upLog, s.upLog
	if err := s.up.Start(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", cert) // the commands trust it, as they trust the company's authority
	public := "https://localhost:" + port
	pool := x509.NewCertPool()
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool.AppendCertsFromPEM(text)
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	link := ""
	s.eventually(patience, "the set-up link is shown", func() bool {
		_, rest, ok := strings.Cut(s.upLog.String(), "open\n  ")
		link, _, _ = strings.Cut(rest, "\n")
		return ok && strings.Contains(rest, "\n")
	})
	if !strings.HasPrefix(link, public+"/invitations/") {
		t.Fatalf("the set-up link is %s", link)
	}
	answer, err := client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 || answer.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %s %v", answer.Proto, answer.Status, answer.Header)
	}
	for _, c := range answer.Cookies() {
		if !c.Secure || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("%s", c)
		}
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	if r := s.runWith("a password of twenty letters\n", "login", "--invitation", link, "--name", "ada"); r.code != 0 {
		t.Fatalf("%s%s", r.out, r.err)
	}
	if out := s.must("--server", public, "whoami"); !strings.Contains(out, "ada") {
		t.Error(out)
	}
	if r := s.run("--server", "http://localhost:"+port, "whoami"); r.code == 0 {
		t.Errorf("it answers in clear: %s", r.out)
	}
	if r := s.run("doctor"); r.code != 0 || !strings.Contains(r.out, "ok   certificate") {
		t.Errorf("%s%s", r.out, r.err)
	}
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if head, _ := io.ReadAll(c); !strings.HasPrefix(string(head), "HTTP/1.0 400") {
		t.Errorf("in clear: %q", head)
	}
}

// TestDoctorOfARunningSite finds nothing that keeps a platform that works from
// working, and says so when its processes were killed.
func TestDoctorOfARunningSite(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	var report struct {
		Items []struct{ Name, State, Found, Remedy string }
	}
	s.decode(&report, "doctor")
	states := map[string]string{}
	for _, f := range report.Items {
		states[f.Name] = f.State + " " + f.Found
	}
	for name, says := range map[string]string{
		"platform": s.listen, "node": s.edge, "port": "this platform's", "edge port": "this platform's", "database": "the newest", "server": "by the socket",
		"engine": "answer", "version": "both sides", "account": "operator", "clock": "as the server's", "key files": "none that others can read",
	} {
		if state := states[name]; !strings.HasPrefix(state, "ok") || !strings.Contains(state, says) {
			t.Errorf("%s: %s", name, state)
		}
	}
	s.kill()
	s.refuses(1, "slipway up --data "+s.data, "doctor")
}

// TestNetworkRefusals are the ways in which the program doesn't open itself.
func TestNetworkRefusals(t *testing.T) {
	s := newSite(t)
	edge := addresstest.Free(t)
	for _, way := range []string{"--tls-cert FILE --tls-key FILE", "--acme HOST", "--trusted-proxy ADDRESS --public-url"} {
		s.refuses(2, way, "up", "--as-root", "--listen", "0.0.0.0:0", "--edge", edge)
	}
	if os.Geteuid() == 0 {
		s.refuses(2, "--as-root", "up", "--listen", "0.0.0.0:0", "--tls-cert", "chain.pem", "--tls-key", "key.pem", "--edge", edge)
	}
	s.refuses(2, "would believe everybody", "up", "--as-root", "--listen", "0.0.0.0:0", "--trusted-proxy", "0.0.0.0/0", "--public-url", "https://slipway.example.com", "--edge", edge)
	s.refuses(2, "https://", "up", "--as-root", "--listen", "0.0.0.0:0", "--trusted-proxy", "10.0.0.1", "--public-url", "http://slipway.example.com", "--edge", edge)
	s.refuses(2, "not a host name", "up", "--as-root", "--listen", "0.0.0.0:0", "--acme", "192.0.2.1", "--edge", edge)
}

func selfSigned(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
