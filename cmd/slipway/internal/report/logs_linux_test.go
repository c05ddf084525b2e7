package report

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
	"github.com/slipway-dev/slipway/internal/layertest"
)

// TestOutputOnATerminal has a service print what would hide on a terminal, and
// what a pipe gets as it is.
func TestOutputOnATerminal(t *testing.T) {
	const hostile = "web.1 | \x1b[8mhidden \u202egnp.exe\x1b[31m red\n"
	screen, typed := openTerminal(t)
	pipe, into, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer into.Close()
	for _, c := range []struct {
		to, from *os.File
		want     string
	}{
		{typed, screen, "web.1 | hidden U+202Egnp.exe\x1b[31m red\x1b[0m\n"},
		{into, pipe, hostile},
	} {
		for _, a := range []*cli.App{{Stdout: c.to}, {Stdout: &slipway.VisibleWriter{To: c.to}}} {
			if _, err := (&LogsCommand{}).print(a, strings.NewReader(hostile)); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(c.from).ReadString('\n')
			if got := strings.ReplaceAll(line, "\r\n", "\n"); err != nil || got != c.want {
				t.Errorf("%q, not %q: %v", got, c.want, err)
			}
		}
	}
}

// openTerminal is a terminal: what is written to typed comes out of screen.
func openTerminal(t *testing.T) (screen, typed *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	layertest.Needs(t, err == nil, "terminals (/dev/ptmx)")
	t.Cleanup(func() { _ = screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	typed, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = typed.Close() })
	return screen, typed
}
