package platform

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestEveryKindCanBeAskedFor holds the list of kinds to those that are recorded.
func TestEveryKindCanBeAskedFor(t *testing.T) {
	kind := regexp.MustCompile(`(?:journal\.Happened\(ctx, |at\.event\(ctx, [^"]*, |SetKind\(|Changed += |reminded += )"([a-z]+\.[a-z_]+)"`)
	var files []string
	for _, room := range []string{".", "../identity", "../event", "../webhook", "../catalog"} {
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
