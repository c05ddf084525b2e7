//go:build long

package python

import (
	"strings"
	"testing"
	"time"
)

// TestLongPortsInPlace starts every program of portPrograms at its pins.
func TestLongPortsInPlace(t *testing.T) {
	var all []string
	for _, c := range portPrograms {
		all = append(all, strings.Fields(c.requires)...)
	}
	bin := environmentOf(t, installedTool(t, "uv"), all)
	for _, c := range portPrograms {
		p, files := portProject(t, c.requires, c.serve)
		answersAtItsPort(t, p.Processes["web"], files, bin, 3*time.Minute)
	}
}
