package parts

import (
	"strings"
	"testing"
)

// TestPagesShowUnseenSigns in their text, titles and labels, and leave the values of forms alone.
func TestPagesShowUnseenSigns(t *testing.T) {
	const page = "<p class=\"x\" title=\"a\u202e\u0438\" data-title=\"\u202e\"><a\naria-label='\u200b \"c\"' href=\"/\u202e\">fix \u202egnp.exe \u200b</a></p><input value=\"a\u200bb\" title=\"\"/><textarea rows=\"3\">\u202ekept</textarea><b>\u2066x</b>"
	const want = "<p class=\"x\" title=\"aU+202E\u0438\" data-title=\"\u202e\"><a\naria-label='U+200B \"c\"' href=\"/\u202e\">fix U+202Egnp.exe U+200B</a></p><input value=\"a\u200bb\" title=\"\"/><textarea rows=\"3\">\u202ekept</textarea><b>U+2066x</b>"
	for size := 1; size < len(page); size += 3 {
		var out strings.Builder
		w := NewShownText(&out)
		for rest := page; rest != ""; {
			n := min(size, len(rest))
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if out.String() != want {
			t.Errorf("in pieces of %d: %q", size, out.String())
		}
	}
}
