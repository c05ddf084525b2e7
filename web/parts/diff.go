package parts

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/web/words"
)

// DiffLine is a line of a difference: "a" added, "d" removed,
// "c" around them, "h" a heading.
type DiffLine struct{ Kind, Text string }

// ConfigDiff writes config changes as lines.
func ConfigDiff(changes []slipway.ConfigChange) (lines []DiffLine) {
	line := func(kind, text string) { lines = append(lines, DiffLine{kind, text}) }
	headed := false
	for _, ch := range changes {
		if ch.File {
			line("h", ch.Key)
			for _, l := range textDiff(ch.From, ch.To) {
				lines = append(lines, l)
			}
			continue
		}
		if !headed {
			line("h", "environment")
			headed = true
		}
		shown := func(value string) string {
			if ch.Secret {
				return ch.Key + "=(" + value + ")"
			}
			return ch.Key + "=" + strings.ReplaceAll(value, "\n", `\n`)
		}
		if ch.Loads != "" {
			line("h", ch.Key+" decides which code runs: it "+ch.Loads)
		}
		if !ch.Added {
			line("d", shown(ch.From))
		}
		if !ch.Gone {
			line("a", shown(ch.To))
		}
	}
	return lines
}

const (
	maxDiff   = 2000    // lines of a file that are shown as added, or as removed
	maxCells  = 250_000 // pairs of lines that are compared to find what both have
	aroundOne = 2       // equal lines that are shown around one that differs
)

// textDiff compares two texts line by line. Of what both have, only lines
// around a difference are shown.
func textDiff(was, is string) (lines []DiffLine) {
	split := func(text string) []string {
		if text == "" {
			return nil
		}
		return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	}
	a, b := split(was), split(is)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	add := func(kind string, list []string) {
		for _, l := range list {
			lines = append(lines, DiffLine{kind, l})
		}
	}
	add("c", a[max(0, head-aroundOne):head])
	from, to := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(from)*len(to) > maxCells {
		add("d", from[:min(maxDiff, len(from))])
		add("a", to[:min(maxDiff, len(to))])
	} else {
		lines = append(lines, folded(aligned(from, to))...)
	}
	add("c", a[len(a)-tail:][:min(aroundOne, tail)])
	return lines
}

// aligned finds the most lines that both have in the same order.
func aligned(a, b []string) (lines []DiffLine) {
	width := len(b) + 1
	longest := make([]int, (len(a)+1)*width) // of what is left of both
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			lines = append(lines, DiffLine{"c", a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[(i+1)*width+j] >= longest[i*width+j+1]:
			lines = append(lines, DiffLine{"d", a[i]})
			i++
		default:
			lines = append(lines, DiffLine{"a", b[j]})
			j++
		}
	}
	return lines
}

// folded leaves out equal lines that are far from any difference.
func folded(lines []DiffLine) (out []DiffLine) {
	for i := 0; i < len(lines); {
		end := i
		for end < len(lines) && lines[end].Kind == "c" {
			end++
		}
		if equal := end - i; equal > 2*aroundOne+1 {
			out = slices.Concat(out, lines[i:i+aroundOne], []DiffLine{{"h", words.Plural(equal-2*aroundOne, "equal line")}}, lines[end-aroundOne:end])
		} else {
			out = append(out, lines[i:end]...)
		}
		for i = end; i < len(lines) && lines[i].Kind != "c"; i++ {
			out = append(out, lines[i])
		}
	}
	return out
}
