package slipway_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestVisible shows what would turn, join or hide a text, also in pieces.
func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"fix: \u202ederaelcnu\u202c":           "fix: U+202EderaelcnuU+202C",
		"a\u200bb\u200dc\ufeffd\u00ade":        "aU+200BbU+200DcU+FEFFdU+00ADe",
		"\u2066x\u2069 \u061c\u200e\u200f":     "U+2066xU+2069 U+061CU+200EU+200F",
		"tag \U000e0041\U000e007f":             "tag U+E0041U+E007F",
		"Grüße, 日本語 עברית العربية 🔑 \t\n":      "Grüße, 日本語 עברית العربية 🔑 \t\n",
		"\xff\xe2\x80 broken \xe2\x80\xaa end": "\xff\xe2\x80 broken U+202A end",
		"":                                     "",
	} {
		if got := slipway.Visible(text); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
		for size := 1; size < 5; size++ {
			var out strings.Builder
			w := slipway.VisibleWriter{To: &out}
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				if _, err := w.Write([]byte(rest[:n])); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := w.Flush(); err != nil || out.String() != want {
				t.Errorf("%q in pieces of %d: %q (%v)", text, size, out.String(), err)
			}
		}
	}
}
