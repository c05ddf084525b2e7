package ingress_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ingress"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/web"
)

const public = "https://slipway.example.com"

// The proxy of these tests is 127.0.0.2; everybody else on the loopback is a stranger.
var proxied = ingress.Options{Listen: "127.0.0.1:0", Proxies: []string{"127.0.0.2"}, PublicURL: public}

func withPortal(t *testing.T, s *site) func(*api.Options) {
	return func(o *api.Options) {
		portal, err := web.New(web.Options{Platform: o.Platform})
		if err != nil {
			t.Fatal(err)
		}
		o.Portal = portal
	}
}

// send makes a request with headers as name, value pairs.
func (s *site) send(t *testing.T, c *http.Client, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	a, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a, string(text)
}

// TestWhereFrom lies about where a wrong password comes from: the audit log
// holds whom the trusted proxy names, and strangers can name nobody.
func TestWhereFrom(t *testing.T) {
	s := open(t, proxied, nil)
	guess := `{"name":"ada","password":"not the right one at all"}`
	for _, c := range []struct{ dial, forwarded, want string }{
		{"127.0.0.3", "203.0.113.9", "127.0.0.3"},             // a stranger's word
		{"127.0.0.2", "203.0.113.9", "203.0.113.9"},           // the proxy's
		{"127.0.0.2", "10.1.1.1, 203.0.113.8", "203.0.113.8"}, // a stranger's word, passed on by the proxy
	} {
		a, text := s.send(t, from(c.dial), "POST", "/api/v1/session", guess, "X-Forwarded-For", c.forwarded, "X-Real-IP", "10.2.2.2", "Forwarded", "for=10.3.3.3")
		if a.StatusCode != 401 && a.StatusCode != 429 {
			t.Fatalf("%s %s", a.Status, text)
		}
		_, text = s.send(t, from("127.0.0.1"), "GET", "/api/v1/audit?limit=1", "", "Authorization", "Bearer "+s.Token)
		var page struct {
			Items []struct{ Action, Address string }
		}
		if err := json.Unmarshal([]byte(text), &page); err != nil || len(page.Items) != 1 {
			t.Fatalf("%v %s", err, text)
		}
		if page.Items[0].Address != c.want {
			t.Errorf("%s says %s: the audit log says %s, want %s", c.dial, c.forwarded, page.Items[0].Address, c.want)
		}
	}
}

// TestRateOfAClient bounds whom the proxy names, whatever else they write.
func TestRateOfAClient(t *testing.T) {
	s := open(t, proxied, nil, func(o *api.Options) { o.RequestsPerMinute = 2 }) // ten an address
	proxy, refused := from("127.0.0.2"), 0
	for i := range 20 {
		a, _ := s.send(t, proxy, "GET", "/api/v1/version", "", "X-Forwarded-For", fmt.Sprintf("10.0.0.%d, 203.0.113.9", i))
		if a.StatusCode == 429 {
			refused++
		}
	}
	if refused < 9 {
		t.Errorf("a client that writes other addresses was refused %d times of 20", refused)
	}
	if a, text := s.send(t, proxy, "GET", "/api/v1/version", "", "X-Forwarded-For", "203.0.113.10"); a.StatusCode == 429 {
		t.Errorf("another client behind the same proxy pays for it: %s", text)
	}
	refused = 0
	for i := range 20 { // one host of IPv6 has as many addresses as it likes
		if a, _ := s.send(t, proxy, "GET", "/api/v1/version", "", "X-Forwarded-For", fmt.Sprintf("2001:db8:1:2::%x", i+1)); a.StatusCode == 429 {
			refused++
		}
	}
	if refused < 9 {
		t.Errorf("a client with a /64 was refused %d times of 20", refused)
	}
}

