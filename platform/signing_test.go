package platform

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// TestOldSecretsSignForADay reads what RotateWebhook keeps.
func TestOldSecretsSignForADay(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	kept := slipway.NewSecret("whsec_new\nwhsec_old\n" + now.Add(SecretOverlap).Format(time.RFC3339))
	for at, want := range map[time.Duration]string{0: "whsec_new whsec_old", SecretOverlap - time.Second: "whsec_new whsec_old", SecretOverlap: "whsec_new", 48 * time.Hour: "whsec_new"} {
		var got []string
		for _, s := range signing(kept, now.Add(at)) {
			got = append(got, s.Reveal())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s later %v sign", at, got)
		}
	}
	if got := signing(slipway.NewSecret("whsec_only"), now); len(got) != 1 || got[0].Reveal() != "whsec_only" {
		t.Errorf("%d sign", len(got))
	}
}

// TestEveryKindCanBeAskedFor holds the list of kinds to those that are recorded.
func TestEveryKindCanBeAskedFor(t *testing.T) {
	kind := regexp.MustCompile(`(?:journal\.Happened\(ctx, |at\.event\(ctx, [^"]*, |SetKind\(|Changed += |reminded += )"([a-z]+\.[a-z_]+)"`)
	var files []string
	for _, room := range []string{".", "../identity", "../event"} {
		found, err := filepath.Glob(room + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range kind.FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
	}
	if len(found) < 20 {
		t.Fatalf("only %d kinds were found", len(found))
	}
	for k := range found {
		// These concern no service, and so no team.
		if noun, _, _ := strings.Cut(k, "."); noun == "environment" || noun == "freeze" {
			continue
		}
		if !slices.Contains(slipway.EventKinds, k) {
			t.Errorf("no webhook can ask for %s; add it to slipway.EventKinds and docs/webhooks.md", k)
		}
	}
	text, err := os.ReadFile("../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range slipway.EventKinds {
		if !strings.Contains(string(text), "`"+k+"`") {
			t.Errorf("docs/webhooks.md does not name %s", k)
		}
	}
}
