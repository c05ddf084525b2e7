package ingress

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestClient is whom requests are taken to come from.
func TestClient(t *testing.T) {
	networks := []string{"10.0.0.0/8", "2001:db8:1::/48"}
	x := func(lists ...string) http.Header { return http.Header{"X-Forwarded-For": lists} }
	f := func(lists ...string) http.Header { return http.Header{"Forwarded": lists} }
	for name, c := range map[string]struct {
		peer      string
		forwarded bool
		header    http.Header
		client    string
	}{
		"nobody between":                     {"198.51.100.7", false, nil, "198.51.100.7"},
		"an untrusted peer's word":           {"198.51.100.7", false, x("127.0.0.1"), "198.51.100.7"},
		"a proxy":                            {"10.0.0.1", false, x("198.51.100.7"), "198.51.100.7"},
		"what the client wrote before":       {"10.0.0.1", false, x("127.0.0.1, 198.51.100.7"), "198.51.100.7"},
		"the same in two lines":              {"10.0.0.1", false, x("127.0.0.1", "198.51.100.7"), "198.51.100.7"},
		"two proxies":                        {"10.0.0.1", false, x("1.1.1.1, 198.51.100.7, 10.9.9.9"), "198.51.100.7"},
		"a client that claims to be a proxy": {"10.0.0.1", false, x("192.0.2.1, 10.0.0.3, 198.51.100.7"), "198.51.100.7"},
		"inside":                             {"10.0.0.1", false, x("10.0.0.9"), "10.0.0.9"},
		"a proxy that says nothing":          {"10.0.0.1", false, nil, "10.0.0.1"},
		"nonsense":                           {"10.0.0.1", false, x("198.51.100.7, <script>"), "10.0.0.1"},
		"with ports":                         {"10.0.0.1", false, x("198.51.100.7:4711"), "198.51.100.7"},
		"IPv6 with a port":                   {"10.0.0.1", false, x("[2001:db8::7]:4711"), "2001:db8::7"},
		"an IPv6 proxy":                      {"2001:db8:1::1", false, x("2001:db8::7"), "2001:db8::7"},
		"mapped":                             {"::ffff:10.0.0.1", false, x("::ffff:198.51.100.7"), "198.51.100.7"},
		"the header of the other kind":       {"10.0.0.1", false, f("for=127.0.0.1"), "10.0.0.1"},
		"and the other way round":            {"10.0.0.1", true, x("127.0.0.1"), "10.0.0.1"},
		"forwarded":                          {"10.0.0.1", true, f(`for=198.51.100.7;proto=https;host=a`), "198.51.100.7"},
		"forwarded, quoted":                  {"10.0.0.1", true, f(`For="[2001:db8::7]:4711"`), "2001:db8::7"},
		"forwarded, a comma in quotes":       {"10.0.0.1", true, f(`for=192.0.2.1, for=198.51.100.7;host="a,for=127.0.0.1"`), "198.51.100.7"},
		"forwarded, two":                     {"10.0.0.1", true, f("for=192.0.2.1", "for=198.51.100.7, for=10.0.0.2"), "198.51.100.7"},
		"forwarded, hidden":                  {"10.0.0.1", true, f("for=198.51.100.7, for=_hidden"), "10.0.0.1"},
	} {
		p, err := parseProxies(networks, c.forwarded)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := p.client(netip.MustParseAddr(c.peer).Unmap(), p.hops(c.header))
		if got.String() != c.client {
			t.Errorf("%s: %s, want %s", name, got, c.client)
		}
	}
}

// TestHandler is what is left of a request behind the entrance.
func TestHandler(t *testing.T) {
	proxies, err := parseProxies([]string{"10.0.0.0/8"}, false)
	if err != nil {
		t.Fatal(err)
	}
	e := &Entrance{PublicURL: "https://slipway.example.com", proxies: proxies}
	for name, c := range map[string]struct {
		peer, path   string
		header       map[string]string
		status       int
		remote, host string
	}{
		"by the proxy":             {"10.0.0.1:99", "/", map[string]string{"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "slipway.example.com"}, 200, "198.51.100.7:0", "slipway.example.com"},
		"the host passed on":       {"10.0.0.1:99", "/", map[string]string{"X-Forwarded-For": "198.51.100.7"}, 200, "198.51.100.7:0", "upstream"},
		"past the proxy":           {"198.51.100.7:99", "/", nil, 308, "", ""},
		"past it, claiming https":  {"198.51.100.7:99", "/", map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.1"}, 308, "", ""},
		"past it, to the API":      {"198.51.100.7:99", "/api/v1/services", nil, 403, "", ""},
		"past it, by a probe":      {"198.51.100.7:99", "/healthz", nil, 200, "198.51.100.7:99", "upstream"},
		"in clear to the proxy":    {"10.0.0.1:99", "/", map[string]string{"X-Forwarded-Proto": "http"}, 308, "", ""},
		"in clear with a cookie":   {"10.0.0.1:99", "/", map[string]string{"X-Forwarded-Proto": "http", "Cookie": "a=b"}, 403, "", ""},
		"in clear, then encrypted": {"10.0.0.1:99", "/", map[string]string{"X-Forwarded-For": "198.51.100.7, 10.0.0.2", "X-Forwarded-Proto": "http, https"}, 308, "", ""},
		"encrypted, then in clear": {"10.0.0.1:99", "/", map[string]string{"X-Forwarded-For": "198.51.100.7, 10.0.0.2", "X-Forwarded-Proto": "https, http"}, 200, "198.51.100.7:0", "upstream"},
	} {
		r := httptest.NewRequest("GET", "http://upstream"+c.path, nil)
		r.RemoteAddr = c.peer
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		r.Header.Set("X-Real-IP", "127.0.0.1")
		w := httptest.NewRecorder()
		e.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.RemoteAddr != c.remote || r.Host != c.host {
				t.Errorf("%s: from %s for %s", name, r.RemoteAddr, r.Host)
			}
			for _, header := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded"} {
				if r.Header.Get(header) != "" {
					t.Errorf("%s: %s is left", name, header)
				}
			}
		})).ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d", name, w.Code, c.status)
		}
		if w.Code == 308 && w.Header().Get("Location") != e.PublicURL+c.path {
			t.Errorf("%s: to %s", name, w.Header().Get("Location"))
		}
	}
}

// FuzzHops holds reading what proxies write to not panicking, and to believing
// no address that isn't the peer's unless the peer is trusted.
func FuzzHops(f *testing.F) {
	for _, seed := range []string{"198.51.100.7", `for="[2001:db8::7]:1";host="a\"b"`, `"`, `a="\`, ",,;;", "[", "for=;for=", "1.1.1.1%eth0"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, forwarded bool) {
		p := proxies{networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, forwarded: forwarded}
		hops := p.hops(http.Header{"Forwarded": {text}, "X-Forwarded-For": {text}, "X-Forwarded-Host": {text}})
		if a, _ := p.client(netip.MustParseAddr("10.0.0.1"), hops); !a.IsValid() {
			t.Errorf("%q: nobody asks", text)
		}
		if a, said := p.client(netip.MustParseAddr("198.51.100.7"), hops); a.String() != "198.51.100.7" || said != (hop{}) {
			t.Errorf("%q: %s is believed", text, a)
		}
	})
}
