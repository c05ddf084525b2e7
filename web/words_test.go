package web

import (
	"errors"
	"strings"
	"testing"
	"time"

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
		for _, s := range spans(line) {
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
	if long := spans(strings.Repeat("x", 1<<20)); len(long) != 1 || len(long[0].Text) > maxLine+10 {
		t.Error("a very long line is not bounded")
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		210 * time.Millisecond: "210 ms", 1100 * time.Millisecond: "1.1 s", 90 * time.Second: "1 min 30 s", 2 * time.Minute: "2 min",
		3*time.Hour + 10*time.Minute: "3 h 10 min", 50 * time.Hour: "2 d 2 h", -time.Second: "0 ms",
	} {
		if got := duration(d); got != want {
			t.Errorf("%s is said as %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 entries", 1: "1 entry", 2: "2 entries"} {
		if got := plural(n, "entry"); got != want {
			t.Errorf("%d is said as %q", n, got)
		}
	}
}

func TestSentence(t *testing.T) {
	for said, want := range map[string]string{
		"there is no service x; `slipway service ls` lists them":                                  "There is no service x.",
		"no release is live in dev, so there is none to take on; run: slipway promote x --to dev": "No release is live in dev, so there is none to take on.",
		"there is no environment yet; add one with: slipway env add NAME":                         "There is no environment yet.",
		"name or password is wrong":                         "Name or password is wrong.",
		"slipway could not reach it; try again":             "Slipway could not reach it; try again.",
		"billing has a promotion to prod under way already": "Billing has a promotion to prod under way already.",
	} {
		if got := sentence(slipway.Errorf(slipway.Conflict, "%s", said)); got != want {
			t.Errorf("%q is said as %q, want %q", said, got, want)
		}
	}
	if got := sentence(errors.New("pq: password authentication failed")); strings.Contains(got, "pq") {
		t.Errorf("a defect is said as %q", got)
	}
}

func TestPrograms(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36":                                   "Chrome on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/1.0":                 "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "Safari on iOS",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0":                                                    "Firefox on macOS",
		"slipway/0.1 (linux)": "the command line", "": "unknown", "curl/8": "curl/8",
	} {
		if got := program(agent); got != want {
			t.Errorf("%q is said as %q, want %q", agent, got, want)
		}
	}
}

func TestLocal(t *testing.T) {
	for next, want := range map[string]string{"/a?b=c": "/a?b=c", "//x": "/", `/\x`: "/", "http://x": "/", "x": "/", "": "/", "/\nx": "/", "/%2f/x": "/"} {
		if got := local(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

// TestLowered prepares whole chunks for a search as it would each line.
func TestLowered(t *testing.T) {
	lines := []string{
		"plain", "", "\x1b[31mRed\x1b[0m Alert", "Größe ÄÖÜ İstanbul", "\x1b]0;a title that never ends", "after it", "cut \x1b[", "\x1b", "bad \xff\xfe BYTES", "10%\r100%",
	}
	want := ""
	for _, line := range lines {
		want += strings.ToLower(bare(line)) + "\n"
	}
	if got := string(lowered(nil, strings.Join(lines, "\n")+"\n")); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestCapital(t *testing.T) {
	for said, want := range map[string]string{"": "", "nothing runs": "Nothing runs", "payments: no": "Payments: no", "app.ini.j2:1: no": "app.ini.j2:1: no", "log_level is": "log_level is", "ärger": "Ärger"} {
		if got := capital(said); got != want {
			t.Errorf("%q begins as %q", said, got)
		}
	}
}

// TestOften says rates in a unit in which there is something to count.
func TestOften(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0 an hour", 1.0 / 1800: "2 an hour", 1.0 / 60: "1 a minute", 7.0 / 60: "7 a minute", 0.5: "30 a minute", 2.5 / 60: "2.5 a minute", 1: "1 a second", 12.34: "12.3 a second", 345.6: "346 a second",
	} {
		if got := often(v); got != want {
			t.Errorf("%g a second is said as %q, want %q", v, got, want)
		}
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

func TestTestWords(t *testing.T) {
	for want, report := range map[string]*slipway.TestReport{
		"Skipped by its owner": {Verdict: slipway.TestsSkipped}, "Passed, not counted": {Verdict: slipway.TestsPassed, Command: "make test"}, "Could not run": {Verdict: slipway.TestsFailed, Command: "pytest"},
		"3 passed, 1 skipped": {Verdict: slipway.TestsPassed, Command: "pytest", Total: 4, Passed: 3, Skipped: 1}, "1 of 2 failed": {Verdict: slipway.TestsFailed, Command: "pytest", Total: 2, Passed: 1, Failed: 1},
	} {
		if got := testWords(report); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, none := range []*slipway.TestReport{nil, {Verdict: slipway.TestsNone, Command: "pytest"}, {Verdict: slipway.TestsNone}} {
		if got := testWords(none); got != "No tests" {
			t.Errorf("%+v: %q", none, got)
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
