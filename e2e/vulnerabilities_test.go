package e2e

import (
	"os/exec"
	"testing"
)

// TestNoUnexplainedVulnerabilities holds the binary under test to the list of
// known vulnerabilities and to .ci/vulnerabilities.txt. It fails, and says so,
// where no list can be had either: not to know is no pass.
func TestNoUnexplainedVulnerabilities(t *testing.T) {
	out, err := exec.Command("../.ci/vulncheck", binary).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
