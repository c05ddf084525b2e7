package node_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// TestClientsDontSayWhoTheyAre sends what only a proxy writes through a real edge
// to a service that answers with the headers it got.
func TestClientsDontSayWhoTheyAre(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))

	family := []string{
		"X-Real-IP", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl",
		"X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Forwarded-User", "X-Forwarded-Client-Cert", "X-Forwarded", "Forwarded-For", "X-Original-Forwarded-For", "X-Original-Host", "X-Original-URL",
		"X-Client-IP", "Client-IP", "True-Client-IP", "CF-Connecting-IP", "CF-Connecting-IPv6", "CF-Visitor", "Fastly-Client-IP", "X-Cluster-Client-IP", "X-Rewrite-URL", "X-Scheme",
		"Remote-User", "X-Remote-User", "X-Auth-Request-User", "X-SSL-Client-Cert", "SSL-Client-Verify", "Script-Name", "Path-Info", "X-Azure-ClientIP", "Fly-Client-IP", "X-Remote-Addr",
		"Remote-Name", "Remote-Email", "Remote-Groups", "X-Authentik-Username", "X-Authentik-Groups", "X-Authentik-Jwt", "X-Vouch-User", "X-Vouch-IdP-Claims-Email", "X-Token-Subject",
		"X-Pomerium-Jwt-Assertion", "X-Pomerium-Claim-Email", "X-Consumer-Username", "X-Consumer-Custom-ID", "X-Credential-Identifier", "X-Appengine-User-Email", "X-Appengine-Inbound-Appid",
		"X-User", "X-User-Id", "X-Username", "X-User-Email", "X-Userinfo", "X-Email", "X-Groups", "X-WebAuth-Email", "OIDC-Claim-Email", "Shib-Session-ID", "SM-User", "IV-User",
		"DO-Connecting-IP", "Http-Client-Ip", "HTTP-X-Forwarded-For", "Z-Forwarded-For", "X-Forward-For", "X-Envoy-Original-Path", "X-HTTP-Host-Override", "X-Host-Override", "Proxy",
	}
	for _, spelled := range []func(string) string{
		func(name string) string { return name },
		strings.ToLower,
		strings.ToUpper,
		func(name string) string { return strings.ReplaceAll(name, "-", "_") },
		func(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) },
		func(name string) string { return strings.Replace(name, "-", "_", 1) },
	} {
		var request strings.Builder
		request.WriteString("GET /headers HTTP/1.1\r\nHost: shop.dev.localhost\r\nUser-Agent: test\r\nX-Ours: kept\r\nX-User-Agent: kept\r\nConnection: close, X-Forwarded-For, X-Forwarded-Proto\r\n")
		for _, name := range family {
			fmt.Fprintf(&request, "%s: 192.0.2.66\r\n%s: 192.0.2.67\r\n", spelled(name), spelled(name))
		}
		answer := b.raw(request.String() + "\r\n")
		if strings.Contains(answer, "192.0.2.6") {
			t.Errorf("the service got what the client wrote:\n%s", answer)
		}
		got, err := textproto.NewReader(bufio.NewReader(strings.NewReader(answer + "\n"))).ReadMIMEHeader()
		if err != nil {
			t.Fatalf("%v\n%s", err, answer)
		}
		for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "shop.dev.localhost", "X-Forwarded-Port": "80", "X-Real-Ip": "127.0.0.1", "Forwarded": `for=127.0.0.1;host="shop.dev.localhost";proto=http`, "X-Ours": "kept", "X-User-Agent": "kept"} {
			if all := http.Header(got).Values(name); len(all) != 1 || all[0] != want {
				t.Errorf("%s is %q, not %q:\n%s", name, all, want, answer)
			}
		}
	}
}

// TestLinksLeadBack: what a service is told of the name that was asked for has the port,
// and no dot at its end.
func TestLinksLeadBack(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))
	_, port, err := net.SplitHostPort(b.edge)
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{
		"shop.dev.localhost:" + port: "shop.dev.localhost:" + port, "shop.dev.localhost.:" + port: "shop.dev.localhost:" + port,
		"shop.dev.localhost.": "shop.dev.localhost", "SHOP.dev.localhost": "SHOP.dev.localhost",
	} {
		answer := b.raw("GET /headers HTTP/1.1\r\nHost: " + asked + "\r\nConnection: close\r\n\r\n")
		got, err := textproto.NewReader(bufio.NewReader(strings.NewReader(answer + "\n"))).ReadMIMEHeader()
		if err != nil {
			t.Fatalf("%v\n%s", err, answer)
		}
		at := "80"
		if strings.Contains(want, ":") {
			at = port
		}
		for name, want := range map[string]string{"Host": want, "X-Forwarded-Host": want, "X-Forwarded-Port": at, "Forwarded": fmt.Sprintf("for=127.0.0.1;host=%q;proto=http", want)} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q, not %q", asked, name, got.Get(name), want)
			}
		}
	}
}

// raw sends a request as it is written and returns the answer's body.
func (b *bench) raw(request string) string {
	b.t.Helper()
	c, err := net.Dial("tcp", b.edge)
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		b.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.t.Fatalf("%d %v\n%s", res.StatusCode, err, body)
	}
	return string(body)
}