// TestHostInjection writes other hosts wherever one can: none is answered, and
// none gets into a link.
func TestHostInjection(t *testing.T) {
	var s *site
	s = open(t, proxied, nil, withPortal(t, s))
	proxy := from("127.0.0.2")
	for _, headers := range [][]string{
		{"Host", "evil.example"},
		{"Host", "slipway.example.com.evil.example"},
		{"Host", "evil.example", "X-Forwarded-For", "203.0.113.9"},
		{"Host", "slipway.example.com", "X-Forwarded-Host", "evil.example"},
		{"Host", "slipway.example.com", "X-Forwarded-Host", "slipway.example.com, evil.example"},
		{"Host", "slipway.example.com@evil.example"},
		{"Host", "evil.example:80#slipway.example.com"},
	} {
		for _, path := range []string{"/api/v1/version", "/login", "/"} {
			a, text := s.send(t, proxy, "GET", path, "", headers...)
			if a.StatusCode != 421 && a.StatusCode != 400 || strings.Contains(fmt.Sprint(a.Header)+text, "evil") {
				t.Errorf("%v %s: %s %v %s", headers, path, a.Status, a.Header, text)
			}
		}
	}
	// A stranger's X-Forwarded-Host is nothing; their Host is looked at.
	if a, _ := s.send(t, from("127.0.0.3"), "GET", "/api/v1/version", "", "Host", "slipway.example.com", "X-Forwarded-Host", "evil.example"); a.StatusCode != 200 {
		t.Errorf("%s", a.Status)
	}
	a, text := s.send(t, proxy, "GET", "/services", "", "Host", "slipway.example.com", "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https")
	if a.StatusCode != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/login") {
		t.Errorf("%s %s %s", a.Status, a.Header.Get("Location"), text)
	}
	for _, cookie := range a.Cookies() {
		if !cookie.Secure || !strings.HasPrefix(cookie.Name, "__Host-") {
			t.Errorf("%s", cookie)
		}
	}
	if a.Header.Get("Strict-Transport-Security") == "" {
		t.Error("browsers aren't told to stay with https")
	}
}

// TestOriginUnderThePublicName: http is another site than https, and so is
// another port.
func TestOriginUnderThePublicName(t *testing.T) {
	s := open(t, proxied, nil)
	for origin, want := range map[string]int{public: 401, "http://slipway.example.com": 403, "https://evil.example": 403, "https://slipway.example.com:8443": 403, "null": 403} {
		a, text := s.send(t, from("127.0.0.2"), "POST", "/api/v1/session", `{"name":"ada","password":"not the right one at all"}`,
			"Host", "slipway.example.com", "Origin", origin, "X-Forwarded-For", "203.0.113.9")
		if a.StatusCode != want {
			t.Errorf("%s: %s, want %d: %s", origin, a.Status, want, text)
		}
	}
}

// TestHeaderInjection brings line breaks wherever something may be sent back.
func TestHeaderInjection(t *testing.T) {
	var s *site
	s = open(t, proxied, nil, withPortal(t, s))
	for _, head := range []string{
		"GET /login?next=%0d%0aSet-Cookie:%20evil=1 HTTP/1.1\r\nHost: localhost\r\n",
		"GET /services/%0d%0aSet-Cookie:%20evil=1 HTTP/1.1\r\nHost: localhost\r\n",
		"GET /x%0d%0aSet-Cookie:%20evil=1 HTTP/1.1\r\nHost: localhost\r\n",
		"GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\r\n Set-Cookie: evil=1\r\n",
		"GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\rSet-Cookie: evil=1\r\n",
		"GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\x00evil\r\n",
		"GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
		"GET http://evil.example/login HTTP/1.1\r\nHost: localhost\r\n",
		"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 50\r\n",
		"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n",
	} {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(c, head+"Connection: close\r\n\r\n")
		answer, _ := io.ReadAll(c)
		c.Close()
		top, _, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
		for line := range strings.SplitSeq(string(top), "\r\n") {
			if name, value, _ := strings.Cut(line, ":"); strings.Contains(strings.ToLower(line), "set-cookie: evil") || strings.EqualFold(name, "Set-Cookie") && strings.Contains(value, "evil") ||
				strings.EqualFold(name, "Location") && strings.Contains(value, "evil.example") || strings.EqualFold(name, "X-Request-Id") && strings.Contains(value, "evil") {
				t.Errorf("%q is answered with %q", head, line)
			}
		}
		if len(answer) == 0 {
			t.Errorf("%q has no answer", head)
		}
	}
}

// TestSlow cuts a client that trickles its headers, or its body.
func TestSlow(t *testing.T) {
	s := open(t, ingress.Options{Listen: "127.0.0.1:0"}, func(srv *http.Server) {
		for name, d := range map[string]time.Duration{"header": srv.ReadHeaderTimeout, "read": srv.ReadTimeout, "write": srv.WriteTimeout, "idle": srv.IdleTimeout} {
			if d <= 0 || d > 2*time.Minute {
				t.Errorf("the %s timeout is %s", name, d)
			}
		}
		if srv.MaxHeaderBytes <= 0 || srv.MaxHeaderBytes > 1<<20 {
			t.Errorf("headers may have %d bytes", srv.MaxHeaderBytes)
		}
		srv.ReadHeaderTimeout, srv.ReadTimeout, srv.IdleTimeout = 300*time.Millisecond, 600*time.Millisecond, 300*time.Millisecond
	})
	for name, head := range map[string]string{
		"headers":      "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
		"body":         "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
		"chunks":       "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
		"nothing":      "",
		"request line": "GET /aaaa",
	} {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); _, _ = io.Copy(io.Discard, c) }()
		fmt.Fprint(c, head)
		drip, deadline := time.NewTicker(50*time.Millisecond), time.After(time.Minute)
		for cut := false; !cut; {
			select {
			case <-ended:
				cut = true
			case <-drip.C:
				switch name {
				case "nothing":
				case "chunks":
					_, _ = c.Write([]byte("1\r\na\r\n"))
				default:
					_, _ = c.Write([]byte("a"))
				}
			case <-deadline:
				t.Errorf("a client that trickles its %s is never cut", name)
				cut = true
			}
		}
		drip.Stop()
		c.Close()
	}
}

