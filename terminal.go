package slipway

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// shownColour tells whether a terminal gets a colour (a parameter of SGR) of what a
// program prints: bold, dim, italic and underlined are, and what can be read on any
// ground. Nothing conceals, swaps or blinks, and no ground is coloured, on which
// text could vanish.
func shownColour(n int) bool {
	return n >= 1 && n <= 4 || n >= 22 && n <= 24 || n >= 31 && n <= 36 || n == 39 || n >= 91 && n <= 96
}

// plain ends every colour.
const plain = "\x1b[0m"

// ForTerminal is a program's output as whoever reads it on a terminal sees all of
// it: cleaned (CleanOutput), with unseen signs shown as Visible does, few colours,
// and none that goes on in the next line.
func ForTerminal(text string) string {
	var out strings.Builder
	for line := range strings.Lines(CleanOutput(text)) {
		line, end := strings.CutSuffix(line, "\n")
		coloured, at := false, 0
		for _, m := range escape.FindAllStringIndex(line, -1) {
			out.WriteString(Visible(line[at:m[0]]))
			at = m[1]
			sequence := readable(line[m[0]:m[1]])
			out.WriteString(sequence)
			coloured = sequence != plain && (coloured || sequence != "")
		}
		out.WriteString(Visible(line[at:]))
		if coloured {
			out.WriteString(plain)
		}
		if end {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// readable is a colour (SGR) with nothing but shownColours; "" when none is left.
// Whatever it resets, it resets all.
func readable(sequence string) string {
	var kept []string
	parameters := strings.Split(strings.TrimSuffix(strings.TrimPrefix(sequence, "\x1b["), "m"), ";")
	for i := 0; i < len(parameters); i++ {
		n, err := strconv.Atoi(parameters[i])
		switch {
		case parameters[i] == "", err == nil && n == 0:
			kept = []string{"0"}
		case n == 38 || n == 48 || n == 58: // a colour of many, by number or by its parts
			i += skipped(parameters[i+1:])
		case err == nil && shownColour(n):
			kept = append(kept, strconv.Itoa(n))
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return "\x1b[" + strings.Join(kept, ";") + "m"
}

func skipped(rest []string) int {
	switch {
	case len(rest) > 0 && rest[0] == "5":
		return 2
	case len(rest) > 0 && rest[0] == "2":
		return 4
	}
	return len(rest)
}

// maxHeld is how much of a line a TerminalWriter holds until its end comes.
const maxHeld = 64 << 10

// TerminalWriter passes on a program's output as ForTerminal shows it, in whole
// lines as far as they aren't too long. Flush passes on a last one without an end.
type TerminalWriter struct {
	To   io.Writer
	rest []byte
}

// Write passes on the lines that are whole.
func (w *TerminalWriter) Write(p []byte) (int, error) {
	text := append(w.rest, p...)
	whole := bytes.LastIndexByte(text, '\n') + 1
	if len(text)-whole > maxHeld {
		whole = len(text)
		for back := 1; back <= utf8.UTFMax && back < len(text); back++ {
			if utf8.RuneStart(text[len(text)-back]) {
				if !utf8.FullRune(text[len(text)-back:]) {
					whole = len(text) - back
				}
				break
			}
		}
		if i := bytes.LastIndexByte(text, 0x1b); i > 0 && len(text)-i < 32 && !WholeEscape(text[i:]) {
			whole = i
		}
	}
	if whole == 0 {
		w.rest = text
		return len(p), nil
	}
	w.rest = slices.Clone(text[whole:])
	if _, err := io.WriteString(w.To, ForTerminal(string(text[:whole]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush passes on what is left.
func (w *TerminalWriter) Flush() error {
	_, err := io.WriteString(w.To, ForTerminal(string(w.rest)))
	w.rest = nil
	return err
}
