package workflows_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var quoted = regexp.MustCompile(`"([^"\\]*)"`)

// leaks looks for the planted value, also inside payloads: a history's JSON
// holds them in base64, where a plain search would never find it.
func leaks(history string) bool {
	if strings.Contains(history, planted) {
		return true
	}
	for _, m := range quoted.FindAllStringSubmatch(history, -1) {
		if text, err := base64.StdEncoding.DecodeString(m[1]); err == nil && strings.Contains(string(text), planted) {
			return true
		}
	}
	return false
}

// TestHistoriesAreSmallAndSecretFree walks every recorded history.
func TestHistoriesAreSmallAndSecretFree(t *testing.T) {
	if in := `{"data": "` + base64.StdEncoding.EncodeToString([]byte(`{"Value":"`+planted+`"}`)) + `"}`; !leaks(in) {
		t.Fatal("a value in a payload is not found")
	}
	files, err := histories()
	if err != nil || len(files) == 0 {
		t.Fatalf("%d histories, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 100<<10 || leaks(string(text)) {
			t.Errorf("%s has %d bytes; a value in it: %v", file, len(text), leaks(string(text)))
		}
	}
}

// histories are those of this version and of every earlier one, each version in
// its folder: a promotion may have begun with any of them.
func histories() ([]string, error) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		return nil, err
	}
	earlier, err := filepath.Glob("testdata/*/*.json")
	return append(files, earlier...), err
}
