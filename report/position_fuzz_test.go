package report

import (
	"testing"

	"github.com/slipway-dev/slipway"
)

// FuzzPosition: the id of an event is read as it is written, or not at all.
func FuzzPosition(f *testing.F) {
	for _, seed := range []string{"", "0.0", "12.7", "1", "1.", ".1", "-1.2", "+1.2", "01.2", "1.2.3", "1e3.1", "9223372036854775808.1", "x'; --", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parsePosition(text)
		if err != nil {
			if slipway.CodeOf(err) != slipway.Invalid {
				t.Fatal(err)
			}
			return
		}
		if again, err := parsePosition(at.String()); err != nil || again != at || at.event < 0 || at.chunk < 0 {
			t.Fatalf("%q is %+v, and back %+v: %v", text, at, again, err)
		}
	})
}