// TestTooMuch refuses 16 MB, said or not, by either protocol, and headers without end.
func TestTooMuch(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.issue(t.TempDir(), 1, time.Now().Add(time.Hour), "slipway.example.com")
	s := open(t, ingress.Options{Listen: "127.0.0.1:0", Cert: cert, Key: key}, nil)
	big := bytes.Repeat([]byte("a"), 16<<20)
	for _, http2 := range []bool{false, true} {
		for _, said := range []bool{true, false} {
			var body io.Reader = bytes.NewReader(big)
			if !said {
				body = io.MultiReader(body)
			}
			if !said && !http2 { // the answer comes while the body is still being sent
				tooMuchChunked(t, s, ca, big)
				continue
			}
			r, err := http.NewRequest("POST", s.PublicURL+"/api/v1/session", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Expect", "100-continue") // or the answer may be lost to the reset
			client := visitor(s.address, ca.pool, http2)
			client.Transport.(*http.Transport).ExpectContinueTimeout = 5 * time.Second
			a, err := client.Do(r)
			if err != nil {
				t.Fatalf("http2 %v, said %v: %v", http2, said, err)
			}
			a.Body.Close()
			if a.StatusCode != http.StatusRequestEntityTooLarge || (a.ProtoMajor == 2) != http2 {
				t.Errorf("http2 %v, said %v: %s %s", http2, said, a.Proto, a.Status)
			}
		}
	}
	r, err := http.NewRequest("GET", s.PublicURL+"/api/v1/version", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Long", string(big[:200<<10]))
	a, err := visitor(s.address, ca.pool, false).Do(r)
	if err == nil {
		a.Body.Close()
		if a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("200 KiB of headers: %s", a.Status)
		}
	}
}

// tooMuchChunked sends a body of unknown length and reads meanwhile, as a client
// has to over HTTP/1.1 to see why it is cut.
func tooMuchChunked(t *testing.T, s *site, ca *authority, body []byte) {
	t.Helper()
	c, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: ca.pool, ServerName: "slipway.example.com", NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		fmt.Fprintf(c, "POST /api/v1/session HTTP/1.1\r\nHost: slipway.example.com\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", len(body))
		_, _ = c.Write(body)
	}()
	if line, err := bufio.NewReader(c).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 413") {
		t.Errorf("16 MB in chunks: %q %v", line, err)
	}
}

// TestStreamsOutliveTimeouts follows longer than any deadline of the server, over
// both protocols.
func TestStreamsOutliveTimeouts(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.issue(t.TempDir(), 1, time.Now().Add(time.Hour), "slipway.example.com")
	s := open(t, ingress.Options{Listen: "127.0.0.1:0", Cert: cert, Key: key}, func(srv *http.Server) {
		srv.ReadTimeout, srv.WriteTimeout, srv.IdleTimeout = 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
	})
	const lines = 12
	s.Logs = func(ctx context.Context, _ slipway.LogQuery, out io.Writer) error {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for i := range lines {
			if _, err := fmt.Fprintf(out, "line %d\n", i); err != nil {
				return err
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	// Not through the server: on a busy machine its short timeouts would end that.
	boss := slipway.WithViewer(t.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Name: "boss", Admin: true, Via: "api"})
	if _, err := s.Register(boss, catalog.ServiceInput{Name: "billing", URL: "https://git.example.com/billing.git"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Promote(boss, platform.PromoteInput{Service: "billing"}); err != nil {
		t.Fatal(err)
	}
	for _, http2 := range []bool{false, true} {
		r, err := http.NewRequest("GET", s.PublicURL+"/api/v1/services/billing/environments/dev/logs?follow=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.Token)
		a, err := visitor(s.address, ca.pool, http2).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for in := bufio.NewScanner(a.Body); in.Scan(); {
			if strings.Contains(in.Text(), "line ") {
				seen++
			}
		}
		a.Body.Close()
		if seen != lines || (a.ProtoMajor == 2) != http2 {
			t.Errorf("%s: %d lines of %d, %s", a.Proto, seen, lines, a.Status)
		}
	}
}
