package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// TestWaitNoLonger gives up looking, and says that the promotion goes on.
func TestWaitNoLonger(t *testing.T) {
	w := apitest.New(t)
	w.Hold = make(chan struct{})
	env := map[string]string{"HOME": t.TempDir(), "SLIPWAY_TOKEN": w.Token}
	slipway := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(t.Context(), append(args, "--server", w.URL), strings.NewReader(""), &out, &out, func(k string) string { return env[k] })
		return code, out.String()
	}
	if code, out := slipway("service", "add", "https://git.example.com/billing.git"); code != 0 {
		t.Fatal(out)
	}
	for _, how := range []string{"--wait", "--follow"} {
		args := []string{"promote", "billing", how, "--timeout", "300ms"}
		if how == "--follow" {
			args = []string{"promotion", "show", "1", how, "--timeout", "300ms"}
		}
		if code, out := slipway(args...); code != cli.ExitError || !strings.Contains(out, "promotion 1 has not ended within 300ms, and goes on; look at it with: slipway promotion show 1") {
			t.Errorf("%s: exit %d\n%s", how, code, out)
		}
	}
	close(w.Hold)
	if code, out := slipway("promotion", "show", "1", "--wait", "--timeout", "1m"); code != 0 || !strings.Contains(out, "Succeeded") {
		t.Errorf("exit %d\n%s", code, out)
	}
}
