package workflows

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-dev/slipway"
)

// shelf keeps the chunks of a log; the other methods are never called here.
type shelf struct {
	slipway.Ledger
	chunks []string
	away   int // so many writes fail
}

func (s *shelf) Log(_ context.Context, _ string, _ slipway.StepName, _, seq int, text string) error {
	if s.away > 0 {
		s.away--
		return errors.New("away")
	}
	if seq != len(s.chunks) {
		return errors.New("a chunk is missing")
	}
	s.chunks = append(s.chunks, text)
	return nil
}

func logged(t *testing.T, s *shelf, writes ...string) string {
	t.Helper()
	log := newStepLog(t.Context(), s, "1", slipway.StepBuild, 1)
	for _, w := range writes {
		if n, err := log.Write([]byte(w)); n != len(w) || err != nil {
			t.Fatalf("%d of %d: %v", n, len(w), err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(s.chunks, "")
}

func TestStepLogKeepsTextAndColours(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n":                              "plain\n",
		"a\r\nb\n":                             "a\nb\n",
		"10%\r50%\r100%\r\r\ndone":             "10%\n50%\n100%\ndone",
		"\x1b[1;31mred\x1b[0m\n":               "\x1b[1;31mred\x1b[0m\n",
		"\x1b[38:5:196mred\x1b[m":              "\x1b[38:5:196mred\x1b[m",
		"\x1b[2J\x1b[Hcleared":                 "cleared",
		"\x1b]0;title\x07text":                 "text",
		"\x1b]8;;http://evil\x1b\\link":        "link",
		"\x1bPq#0\x1b\\sixel":                  "sixel",
		"\x1b[?1049hscreen":                    "screen",
		"\x1bcreset":                           "reset",
		"\u009b31mC1":                          "31mC1",
		"bell\a, back\b, null\x00, delete\x7f": "bell, back, null, delete",
		"broken \xff\xfe\n":                    "broken ?\n",
		"lone \x1b":                            "lone ",
		"tab\tand snow\u2603\n":                "tab\tand snow\u2603\n",
	} {
		if got := logged(t, &shelf{}, in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestStepLogIsBounded(t *testing.T) {
	for _, text := range []string{"x", "\u2603", "line\n", "\xff\n"} {
		s := &shelf{}
		one := strings.Repeat(text, (1<<20)/len(text)+1)
		got := logged(t, s, one, one, one, one, one, one, one, one, one, one)
		kept, mark, found := strings.Cut(got, "\n[the output goes on")
		if !found || len(kept) > maxStepLog || len(kept) < maxStepLog-utf8.UTFMax || strings.Contains(mark, "[") {
			t.Errorf("%q: %d bytes kept, then %q", text, len(kept), mark)
		}
		if !strings.HasPrefix(strings.Repeat(strings.ToValidUTF8(text, "?"), maxStepLog), kept) {
			t.Errorf("%q: what is kept is not what came", text)
		}
		for _, chunk := range s.chunks {
			if len(chunk) > flushBytes {
				t.Errorf("a chunk has %d bytes", len(chunk))
			}
		}
	}
}

func TestStepLogWaitsForItsLedger(t *testing.T) {
	s := &shelf{away: 1}
	if got := logged(t, s, strings.Repeat("a", flushBytes-1)+"\n", "b\n"); !strings.HasSuffix(got, "a\nb\n") || len(got) != flushBytes+2 {
		t.Errorf("%d bytes arrived", len(got))
	}
}

func FuzzStepLog(f *testing.F) {
	f.Add("plain\n", "\x1b[31mred\x1b[0m")
	f.Add("\x1b", "[31m")
	f.Add("\xe2\x98", "\x83\x1b]0;x")
	f.Fuzz(func(t *testing.T, a, b string) {
		got := logged(t, &shelf{}, a, b)
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
		rest := regexp.MustCompile("\x1b\\[[0-9;:]*m").ReplaceAllString(got, "")
		if i := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
			t.Errorf("%q gives %q, with a control character", a+b, got)
		}
	})
}
