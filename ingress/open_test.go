package ingress_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ingress"
)

// TestRefused are the ways in which nothing is opened.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	cert, key := newAuthority(t).issue(dir, 7, time.Now().Add(time.Hour), "slipway.example.com")
	other, _ := newAuthority(t).issue(t.TempDir(), 8, time.Now().Add(time.Hour), "slipway.example.com")
	wild, wildKey := newAuthority(t).issue(t.TempDir(), 9, time.Now().Add(time.Hour), "*.example.com")
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	any := "0.0.0.0:0"
	acme := func(host string) ingress.ACME {
		return ingress.ACME{Hosts: []string{host}, Storage: filepath.Join(dir, "acme")}
	}
	for name, c := range map[string]struct {
		o    ingress.Options
		says string
	}{
		"in clear":                  {ingress.Options{Listen: any}, "--tls-cert FILE --tls-key FILE"},
		"in clear, all three ways":  {ingress.Options{Listen: any}, "--acme HOST --acme-email EMAIL"},
		"in clear, the third":       {ingress.Options{Listen: any}, "--trusted-proxy ADDRESS --public-url https://HOST"},
		"in clear, by name":         {ingress.Options{Listen: "example.com:80"}, "not a loopback address"},
		"in clear, IPv6":            {ingress.Options{Listen: "[::]:0"}, "not a loopback address"},
		"a public URL is no TLS":    {ingress.Options{Listen: any, PublicURL: "https://slipway.example.com"}, "not a loopback address"},
		"no address":                {ingress.Options{Listen: "8443"}, "is not an address"},
		"half a pair":               {ingress.Options{Listen: any, Cert: cert}, "belong together"},
		"two sources":               {ingress.Options{Listen: any, Cert: cert, Key: key, ACME: acme("a.example.com")}, "from files or by ACME"},
		"not a pair":                {ingress.Options{Listen: any, Cert: other, Key: key}, "can't be used"},
		"no certificate":            {ingress.Options{Listen: any, Cert: text, Key: key}, "can't be used"},
		"another name":              {ingress.Options{Listen: any, Cert: cert, Key: key, PublicURL: "https://other.example.com"}, "is for slipway.example.com, not for other.example.com"},
		"only wild names":           {ingress.Options{Listen: any, Cert: wild, Key: wildKey}, "names no host"},
		"public in clear":           {ingress.Options{Listen: any, Cert: cert, Key: key, PublicURL: "http://slipway.example.com"}, "has to begin with https://"},
		"public with a path":        {ingress.Options{Listen: any, Cert: cert, Key: key, PublicURL: "https://slipway.example.com/x"}, "without a path"},
		"public with a user":        {ingress.Options{Listen: any, Cert: cert, Key: key, PublicURL: "https://a@slipway.example.com"}, "not an origin"},
		"a proxy without a name":    {ingress.Options{Listen: any, Proxies: []string{"10.0.0.1"}}, "--public-url"},
		"a proxy in clear":          {ingress.Options{Listen: any, Proxies: []string{"10.0.0.1"}, PublicURL: "http://slipway.example.com"}, "https://"},
		"everybody is no proxy":     {ingress.Options{Listen: any, Proxies: []string{"0.0.0.0/0"}, PublicURL: "https://slipway.example.com"}, "would believe everybody"},
		"everybody of IPv6":         {ingress.Options{Listen: any, Proxies: []string{"::/0"}, PublicURL: "https://slipway.example.com"}, "would believe everybody"},
		"a proxy by name":           {ingress.Options{Listen: any, Proxies: []string{"proxy"}, PublicURL: "https://slipway.example.com"}, "neither an address nor a network"},
		"a header of nobody":        {ingress.Options{Listen: "127.0.0.1:0", Forwarded: true}, "--trusted-proxy"},
		"ACME for an address":       {ingress.Options{Listen: any, ACME: acme("192.0.2.1")}, "not a host name"},
		"ACME for localhost":        {ingress.Options{Listen: any, ACME: acme("localhost")}, "not a host name"},
		"ACME for nobody":           {ingress.Options{Listen: "127.0.0.1:0", ACME: ingress.ACME{Email: "a@example.com"}}, "--acme HOST"},
		"ACME in clear":             {ingress.Options{Listen: any, ACME: ingress.ACME{Hosts: []string{"a.example.com"}, CA: "http://ca", Storage: dir}}, "--acme-ca"},
		"ACME's root":               {ingress.Options{Listen: any, ACME: ingress.ACME{Hosts: []string{"a.example.com"}, CARoot: text, Storage: dir}}, "holds no certificate"},
		"a redirection to nowhere":  {ingress.Options{Listen: "127.0.0.1:0", Redirect: "127.0.0.1:0"}, "there is none"},
		"a redirection's bad place": {ingress.Options{Listen: "127.0.0.1:0", Cert: cert, Key: key, Redirect: "nonsense"}, "--redirect"},
	} {
		e, err := ingress.Open(c.o)
		if err == nil {
			e.Close()
		}
		if slipway.CodeOf(err) != slipway.Invalid || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOwnCertificate serves beyond loopback, over HTTP/2, and takes a renewed
// certificate without a restart and without cutting who is connected.
func TestOwnCertificate(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	cert, key := ca.issue(dir, 100, time.Now().Add(time.Hour), "slipway.example.com", "127.0.0.1")
	s := open(t, ingress.Options{Listen: "0.0.0.0:0", Cert: cert, Key: key}, nil)
	_, port, _ := net.SplitHostPort(s.address)
	if want := "https://slipway.example.com:" + port; s.PublicURL != want {
		t.Errorf("the public URL is %s, want %s", s.PublicURL, want)
	}
	address := net.JoinHostPort("127.0.0.1", port)
	for _, http2 := range []bool{true, false} {
		client, reused := visitor(address, ca.pool, http2), false
		get := func() *http.Response {
			t.Helper()
			r, err := http.NewRequest("GET", s.PublicURL+"/api/v1/version", nil)
			if err != nil {
				t.Fatal(err)
			}
			trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
			a, err := client.Do(r.WithContext(httptrace.WithClientTrace(t.Context(), trace)))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, a.Body)
			a.Body.Close()
			return a
		}
		a := get()
		if (a.ProtoMajor == 2) != http2 || a.StatusCode != 200 || a.Header.Get("Strict-Transport-Security") != "max-age=31536000" || a.TLS.Version < tls.VersionTLS12 {
			t.Errorf("%s %s %v", a.Proto, a.Status, a.Header)
		}
		before := a.TLS.PeerCertificates[0].SerialNumber.Int64()

		// A key that doesn't belong to the certificate, as in the middle of a renewal.
		old, err := os.ReadFile(key)
		if err != nil {
			t.Fatal(err)
		}
		ca.issue(dir, before+1, time.Now().Add(2*time.Hour), "slipway.example.com")
		renewed, err := os.ReadFile(key)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(key, append(old, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		serial := func() int64 {
			c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: ca.pool, ServerName: "slipway.example.com"})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
		}
		logged := strings.Count(s.log.String(), "the one before stays")
		eventually(t, time.Minute, "the half renewed pair is noticed", func() bool {
			if got := serial(); got != before {
				t.Fatalf("certificate %d is shown, want %d", got, before)
			}
			return strings.Count(s.log.String(), "the one before stays") > logged
		})
		if err := os.WriteFile(key, renewed, 0o600); err != nil {
			t.Fatal(err)
		}
		eventually(t, time.Minute, "the renewed certificate is shown", func() bool { return serial() == before+1 })
		if a := get(); !reused || a.StatusCode != 200 || a.TLS.PeerCertificates[0].SerialNumber.Int64() != before {
			t.Errorf("the connection from before was cut: reused %v, %s", reused, a.Status)
		}
	}

	if _, err := tls.Dial("tcp", address, &tls.Config{RootCAs: ca.pool, ServerName: "slipway.example.com", MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: slipway.example.com\r\n\r\n")
	if line, _ := bufio.NewReader(c).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.0 400") {
		t.Errorf("in clear, to the address with TLS: %q", line)
	}
}

// TestRedirect answers in clear with nothing but the way to https.
func TestRedirect(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	cert, key := ca.issue(dir, 1, time.Now().Add(time.Hour), "slipway.example.com")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	clear := l.Addr().String()
	l.Close()
	s := open(t, ingress.Options{Listen: "127.0.0.1:0", Cert: cert, Key: key, Redirect: clear}, nil)
	for _, c := range []struct{ method, path, token, to string }{
		{"GET", "/services/billing?tab=1", "", s.PublicURL + "/services/billing?tab=1"},
		{"GET", "//evil.example/", "", s.PublicURL + "//evil.example/"},
		{"POST", "/login", "", ""},
		{"GET", "/api/v1/services", "", ""},
		{"GET", "/", "secret", ""},
	} {
		r, err := http.NewRequest(c.method, "http://"+clear+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "evil.example"
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		a, err := visitor(clear, nil, false).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(a.Body)
		a.Body.Close()
		want := http.StatusPermanentRedirect
		if c.to == "" {
			want = http.StatusForbidden
		}
		if a.StatusCode != want || a.Header.Get("Location") != c.to || c.to == "" && !strings.Contains(string(text), s.PublicURL) {
			t.Errorf("%s %s: %s to %q: %s", c.method, c.path, a.Status, a.Header.Get("Location"), text)
		}
	}
}
