package slipway_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestForTerminal prints what hides, swaps or turns a text, whole and in pieces.
func TestForTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"plain\n":                             "plain\n",
		"a \u202egnp.exe\u2066\u200b b":       "a U+202Egnp.exeU+2066U+200B b",
		"\x1b[31mred\x1b[0m on\n":             "\x1b[31mred\x1b[0m on\n",
		"\x1b[1;91mred\nnext\n":               "\x1b[1;91mred\x1b[0m\nnext\n",
		"\x1b[32mcut":                         "\x1b[32mcut\x1b[0m",
		"\x1b[mreset":                         "\x1b[0mreset",
		"\x1b[8mhidden\x1b[28m seen\n":        "hidden seen\n",
		"\x1b[31;8mhidden\n":                  "\x1b[31mhidden\x1b[0m\n",
		"\x1b[31;41mred on red\x1b[7m\x1b[5m": "\x1b[31mred on red\x1b[0m",
		"\x1b[30mblack \x1b[37mwhite \x1b[97mwhite \x1b[90mgrey\n": "black white white grey\n",
		"\x1b[38;5;31mby number\x1b[38;2;1;31;32mby parts\n":       "by numberby parts\n",
		"\x1b[38;5;16;1mbold\x1b[38:5:31mcolons\x1b[48;2;4mcut\n":  "\x1b[1mboldcolonscut\x1b[0m\n",
		"\x1b[31;0mnot red\n":                                                 "\x1b[0mnot red\n",
		"\x1b[0000008mhidden\x1b[99999999999m\n":                              "hidden\n",
		"\x1b]8;;http://x\x07link\x1b[2J\x1b[1A\x1b[?1049h\rweb.1 | forged\n": "link\nweb.1 | forged\n",
		"Grüße, 日本語 עברית 🔑\t\n":                                              "Grüße, 日本語 עברית 🔑\t\n",
		"\xff\xe2\x80 broken":                                                 "? broken",
		"":                                                                    "",
	} {
		if got := slipway.ForTerminal(text); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
		for size := 1; size < 5; size++ {
			var out strings.Builder
			w := slipway.TerminalWriter{To: &out}
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				if _, err := w.Write([]byte(rest[:n])); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := w.Flush(); err != nil || out.String() != want {
				t.Errorf("%q in pieces of %d: %q, not %q: %v", text, size, out.String(), want, err)
			}
		}
	}
}

// TestTerminalWriterHoldsLittle writes a line that doesn't end: it comes in parts,
// in the middle of no sign and no sequence.
func TestTerminalWriterHoldsLittle(t *testing.T) {
	var out strings.Builder
	w := slipway.TerminalWriter{To: &out}
	for range 10_000 {
		for _, part := range []string{"x\x1b", "[8", "m\xe2", "\x80", "\xae"} {
			if _, err := w.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out.Len() == 0 {
		t.Error("nothing came before the end")
	}
	if err := w.Flush(); err != nil || out.String() != strings.Repeat("xU+202E", 10_000) {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}
