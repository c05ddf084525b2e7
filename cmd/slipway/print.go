package main

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

// json prints an answer of the API as it came, indented.
func (a *app) json(body []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(body), "", "  "); err != nil {
		return slipway.Wrap(slipway.Internal, err, "the platform's answer is not JSON")
	}
	out.WriteByte('\n')
	_, err := a.stdout.Write(out.Bytes())
	return err
}

// table prints aligned columns. Cells are cleaned: what comes from a
// repository doesn't move the cursor.
func (a *app) table(head []string, rows [][]string) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(head, "\t")))
	for _, row := range rows {
		for i := range row {
			row[i] = clean(row[i])
			if row[i] == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// facts prints names and values, leaving out what is empty.
func (a *app) facts(pairs ...string) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", pairs[i], clean(pairs[i+1]))
		}
	}
	return w.Flush()
}

// clean replaces control characters by spaces.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// cleanLine keeps a log line's tabs and drops what would steer the terminal.
func cleanLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// terminal tells whether w is one.
func terminal(w any) bool {
	if shown, ok := w.(*slipway.VisibleWriter); ok {
		w = shown.To
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// style colours text on a terminal.
type style struct{ on bool }

// style is how text looks where it is written: without colours unless a terminal shows them.
func (a *app) style(w io.Writer) style {
	return style{terminal(w) && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb"}
}

// paint gives text the colour of a terminal's code.
func (s style) paint(code, text string) string {
	if !s.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// good is how text looks that says all is well.
func (s style) good(text string) string { return s.paint("32", text) }

// bad is how text looks that says something is wrong.
func (s style) bad(text string) string { return s.paint("31", text) }

// dim is how text looks that matters less.
func (s style) dim(text string) string { return s.paint("2", text) }

// ago says how long something is past, in the largest unit that says enough.
func ago(t time.Time) string {
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

// roughly is a time that is not over, to what matters of it.
func roughly(d time.Duration) string {
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

// lasted says how long something took.
func lasted(from, to time.Time) string {
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

// number is "" for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// short is as much of an identifier as people compare.
func short(id string) string { return id[:min(len(id), 10)] }

// given is nil for what was not given, so that it is left out of a request.
func given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// raw is standard output for what programs read, byte by byte. On a terminal it is
// people who read, and what another program has printed can't hide there. done
// passes on the last line.
func (a *app) raw() (out io.Writer, done func()) {
	w := a.stdout
	if shown, ok := w.(*slipway.VisibleWriter); ok {
		w = shown.To
	}
	return outputOf(w)
}

// outputOf is where the output of other programs goes: a terminal shows all of it.
func outputOf(w io.Writer) (out io.Writer, done func()) {
	if !terminal(w) {
		return w, func() {}
	}
	seen := &slipway.TerminalWriter{To: w}
	return seen, func() { _ = seen.Flush() }
}

// counted says how many of something there are.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
