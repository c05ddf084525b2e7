package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReleaseCommandNotBegun kills the agent between its word that a command begins and
// the command: it has not run, which the next agent knows, so that it runs then.
func TestReleaseCommandNotBegun(t *testing.T) {
	b := emptyBench(t)
	between := 0
	for i := range 8 {
		b.spawn()
		d := b.deployment(i+1, fmt.Sprint("word", i), nil)
		answered := make(chan error, 1)
		go func() { _, err := b.released(d); answered <- err }()
		b.eventually("it is about to begin", func() bool {
			for n := range 200 { // the moment is short
				if n > 0 {
					<-time.After(100 * time.Microsecond)
				}
				text, _ := os.ReadFile(filepath.Join(b.data, "node", "state", d.Service+"."+d.Environment+".json"))
				if strings.Contains(string(text), fmt.Sprintf("%q:{\"ended\":false", d.ID)) {
					return true
				}
			}
			return false
		})
		b.killed()
		<-answered
		if len(b.alive("release", fmt.Sprint("word", i))) == 0 {
			between++
		}
		b.spawn()
		if log, err := b.released(d); err != nil {
			t.Errorf("%v\n%s", err, log)
		}
		starts := 0
		for _, line := range b.noted("starts") {
			if strings.HasPrefix(line, fmt.Sprintf("release word%d", i)) {
				starts++
			}
		}
		if starts != 1 {
			t.Errorf("the command was started %d times: %v", starts, b.noted("starts"))
		}
		if i < 7 {
			b.killed()
		}
	}
	t.Logf("%d of 8 were killed in between", between)
}
