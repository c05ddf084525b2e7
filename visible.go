package slipway

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unseen are signs that change how a text reads without being seen: they turn its
// direction, join or part it, or fill it with nothing.
var unseen = &unicode.RangeTable{
	LatinOffset: 1,
	R16: []unicode.Range16{
		{0x00ad, 0x00ad, 1}, {0x034f, 0x034f, 1}, {0x061c, 0x061c, 1}, {0x115f, 0x1160, 1}, {0x17b4, 0x17b5, 1}, {0x180b, 0x180f, 1},
		{0x200b, 0x200f, 1}, {0x2028, 0x202e, 1}, {0x2060, 0x206f, 1}, {0x3164, 0x3164, 1}, {0xfeff, 0xfeff, 1}, {0xffa0, 0xffa0, 1}, {0xfff9, 0xfffb, 1},
	},
	R32: []unicode.Range32{{0x1bca0, 0x1bca3, 1}, {0x1d173, 0x1d17a, 1}, {0xe0000, 0xe0fff, 1}},
}

// Visible shows signs that are not seen as what they are, such as U+202E: whoever
// decides about a text has to see all of it.
func Visible(text string) string {
	if !strings.ContainsFunc(text, isUnseen) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if isUnseen(r) {
			fmt.Fprintf(&out, "U+%04X", r)
		} else {
			out.WriteString(text[i : i+n])
		}
		i += n
	}
	return out.String()
}

func isUnseen(r rune) bool { return r >= 0xad && unicode.Is(unseen, r) }

// VisibleWriter passes on what is written as Visible shows it. A sign may come in
// several writes; Flush passes on what is left at the end.
type VisibleWriter struct {
	To   io.Writer
	rest []byte
}

// Write passes on whole signs.
func (w *VisibleWriter) Write(p []byte) (int, error) {
	text := append(w.rest, p...)
	whole := len(text)
	for i := 1; i <= min(utf8.UTFMax-1, len(text)); i++ {
		if b := text[len(text)-i]; utf8.RuneStart(b) {
			if !utf8.FullRune(text[len(text)-i:]) {
				whole = len(text) - i
			}
			break
		}
	}
	w.rest = append([]byte(nil), text[whole:]...)
	if _, err := io.WriteString(w.To, Visible(string(text[:whole]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush passes on the beginning of a sign that never came whole.
func (w *VisibleWriter) Flush() error {
	_, err := w.To.Write(w.rest)
	w.rest = nil
	return err
}
