// Package words is how the portal says things: states and steps, times and amounts,
// and the addresses of pages. It knows no request and draws nothing.
package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
)

// Tone is how a state looks: ok, bad, wait, run or idle.
type Tone string

// State is a word with a sign, never a colour alone.
type State struct {
	Tone Tone
	Word string
	Icon string
	Hint string // the whole sentence, where the word is short for one
}

// Toned is a word in a tone, with the sign that goes with it.
func Toned(t Tone, word string) State {
	icons := map[Tone]string{"ok": "check", "bad": "cross", "wait": "clock", "run": "spin", "idle": "dash"}
	return State{Tone: t, Word: word, Icon: icons[t]}
}

// CommitWords is a commit, and by which name it was found.
func CommitWords(c slipway.Commit) string {
	if c.Ref == "" || strings.HasPrefix(c.ID, c.Ref) {
		return ShortCommit(c.ID)
	}
	return c.Ref + " at " + ShortCommit(c.ID)
}

// TestWords says how the tests of a release went.
func TestWords(t *slipway.TestReport) string {
	switch {
	case t != nil && t.Verdict == slipway.TestsFailed && t.Failed+t.Errors == 0:
		return "Could not run"
	case t != nil && t.Verdict == slipway.TestsSkipped:
		return "Skipped by its owner"
	case t == nil || t.Verdict == slipway.TestsNone || t.Command == "" && t.Total == 0:
		return "No tests"
	case t.Verdict == slipway.TestsPassed && t.Total == 0:
		return "Passed, not counted"
	}
	if bad := t.Failed + t.Errors; bad > 0 {
		return fmt.Sprintf("%d of %d failed", bad, t.Total)
	}
	text := fmt.Sprintf("%d passed", t.Passed)
	if t.Skipped > 0 {
		text += fmt.Sprintf(", %d skipped", t.Skipped)
	}
	return text
}

// ShortCommit is a commit in as many signs as people look at.
func ShortCommit(commit string) string { return commit[:min(len(commit), 7)] }

// ShortDigest is a digest in as many signs as people look at, without its kind.
func ShortDigest(d string) string {
	d = strings.TrimPrefix(d, "sha256:")
	return d[:min(len(d), 12)]
}

// Capital begins a sentence; the name of a file, or of a key, stays as it is.
func Capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	first, _, _ := strings.Cut(s, " ")
	if n == 0 || strings.ContainsAny(strings.TrimRight(first, ".,:;"), "./_=") {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// Plural counts things.
func Plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if stem, ok := strings.CutSuffix(one, "ry"); ok {
		return fmt.Sprintf("%d %sries", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Duration says how long in the largest two units.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return two(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	case d < 24*time.Hour:
		return two(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return two(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
}

func two(a int, first string, b int, second string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, first)
	}
	return fmt.Sprintf("%d %s %d %s", a, first, b, second)
}

// Ago says how long something is past, or still off, in the largest unit.
func Ago(t time.Time) string {
	d := time.Since(t)
	if d < 0 {
		d = -d
	}
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours())/24)
}

// Took is how long a step or a promotion has run, "" before it began.
func Took(began, ended *time.Time) string {
	switch {
	case began == nil:
		return ""
	case ended == nil:
		return Duration(time.Since(*began).Round(time.Second))
	}
	return Duration(ended.Sub(*began))
}

// Bytes says how much that is, in the largest unit of which there is one.
func Bytes(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.0f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

// Number is a number in digits.
func Number(n int) string { return strconv.Itoa(n) }

// FirstEnvironment is where a path begins, also before there is one.
func FirstEnvironment(list []*ent.Environment) string {
	if len(list) == 0 {
		return "its first environment"
	}
	return list[0].Name
}

// FileLine is a place in a file; a line of 0 is not known.
func FileLine(file string, line int) string {
	if line > 0 {
		return file + ":" + strconv.Itoa(line)
	}
	return file
}

// Clip shortens a text for where there is little room.
func Clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

// Milliseconds says how long a request took.
func Milliseconds(ms float64) string { return strconv.FormatFloat(ms, 'f', 1, 64) + " ms" }

// Percent says a share of 1.
func Percent(f float64) string { return strconv.FormatFloat(100*f, 'f', 1, 64) + " %" }
