package e2e

import (
	"strings"
	"testing"
)

// nobodysFramework answers with what it was started with; nothing says how that is.
const nobodysFramework = `import http.server, os, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(("it is " + sys.argv[1]).encode())

def serve():
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()

serve()
`

// TestPortalOverrides brings a repository that can't be deployed as it is
// detected: its owner types the start command, sees that this is enough, and it
// answers. Later the settings say something else, and the same commit becomes
// another release.
func TestPortalOverrides(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	repo := newRepository(t, map[string]string{"requirements.txt": "", "tool/answer.py": nobodysFramework})
	b := newBrowser(t, s)
	b.open("/")
	b.setUp(s, "ada")
	b.sees("Bring your first service")
	b.open("/services/new")
	b.fill("url", repo.url())
	b.click("Inspect")
	b.sees("This can't be deployed yet.")
	b.accessible("not deployable")
	b.picture("overrides-needed")

	// What can't be is said beside the field, and what was typed stays.
	b.fill("set.processes.web.command", "python tool/answer.py one")
	b.fill("set.health.path", "live")
	b.click("See what this changes")
	b.sees("is not the path of a URL")
	b.until(`document.querySelector('[name="set.processes.web.command"]').value === "python tool/answer.py one"`)
	b.accessible("refused")
	b.picture("overrides-refused")
	b.fill("set.health.path", "/live")
	b.click("See what this changes")
	b.sees("Slipway can build, start and check this.")
	b.sees("set by the service's owners")
	if b.path() != "/services/new" {
		t.Errorf("the page was left for %s", b.path())
	}
	b.accessible("deployable")
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		b.picture("overrides-set-" + theme)
	}
	b.theme("light")
	b.width(390)
	b.fits("register with overrides")
	b.picture("overrides-set-390")
	b.width(1280)
	b.fill("name", "answer")
	b.click("Register and promote to dev")
	b.until("location.pathname.startsWith('/promotions/')")
	b.ends("Succeeded")
	if status, body := s.get("answer", "dev", "/"); status != 200 || body != "it is one" {
		t.Fatalf("dev answers %d %s", status, body)
	}

	b.open("/services/answer/settings")
	b.fill("set.processes.web.command", "python tool/answer.py two")
	b.click("Inspect the repository with this")
	b.sees("With this, Slipway can build, start and check it.")
	b.accessible("settings with a detection")
	b.picture("overrides-settings-found")
	b.click("Save overrides")
	b.sees("The overrides are saved.")
	if status, body := s.get("answer", "dev", "/"); status != 200 || body != "it is one" {
		t.Errorf("what runs was changed: %d %s", status, body)
	}
	b.open("/services/answer/promote")
	b.click("Promote to dev")
	b.until("location.pathname.startsWith('/promotions/')")
	b.ends("Succeeded")
	if status, body := s.get("answer", "dev", "/"); status != 200 || body != "it is two" {
		t.Errorf("after the change dev answers %d %s", status, body)
	}
	if out := s.must("service", "show", "answer"); !strings.Contains(out, "web: python tool/answer.py two") || !strings.Contains(out, "path: /live") {
		t.Errorf("service show says\n%s", out)
	}
	b.open("/audit")
	b.sees("tool/answer.py two")
	b.quiet("overrides")
	lookAt(b, map[string]string{"overrides-settings": "/services/answer/settings"})
}
