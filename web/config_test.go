package web_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/platform"
)

// TestConfigFitsTheRelease tells which keys the release asks for in vain, which
// do nothing, and when that can't be known.
func TestConfigFitsTheRelease(t *testing.T) {
	s := newSite(t)
	b := s.person("alice", true, nil)
	if _, err := s.Register(as(), catalog.ServiceInput{Name: "fresh", URL: "https://git.team.example/fresh.git"}); err != nil {
		t.Fatal(err)
	}
	if body := b.get("/services/fresh/config?env=dev").body; !strings.Contains(body, "is known once there is a release") || strings.Contains(body, "missing-title") {
		t.Error("without a release, keys are known")
	}

	s.service("payments", "billing", "main")
	has := func(path string, wanted bool, texts ...string) {
		t.Helper()
		a := b.get(path)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d", path, a.status)
		}
		for _, text := range texts {
			if strings.Contains(a.body, text) != wanted {
				t.Errorf("%s: shows %q: %v", path, text, !wanted)
			}
		}
	}
	has("/services/payments/config?env=dev", true, "can&#39;t be told: the files of release 1 can&#39;t be read")

	dir := filepath.Join(s.Data, "source")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	code := "import os\nURL = os.environ[\"DATABASE_URL\"]\nKEY = os.environ[\"API_KEY\"]\nMODE = os.getenv(\"MODE\")\n"
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeConfig(as(), catalog.ConfigChange{Service: "payments", Environment: "dev", Set: map[string]string{"LEFT_OVER": "1"}}); err != nil {
		t.Fatal(err)
	}
	// It is said wherever one looks at what runs.
	has("/", true, `>config<span class="sr"> of payments in dev is not deployed</span>`, "The config was changed by test at ")
	has("/services/payments", true, "The config was changed by test at ", " UTC and is not deployed: LEFT_OVER.", "/services/payments/promote?release=1&amp;to=dev")
	// So is a hold.
	if _, err := s.Platform.Hold(as(), "payments", "dev", "ada looks at it"); err != nil {
		t.Fatal(err)
	}
	has("/", true, `>held<span class="sr">: payments in dev</span>`, "Nothing is promoted to dev by itself: ada looks at it, held by test.")
	has("/services/payments", true, "Nothing is promoted to dev by itself: ada looks at it, held by test.", `href="/freezes#holds-title"`)
	page := "/services/payments/config?env=dev"
	has(page, true, "Missing in dev", "<code>DATABASE_URL</code>", "app.py:2", "app.py:3", ">unused<", "No file of release 1, which runs here, names it")
	has(page, true, "Config changed in dev: LEFT_OVER set to 1", "by test")
	has("/services/payments/config?env=test", true, "Missing in test", "release 1, the newest")
	has("/services/payments/config?env=", false, "missing-title")
	// The plan of a promotion says it before anybody asks for one.
	has("/services/payments/promote?to=test", true, "DATABASE_URL is not set in test.", "app.py, line 2, asks for it without a default.", "API_KEY is not set in test.")
	has("/services/payments/promote?to=test", false, "MODE is not set")
	// The links fill in the right form.
	has(page+"&key=DATABASE_URL", true, `name="key" value="DATABASE_URL"`, `name="name" value=""`)
	has(page+"&key=API_KEY", true, `name="key" value=""`, `name="name" value="API_KEY"`)

	if a := b.post(page, "/services/payments/secrets", url.Values{"env": {"dev"}, "name": {"API_KEY"}, "secret": {"hunter2-hunter2"}}); a.status != http.StatusSeeOther {
		t.Fatalf("seal: %d", a.status)
	}
	if _, err := s.ChangeConfig(as(), catalog.ConfigChange{Service: "payments", Environment: "dev", Set: map[string]string{"DATABASE_URL": "x"}, Unset: []string{"LEFT_OVER"}}); err != nil {
		t.Fatal(err)
	}
	has(page, false, "hunter2", "missing-title", ">unused<")
	has("/services/payments/promote?to=dev&release=1", false, "is not set in dev")
	has(page, true, "All that release 1, which runs here, asks for without a default is set, and nothing set is unused.")
}

// TestRenderedAgainstWhatRuns shows how files would differ from those that run.
func TestRenderedAgainstWhatRuns(t *testing.T) {
	s := newSite(t)
	content := "[app]\n"
	s.RunsWith = func(string) slipway.Snapshot {
		return slipway.Snapshot{Files: []slipway.RenderedFile{{Path: "app.ini", Content: content}}}
	}
	s.service("payments", "billing", "main")
	b := s.person("alice", true, nil)
	page := "/services/payments/config?env=dev&view=rendered"
	if body := b.get(page).body; !strings.Contains(body, "The same as what runs.") {
		t.Error("the same files differ")
	}
	content = "[old]\n"
	s.promote(platform.PromoteInput{Service: "payments", Ref: "two"})
	body := b.get(page).body
	for _, want := range []string{"Release 2 runs with other files", `<div class="d">[old]</div>`, `<div class="a">[app]</div>`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page doesn't show %q", want)
		}
	}
}
