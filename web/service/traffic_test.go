package service

import "testing"

// TestOften says rates in a unit in which there is something to count.
func TestOften(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0 an hour", 1.0 / 1800: "2 an hour", 1.0 / 60: "1 a minute", 7.0 / 60: "7 a minute", 0.5: "30 a minute", 2.5 / 60: "2.5 a minute", 1: "1 a second", 12.34: "12.3 a second", 345.6: "346 a second",
	} {
		if got := often(v); got != want {
			t.Errorf("%g a second is said as %q, want %q", v, got, want)
		}
	}
}
