package egress_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/egress"
)

func guard(t *testing.T, o egress.Options) *egress.Guard {
	t.Helper()
	g, err := egress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestAddresses walks the forms in which an internal address can be written.
func TestAddresses(t *testing.T) {
	strict, open := guard(t, egress.Options{}), guard(t, egress.Options{Open: true})
	for text, want := range map[string]struct{ strict, open bool }{
		"8.8.8.8": {true, true}, "2606:4700::1111": {true, true}, "::ffff:8.8.8.8": {true, true}, "64:ff9b::808:808": {true, true}, "2002:808:808::1": {true, true},
		"127.0.0.1": {false, true}, "127.8.9.1": {false, true}, "::1": {false, true}, "::ffff:127.0.0.1": {false, true}, "::127.0.0.1": {false, true},
		"64:ff9b::7f00:1": {false, true}, "64:ff9b::a00:1": {false, true}, "2002:7f00:1::": {false, true}, "64:ff9b:1::a00:1": {false, true},
		"10.0.0.1": {false, true}, "172.16.0.1": {false, true}, "172.31.255.255": {false, true}, "192.168.1.1": {false, true}, "100.64.0.1": {false, true},
		"fd00::1": {false, true}, "fc00::1": {false, true}, "fec0::1": {false, true}, "198.18.0.1": {false, true}, "240.0.0.1": {false, true}, "2001:db8::1": {false, true},
		"2001:0:1::1": {false, true}, "0.1.2.3": {false, true},
		"169.254.169.254": {false, false}, "::ffff:169.254.169.254": {false, false}, "64:ff9b::a9fe:a9fe": {false, false}, "2002:a9fe:a9fe::": {false, false},
		"fe80::1": {false, false}, "fe80::1%lo": {false, false}, "2606:4700::1111%eth0": {false, false},
		"0.0.0.0": {false, false}, "::": {false, false}, "::ffff:0.0.0.0": {false, false}, "64:ff9b::": {false, false},
		"224.0.0.1": {false, false}, "ff02::1": {false, false}, "255.255.255.255": {false, false},
	} {
		for name, g := range map[string]*egress.Guard{"strict": strict, "open": open} {
			good := want.strict
			if name == "open" {
				good = want.open
			}
			_, err := g.Resolve(t.Context(), text)
			if (err == nil) != good {
				t.Errorf("%s, %s: %v", text, name, err)
			}
			if err != nil && (slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "--allow-outgoing")) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func TestAllowList(t *testing.T) {
	names := map[string]string{"hooks.corp.example": "10.0.0.1", "a.b.wild.example": "127.0.0.1", "wild.example": "127.0.0.1", "else.example": "10.9.0.1"}
	g := guard(t, egress.Options{
		Allow: []string{"10.9.0.0/16", "192.168.7.7", "Hooks.Corp.Example.", "*.wild.example", "fd12::/16", "169.254.170.2"},
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr(names[strings.TrimSuffix(host, ".")])}, nil
		},
	})
	for host, good := range map[string]bool{
		"10.9.8.7": true, "10.8.8.7": false, "::ffff:10.9.0.1": true, "192.168.7.7": true, "192.168.7.8": false, "fd12::1": true, "fd13::1": false,
		"hooks.corp.example": true, "hooks.corp.example.": true, "a.b.wild.example": true, "wild.example": false, "else.example": true, "169.254.170.2": true, "169.254.169.254": false,
	} {
		if _, err := g.Resolve(t.Context(), host); (err == nil) != good {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, bad := range []string{"", "http://x", "10.0.0.0/33", "a b", "*", "*.", "x:443", "::ffff:10.0.0.0/104"} {
		if _, err := egress.New(egress.Options{Allow: []string{bad}}); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestRebinding gives a name that is public when it is asked for first and
// internal afterwards: only what is connected to counts.
func TestRebinding(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the inside was reached") }))
	defer inside.Close()
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	var asked atomic.Int32
	g := guard(t, egress.Options{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		if asked.Add(1) == 1 {
			return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}})
	if _, err := g.Resolve(t.Context(), "rebind.example"); err != nil {
		t.Fatal(err)
	}
	_, err := g.Client(egress.Bounds{}).Get("http://rebind.example:" + port)
	if !errors.As(err, new(*egress.Refusal)) {
		t.Errorf("the second answer: %v", err)
	}
	mixed := guard(t, egress.Options{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("169.254.169.254")}, nil
	}})
	if _, err := mixed.Client(egress.Bounds{}).Get("http://mixed.example:" + port); !errors.As(err, new(*egress.Refusal)) {
		t.Errorf("several addresses: %v", err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"} {
		res, err := guard(t, egress.Options{}).Client(egress.Bounds{Timeout: 5 * time.Second}).Get("http://" + host + ":" + port)
		if err == nil {
			res.Body.Close()
			t.Errorf("%s was reached", host)
		}
	}
}

// TestRedirects follows as many as it may, into no internal address, and never
// back from https.
func TestRedirects(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(server.URL+"/end", http.StatusFound))
	defer secure.Close()
	mux.HandleFunc("/end", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "end "+r.Header.Get("Authorization")) })
	mux.Handle("/once", http.RedirectHandler("/end", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusTemporaryRedirect))
	mux.Handle("/cloud", http.RedirectHandler("http://169.254.169.254/latest/meta-data/", http.StatusFound))
	mux.Handle("/inner", http.RedirectHandler("http://[::ffff:10.0.0.1]/", http.StatusFound))
	mux.Handle("/file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	g := guard(t, egress.Options{Allow: []string{"127.0.0.1"}})
	follow := g.Client(egress.Bounds{Redirects: 3, Timeout: 5 * time.Second})
	for path, want := range map[string]string{"/loop": "more than 3 times", "/cloud": "169.254.169.254", "/inner": "10.0.0.1", "/file": "only http"} {
		if _, err := follow.Get(server.URL + path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	res, err := follow.Get(server.URL + "/once")
	if err != nil || res.StatusCode != 200 {
		t.Errorf("once: %v", err)
	}
	res, err = g.Client(egress.Bounds{}).Get(server.URL + "/cloud")
	if err != nil || res.StatusCode != http.StatusFound {
		t.Errorf("none followed: %v %v", res, err)
	}
	down := g.Client(egress.Bounds{Redirects: 3})
	if _, err := down.Get(secure.URL); err == nil {
		t.Error("an unknown certificate is taken")
	}
}

// TestBounds holds answers that are too long, or never come.
func TestBounds(t *testing.T) {
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			_, _ = w.Write(make([]byte, 5000))
		case "/exact":
			_, _ = w.Write(make([]byte, 1000))
		default:
			select {
			case <-r.Context().Done():
			case <-gone:
			}
		}
	}))
	defer server.Close()
	defer close(gone)
	c := guard(t, egress.Options{Open: true}).Client(egress.Bounds{Body: 1000, Timeout: time.Second})
	for path, want := range map[string]error{"/long": egress.ErrTooLong, "/exact": nil} {
		res, err := c.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if !errors.Is(err, want) || len(text) != 1000 {
			t.Errorf("%s: %d bytes, %v", path, len(text), err)
		}
		res.Body.Close()
	}
	if _, err := c.Get(server.URL + "/never"); err == nil {
		t.Error("a server that never answers is an answer")
	}
}

