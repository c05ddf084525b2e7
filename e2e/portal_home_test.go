package e2e

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestPortalCookiesStayAtHome signs in with a real browser, by an address that
// other programs of the machine share, and lets it visit a service there, under
// every name that the service has: it gets none of the portal's cookies.
func TestPortalCookiesStayAtHome(t *testing.T) {
	s := newSite(t)
	s.start()
	b := newBrowser(t, s)
	home := b.base
	b.setUp(s, "ada")
	_, port, _ := net.SplitHostPort(s.listen)
	for _, host := range []string{"127.0.0.1", "localhost", "shop.dev.localhost"} {
		b.open("http://" + net.JoinHostPort(host, port) + "/account?of=" + host)
		if at := b.where(); at != home+"/account?of="+host {
			t.Errorf("%s leads to %s", host, at)
		}
		b.sees("ada") // with the session
	}

	var mu sync.Mutex
	visits, got := 0, []string{}
	service, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listening := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/" {
			visits++
		}
		for _, c := range r.Cookies() {
			got = append(got, r.Host+": "+c.Name)
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>a service</title><link rel=icon href=data:,><main>a service</main>")
	})}
	go func() { _ = listening.Serve(service) }()
	defer listening.Close()
	_, at, _ := net.SplitHostPort(service.Addr().String())
	hosts := []string{"127.0.0.1", "localhost", "shop.dev.localhost", "shop.prod.localhost"}
	for _, host := range hosts {
		b.open("http://" + net.JoinHostPort(host, at) + "/")
		b.sees("a service")
		// A link of the service to the portal, and back.
		b.do(chromedp.Navigate(home + "/account"))
	}
	mu.Lock()
	defer mu.Unlock()
	if visits < len(hosts) || len(got) > 0 {
		t.Errorf("%d visits; the service got %v", visits, got)
	}

	// Programs ask by any name, and get no cookie anywhere else than at home.
	for path, want := range map[string]int{"/api/v1/version": 200, "/api/v1/services": 401, "/healthz": 200, "/login": 302, "/": 302} {
		answer, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get("http://" + s.listen + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want || len(answer.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s: %d %v", path, answer.StatusCode, answer.Header)
		}
	}
	if !strings.Contains(s.upLog.String(), "portal    "+home+"/\n") {
		t.Errorf("up says:\n%s", s.upLog)
	}
	// The printed names are good for the commands, whatever this machine resolves.
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	if r := s.runWith(password+"\n", "login", home, "--name", "ada"); r.code != 0 {
		t.Errorf("%s%s", r.out, r.err)
	}
	if out := s.must("--server", home, "whoami"); !strings.Contains(out, "ada") {
		t.Error(out)
	}
}
