package parts

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

func TestSpans(t *testing.T) {
	for line, want := range map[string]string{
		"plain":                              "plain",
		"\x1b[31mred\x1b[0m plain":           "[r]red[/] plain",
		"\x1b[1;32mgood\x1b[m":               "[g s]good[/]",
		"10%\r50%\r100%":                     "100%",
		"done\r":                             "done",
		"\x1b[38;5;196mnumbered\x1b[0m":      "numbered",
		"\x1b]8;;http://x\x07link\x1b]8;;\a": "link",
		"\x1b[2K\x1b[1Gover":                 "over",
		"<b>&":                               "<b>&",
		"a\u202eb\x00c":                      "abc",
		"cut \x1b[":                          "cut ",
	} {
		var b strings.Builder
		for _, s := range Spans(line) {
			if s.Class != "" {
				b.WriteString("[" + s.Class + "]" + s.Text + "[/]")
			} else {
				b.WriteString(s.Text)
			}
		}
		if b.String() != want {
			t.Errorf("%q shows %q, want %q", line, b.String(), want)
		}
	}
	if long := Spans(strings.Repeat("x", 1<<20)); len(long) != 1 || len(long[0].Text) > MaxLine+10 {
		t.Error("a very long line is not bounded")
	}
}

// TestLowered prepares whole chunks for a search as it would each line.
func TestLowered(t *testing.T) {
	lines := []string{
		"plain", "", "\x1b[31mRed\x1b[0m Alert", "Größe ÄÖÜ İstanbul", "\x1b]0;a title that never ends", "after it", "cut \x1b[", "\x1b", "bad \xff\xfe BYTES", "10%\r100%",
	}
	want := ""
	for _, line := range lines {
		want += strings.ToLower(Plain(line)) + "\n"
	}
	if got := string(Lowered(nil, strings.Join(lines, "\n")+"\n")); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestTextDiff shows what differs, with what stands around it.
func TestTextDiff(t *testing.T) {
	many := strings.Repeat("x\n", 700)
	for what, c := range map[string]struct{ was, is, want string }{
		"the same":         {"a\nb\n", "a\nb\n", "c:a c:b"},
		"from nothing":     {"", "a\n", "a:a"},
		"to nothing":       {"a\n", "", "d:a"},
		"equal in between": {"# prod\n[app]\nlevel=info\nmode=live\n", "# dev\n[app]\nlevel=info\nmode=box\n", "d:# prod a:# dev c:[app] c:level=info d:mode=live a:mode=box"},
		"only around":      {"1\n2\n3\nold\n4\n5\n6\n", "1\n2\n3\nnew\n4\n5\n6\n", "c:2 c:3 d:old a:new c:4 c:5"},
		"folded":           {"a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n", "d:a a:A c:1 c:2 h:2 equal lines c:5 c:6 d:b a:B"},
		"a line moves in":  {"a\nc\n", "a\nb\nc\n", "c:a a:b c:c"},
		"too long":         {"a\n" + many + "b\n", "A\n" + many + "B\n", ""},
	} {
		var got []string
		for _, l := range textDiff(c.was, c.is) {
			got = append(got, l.Kind+":"+l.Text)
		}
		if c.want != "" && strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", what, got, c.want)
		}
		if c.want == "" && len(got) != 1404 {
			t.Errorf("%s: %d lines", what, len(got))
		}
	}
}

func TestTestDifference(t *testing.T) {
	for want, now := range map[string]slipway.TestReport{
		"The same number of tests as release 7.": {Total: 10, Skipped: 1}, "1 more test than release 7.": {Total: 11, Skipped: 1},
		"2 fewer tests, 1 more skipped than release 7.": {Total: 8, Skipped: 2}, "The same number of tests, 1 fewer skipped than release 7.": {Total: 10},
	} {
		if got := testDifference(&slipway.Change{From: 7, Tests: [2]*slipway.TestReport{{Total: 10, Skipped: 1}, &now}}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
