package program

import (
	"testing"

	"github.com/slipway-dev/slipway/python/shell"
)

func TestInvokedInADirectory(t *testing.T) {
	if i, ok := Invoked(shell.Command("cd server && uwsgi --ini x")); !ok || i.Program != "uwsgi" || i.Line.Dir != "server" {
		t.Errorf("it starts %q in %q", i.Program, i.Line.Dir)
	}
}
