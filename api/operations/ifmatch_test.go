package operations

import (
	"slices"
	"strings"
	"testing"
)

// FuzzIfMatch: whatever stands in If-Match, only a strong tag or * lets a change through.
func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{"", "*", `"3"`, `W/"3"`, `"3", "4"`, `"3`, `"`, `""`, `,,`, `"a,b"`, "\"\x00\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		only := onlyIf(header)
		if slices.Contains(only, "3") && !strings.Contains(header, `"3"`) {
			t.Errorf("%q stands for revision 3", header)
		}
		if only == nil && strings.Trim(header, ", \t\r\n\v\f\u0085\u00a0") != "" && !strings.Contains(header, "*") && strings.ContainsAny(header, `"`) {
			t.Errorf("%q asks for nothing", header)
		}
		if back := onlyIf(tagged("3")); len(back) != 1 || back[0] != "3" {
			t.Errorf("a tag comes back as %q", back)
		}
	})
}
