package parts

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Span is text of one look; the look is a class of the stylesheet.
type Span struct{ Class, Text string }

// colours are the classes of the colours that programs print with, 0 to 7:
// black, red, green, yellow, blue, magenta, cyan, white.
var colours = [8]string{"f", "r", "g", "y", "b", "m", "c", ""}

// MaxLine bounds what is shown of one line; the download has all of it.
const MaxLine = 8 << 10

// Spans turns a line of output into what a page shows: colours become classes,
// every other command to a terminal disappears. A line that was written over,
// as progress bars are, shows what was written last.
func Spans(line string) []Span {
	line = strings.TrimRight(line, "\r")
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	if len(line) > MaxLine {
		line = strings.ToValidUTF8(line[:MaxLine], "") + " …"
	}
	var out []Span
	class, bold := "", false
	add := func(text string) {
		if text == "" {
			return
		}
		look := class
		if bold {
			look = strings.TrimSpace(look + " s")
		}
		out = append(out, Span{look, strings.Map(visible, text)})
	}
	for {
		i := strings.IndexByte(line, 0x1b)
		if i < 0 {
			add(line)
			return out
		}
		add(line[:i])
		var codes string
		codes, line = command(line[i+1:])
		for code := range strings.SplitSeq(codes, ";") {
			switch n, _ := strconv.Atoi(code); {
			case codes == "-":
			case n == 0:
				class, bold = "", false
			case n == 1:
				bold = true
			case n == 2:
				class = "f"
			case n == 22:
				bold = false
			case n == 39:
				class = ""
			case n >= 30 && n <= 37:
				class = colours[n-30]
			case n >= 90 && n <= 97:
				class = colours[n-90]
			}
		}
	}
}

// command reads a terminal's command behind its escape character: the codes of
// one that changes the look, "-" for any other, and what follows it.
func command(s string) (codes, rest string) {
	if s == "" {
		return "-", ""
	}
	switch s[0] {
	case '[':
		for i := 1; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				if s[i] == 'm' && !strings.ContainsAny(s[1:i], "<=>?") {
					return wholeColours(s[1:i]), s[i+1:]
				}
				return "-", s[i+1:]
			}
		}
		return "-", ""
	case ']', 'P', '_', '^', 'X': // a title, a link: until a bell or a string's end
		if i := strings.IndexAny(s, "\a\x1b"); i >= 0 {
			rest = s[i+1:]
			if s[i] == 0x1b {
				rest = strings.TrimPrefix(rest, "\\")
			}
			return "-", rest
		}
		return "-", ""
	}
	return "-", s[1:]
}

// wholeColours leaves out colours by number or by red, green and blue: their
// parts would be read as codes of their own.
func wholeColours(codes string) string {
	if strings.HasPrefix(codes, "38;") || strings.HasPrefix(codes, "48;") {
		return "-"
	}
	return codes
}

// visible drops what a page can't show and what would turn its text around.
func visible(c rune) rune {
	switch {
	case c == '\t':
		return c
	case c < 0x20, c == 0x7f, c >= 0x80 && c < 0xa0, c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069:
		return -1
	}
	return c
}

// Plain is a line without what is a command to a terminal, for searching.
func Plain(line string) string { return string(appendBare(nil, line)) }

func appendBare(b []byte, line string) []byte {
	for {
		i := strings.IndexByte(line, 0x1b)
		if i < 0 {
			return append(b, line...)
		}
		b = append(b, line[:i]...)
		_, line = command(line[i+1:])
	}
}

// Lowered appends lines to b as a search compares them: bare, in lower case,
// each with a line's end.
func Lowered(b []byte, text string) []byte {
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		from, plain := len(b), true
		b = appendBare(b, line)
		for i := from; i < len(b); i++ {
			switch c := b[i]; {
			case c >= utf8.RuneSelf:
				plain = false
			case c >= 'A' && c <= 'Z':
				b[i] = c + 'a' - 'A'
			}
		}
		if !plain {
			b = append(b[:from], bytes.ToLower(b[from:])...)
		}
		b = append(b, '\n')
	}
	return b
}
