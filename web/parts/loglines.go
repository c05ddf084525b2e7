package parts

import (
	"context"
	"strings"
)

// LogLine is a line of output with its number in the step's log.
type LogLine struct {
	N     int
	Spans []Span
	Hit   bool
}

// LinesOf splits a chunk, which holds whole lines.
func LinesOf(text string) []string {
	text = strings.TrimSuffix(text, "\n")
	return strings.Split(text, "\n")
}

// LogItems renders lines without numbers, which the page gives them.
func LogItems(ctx context.Context, text string) (string, error) {
	var html strings.Builder
	for _, line := range LinesOf(text) {
		if err := LogItem(LogLine{Spans: Spans(line)}).Render(ctx, NewShownText(&html)); err != nil {
			return "", err
		}
	}
	return html.String(), nil
}
