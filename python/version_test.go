package python

import (
	"strings"
	"testing"
)

// The expected sets and the order were computed with Python's packaging.
func TestSpecifiers(t *testing.T) {
	versions := []string{"3.9.18", "3.10.13", "3.11.7", "3.12", "3.12.1", "3.13.0", "4.0"}
	for _, c := range []struct{ spec, want string }{
		{">=3.11", "3.11.7 3.12 3.12.1 3.13.0 4.0"},
		{"<3.13", "3.9.18 3.10.13 3.11.7 3.12 3.12.1"},
		{"~=3.10", "3.10.13 3.11.7 3.12 3.12.1 3.13.0"},
		{"~=3.10.2", "3.10.13"},
		{"==3.12.*", "3.12 3.12.1"},
		{"!=3.12.*", "3.9.18 3.10.13 3.11.7 3.13.0 4.0"},
		{"==3.12", "3.12"},
		{">3.11", "3.11.7 3.12 3.12.1 3.13.0 4.0"},
		{"<=3.12", "3.9.18 3.10.13 3.11.7 3.12"},
		{"!=3.11.7", "3.9.18 3.10.13 3.12 3.12.1 3.13.0 4.0"},
		{">=3.9,<4", "3.9.18 3.10.13 3.11.7 3.12 3.12.1 3.13.0"},
		{"===3.12.1", "3.12.1"},
		{"^3.10", "3.10.13 3.11.7 3.12 3.12.1 3.13.0"}, // Poetry's own, from here on
		{"~3.12", "3.12 3.12.1"},
		{"3.12.*", "3.12 3.12.1"},
		{">=3.9 <3.11 || ^4", "3.9.18 3.10.13 4.0"},
		{"*", strings.Join(versions, " ")},
	} {
		set, err := parseSpecifiers(c.spec)
		if err != nil {
			t.Errorf("%s: %v", c.spec, err)
			continue
		}
		var got []string
		for _, v := range versions {
			if parsed, ok := parseVersion(v); ok && set.contains(parsed) {
				got = append(got, v)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s admits %v, want %s", c.spec, got, c.want)
		}
	}
}

func TestVersionOrder(t *testing.T) {
	order := []string{"1.0.dev1", "1.0a1.dev2", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0+local.1", "1.0.post1.dev3", "1.0.post1", "1.1", "1!0.1"}
	for i := range order {
		for j := range order {
			a, _ := parseVersion(order[i])
			b, _ := parseVersion(order[j])
			if got := a.compare(b); got != sign(i-j) {
				t.Errorf("compare(%s, %s) = %d", order[i], order[j], got)
			}
		}
	}
}

// The text is what Python 3.11 prints.
func TestPythonJSON(t *testing.T) {
	got, err := pythonJSON(map[string]any{
		"b": []any{int64(1), 2.0, 1e16, 1e-5, 0.1, true, nil},
		"ä": "é\U0001f600\x7f\"\\\n\x01",
		"a": map[string]any{},
	}, false)
	want := `{"a": {}, "b": [1, 2.0, 1e+16, 1e-05, 0.1, true, null], "\u00e4": "\u00e9\ud83d\ude00\u007f\"\\\n\u0001"}`
	if err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}
