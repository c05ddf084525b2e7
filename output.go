package slipway

import (
	"regexp"
	"strings"
	"unicode"
)

// escape is a terminal's control sequence (ECMA-48): with parameters, a string
// up to its end, or a letter.
var escape = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)|[ -/]*[0-OQ-WYZ\\\\`-~])")

// returns are the ends of lines, and what goes back to their start.
var returns = regexp.MustCompile("\r+\n?")

// colour is the one kind that passes (SGR).
var colour = regexp.MustCompile("^\x1b\\[[0-9;:]*m$")

// CleanOutput keeps text, tabs, line ends and colours; a database, a page and a
// terminal should see nothing else of what a program prints. What moves to the
// start of its line, to draw progress over it, begins a new one. The result is never longer: a
// replacement character would make three bytes of one.
func CleanOutput(text string) string {
	text = returns.ReplaceAllString(strings.ToValidUTF8(text, "?"), "\n")
	var out strings.Builder
	at := 0
	for _, m := range escape.FindAllStringIndex(text, -1) {
		out.WriteString(printed(text[at:m[0]]))
		if colour.MatchString(text[m[0]:m[1]]) {
			out.WriteString(text[m[0]:m[1]])
		}
		at = m[1]
	}
	out.WriteString(printed(text[at:]))
	return out.String()
}

// WholeEscape tells whether bytes that begin with an escape hold its end.
func WholeEscape(p []byte) bool { return escape.Match(p) }

func printed(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}
