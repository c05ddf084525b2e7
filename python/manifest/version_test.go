package manifest

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
		set, err := ParseSpecifiers(c.spec)
		if err != nil {
			t.Errorf("%s: %v", c.spec, err)
			continue
		}
		var got []string
		for _, v := range versions {
			if parsed, ok := ParseVersion(v); ok && set.Contains(parsed) {
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
			a, _ := ParseVersion(order[i])
			b, _ := ParseVersion(order[j])
			if got := a.Compare(b); got != sign(i-j) {
				t.Errorf("compare(%s, %s) = %d", order[i], order[j], got)
			}
		}
	}
}
