package slipway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// path reads names of environments; one with a ! takes what was verified nowhere.
func path(text string) (out []slipway.Stop) {
	for _, name := range strings.Fields(text) {
		bare := strings.TrimSuffix(name, "!")
		out = append(out, slipway.Stop{Name: bare, Skips: bare != name})
	}
	return out
}

func TestShortcuts(t *testing.T) {
	for _, c := range []struct{ was, is, all, want string }{
		{"dev test prod", "dev test prod", "dev test prod", "[]"},
		{"dev test prod", "dev test", "dev test prod", "[]"}, // what has left takes nothing any more
		{"dev test prod", "dev prod", "dev test prod", "[into prod without test]"},
		{"dev test prod", "prod", "dev test prod", "[into prod without dev into prod without test]"},
		{"dev test prod", "prod dev test", "dev test prod", "[into prod without dev into prod without test]"},
		{"dev test prod", "test dev prod", "dev test prod", "[into test without dev]"},
		{"dev test prod", "dev test soak prod", "dev test prod soak", "[into soak without prod]"},
		{"dev test prod", "dev test new prod", "dev test new prod", "[]"},
		{"dev prod", "dev test prod", "dev test prod", "[]"},
		{"dev", "dev prod", "dev test prod", "[into prod without test]"}, // what was not on the path asks what the platform's asks
		{"dev", "dev test prod", "dev test prod", "[]"},
		// An environment that takes anything vouches for nothing.
		{"dev test prod", "dev test preview! prod", "dev test prod preview!", "[into prod without dev into prod without test]"},
		{"dev test! prod", "dev test! prod", "dev test! prod", "[]"},
		{"dev test! prod!", "prod! dev test!", "dev test! prod!", "[]"},
		// What was seen somewhere that was left since is not vouched for by coming back late.
		{"dev test prod", "dev test first prod", "first dev test prod", "[into dev without first into test without first]"},
	} {
		if got := fmt.Sprint(slipway.Shortcuts(path(c.was), path(c.is), path(c.all))); got != c.want {
			t.Errorf("from %q to %q, of %q: %s, want %s", c.was, c.is, c.all, got, c.want)
		}
	}
}
