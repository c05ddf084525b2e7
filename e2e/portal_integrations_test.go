package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestPortalIntegrations gives a team a webhook by clicks, and has a program
// hear of a ping.
func TestPortalIntegrations(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	b := newBrowser(t, s)
	b.open("/")
	b.setUp(s, "ada")
	b.sees("Bring your first service")
	heard := make(chan http.Header, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heard <- r.Header }))
	defer receiver.Close()
	b.open("/teams/default")
	b.click("integrations")
	b.sees("No webhook yet")
	b.fill("url", receiver.URL)
	b.fill("events", "service.*")
	b.click("Add the webhook")
	b.sees("It is not shown again.")
	b.accessible("secret")
	b.picture("webhook-secret")
	b.open("/teams/default/integrations/1")
	b.click("Send a ping")
	b.sees("A ping is on its way")
	select {
	case h := <-heard:
		if h.Get("webhook-id") == "" || !strings.HasPrefix(h.Get("webhook-signature"), "v1,") || !strings.HasPrefix(h.Get("User-Agent"), "Slipway/") {
			t.Errorf("the ping has %v", h)
		}
	case <-time.After(patience):
		t.Error("no ping came")
	}
	b.quiet("integrations")
	lookAt(b, map[string]string{
		"integrations": "/teams/default/integrations", "webhook": "/teams/default/integrations/1", "webhook-failed": "/teams/default/integrations/1?state=failed",
	})
}
