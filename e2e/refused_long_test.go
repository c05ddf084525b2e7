//go:build long

package e2e

import "testing"

// TestLongHundredKillsRefuseNobody counts what clients of the edge meet in a hundred kills of
// the node agent.
func TestLongHundredKillsRefuseNobody(t *testing.T) {
	s := newPlainSite(t)
	c := s.killAgents(100)
	t.Logf("100 kills of the agent: %s", c)
	if c.refused.Load() > 0 || c.other.Load() > 0 {
		t.Errorf("%s", c)
	}
}
