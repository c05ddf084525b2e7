package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"golang.org/x/term"

	"github.com/slipway-dev/slipway"
)

// PrintAnswer prints an answer of the API as it came, indented.
func (a *App) PrintAnswer(body []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(body), "", "  "); err != nil {
		return slipway.Wrap(slipway.Internal, err, "the platform's answer is not JSON")
	}
	out.WriteByte('\n')
	_, err := a.Stdout.Write(out.Bytes())
	return err
}

// Table prints aligned columns. Cells are cleaned: what comes from a
// repository doesn't move the cursor.
func (a *App) Table(head []string, rows [][]string) error {
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(head, "\t")))
	for _, row := range rows {
		for i := range row {
			row[i] = Clean(row[i])
			if row[i] == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// Facts prints names and values, leaving out what is empty.
func (a *App) Facts(pairs ...string) error {
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", pairs[i], Clean(pairs[i+1]))
		}
	}
	return w.Flush()
}

// Clean replaces control characters by spaces.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// CleanLine keeps a log line's tabs and drops what would steer the terminal.
func CleanLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// IsTerminal tells whether w is one.
func IsTerminal(w any) bool {
	if shown, ok := w.(*slipway.VisibleWriter); ok {
		w = shown.To
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Style colours text on a terminal.
type Style struct{ on bool }

// Style is how text looks where it is written: without colours unless a terminal shows them.
func (a *App) Style(w io.Writer) Style {
	return Style{IsTerminal(w) && a.Env("NO_COLOR") == "" && a.Env("TERM") != "dumb"}
}

// Paint gives text the colour of a terminal's code.
func (s Style) Paint(code, text string) string {
	if !s.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Good is how text looks that says all is well.
func (s Style) Good(text string) string { return s.Paint("32", text) }

// Bad is how text looks that says something is wrong.
func (s Style) Bad(text string) string { return s.Paint("31", text) }

// Dim is how text looks that matters less.
func (s Style) Dim(text string) string { return s.Paint("2", text) }

// Ago says how long something is past, in the largest unit that says enough.
func Ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	switch d := time.Since(t); {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd ago", int(d.Hours()/24))
	}
}

// Roughly is a time that is not over, to what matters of it.
func Roughly(d time.Duration) string {
	switch minutes := int(d.Round(time.Minute).Minutes()); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case minutes < 60:
		return fmt.Sprintf("%dm", minutes)
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	case minutes%60 == 0:
		return fmt.Sprintf("%dh", minutes/60)
	default:
		return fmt.Sprintf("%dh%dm", minutes/60, minutes%60)
	}
}

// Lasted says how long something took.
func Lasted(from, to time.Time) string {
	if from.IsZero() || to.IsZero() {
		return ""
	}
	switch d := to.Sub(from); {
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

// Number is "" for 0.
func Number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// Short is as much of an identifier as people compare.
func Short(id string) string { return id[:min(len(id), 10)] }

// Given is nil for what was not given, so that it is left out of a request.
func Given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// Raw is standard output for what programs read, byte by byte. On a terminal it is
// people who read, and what another program has printed can't hide there. done
// passes on the last line.
func (a *App) Raw() (out io.Writer, done func()) {
	w := a.Stdout
	if shown, ok := w.(*slipway.VisibleWriter); ok {
		w = shown.To
	}
	return OutputOf(w)
}

// OutputOf is where the output of other programs goes: a terminal shows all of it.
func OutputOf(w io.Writer) (out io.Writer, done func()) {
	if !IsTerminal(w) {
		return w, func() {}
	}
	seen := &slipway.TerminalWriter{To: w}
	return seen, func() { _ = seen.Flush() }
}

// Counted says how many of something there are.
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
