package report

import (
	"io"
	"strings"
	"testing"
)

// TestLinesOfInstances: what a service prints can't write on an operator's screen
// where it likes, or pass for another instance's line.
func TestLinesOfInstances(t *testing.T) {
	for in, want := range map[string]string{
		"web.1 | hello\n":                          "web.1 | hello\n",
		"web.1 | \x1b[2J\x1b[Hgone\n":              "web.1 | gone\n",
		"web.1 | \x1b[31mred\x1b[0m\n":             "web.1 | \x1b[31mred\x1b[0m\n",
		"web.1 | 10%\r50%\r100%\n":                 "web.1 | 10%\nweb.1 | 50%\nweb.1 | 100%\n",
		"web.1 | ok\rworker.1 | forged\n":          "web.1 | ok\nweb.1 | worker.1 | forged\n",
		"web.1 | a | b\nweb.2 | \x1b]0;title\x07c": "web.1 | a | b\nweb.2 | c",
		"no instance\x1b[A\n":                      "no instance\n",
	} {
		var out strings.Builder
		if n, err := io.WriteString(cleanLines{&out}, in); err != nil || n != len(in) || out.String() != want {
			t.Errorf("%q: %q (%d, %v), want %q", in, out.String(), n, err, want)
		}
	}
}
