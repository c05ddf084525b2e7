package slipway_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// What no process can be started with is known by its sum, and said with the largest.
func TestEnvironmentsHaveASize(t *testing.T) {
	values, sum := map[string]string{}, 0
	for i := range 16 {
		name := "KEY_" + strconv.Itoa(100+i)
		values[name] = strings.Repeat("x", slipway.MaxEnvironment/16-len(name)-10)
		sum += len(name) + len(values[name]) + 10
	}
	if sum != slipway.MaxEnvironment {
		t.Fatal(sum)
	}
	if err := slipway.CheckEnvironment("billing", "prod", maps.All(values)); err != nil {
		t.Error(err)
	}
	values["KEY_107"] += "x"
	err := slipway.CheckEnvironment("billing", "prod", maps.All(values))
	if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "the variables of billing in prod have 1572865 bytes, and a process can have at most 1572864; the largest is KEY_107") {
		t.Error(err)
	}
}
