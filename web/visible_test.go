package web

import (
	"strings"
	"testing"
)

// TestPagesShowUnseenSigns in their text, and leave the values of forms alone.
func TestPagesShowUnseenSigns(t *testing.T) {
	const page = "<p title=\"a\u202eb\">fix \u202egnp.exe \u200b</p><input value=\"a\u200bb\"/><textarea rows=\"3\">\u202ekept</textarea><b>\u2066x</b>"
	const want = "<p title=\"a\u202eb\">fix U+202Egnp.exe U+200B</p><input value=\"a\u200bb\"/><textarea rows=\"3\">\u202ekept</textarea><b>U+2066x</b>"
	for size := 1; size < len(page); size += 3 {
		var out strings.Builder
		w := newShownText(&out)
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