// TestProxy uses the environment's proxy only when asked, and checks names before it.
func TestProxy(t *testing.T) {
	var through atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { through.Add(1); io.WriteString(w, "by proxy") }))
	defer proxy.Close()
	u, _ := url.Parse(proxy.URL)
	t.Setenv("HTTP_PROXY", u.String())
	t.Setenv("http_proxy", u.String())
	lookup := func(_ context.Context, host string) ([]netip.Addr, error) {
		if host == "inside.example" {
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	if _, err := guard(t, egress.Options{Lookup: lookup}).Client(egress.Bounds{}).Get("http://out.example/"); !errors.As(err, new(*egress.Refusal)) || through.Load() != 0 {
		t.Errorf("unasked: %v, %d by the proxy", err, through.Load())
	}
	asked := guard(t, egress.Options{Proxy: true, Allow: []string{"out.example"}, Lookup: lookup}).Client(egress.Bounds{})
	res, err := asked.Get("http://out.example/")
	if err != nil || res.StatusCode != 200 || through.Load() != 1 {
		t.Errorf("asked: %v, %d by the proxy", err, through.Load())
	}
	if _, err := asked.Get("http://inside.example/"); !errors.As(err, new(*egress.Refusal)) || through.Load() != 1 {
		t.Errorf("inside: %v, %d by the proxy", err, through.Load())
	}
}
