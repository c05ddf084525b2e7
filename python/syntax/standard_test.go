package syntax

import (
	"os/exec"
	"strings"
	"testing"
)

// TestStandardModules asks the Python of this machine for its own list.
func TestStandardModules(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "python3", "-c", "import sys; print(*sys.stdlib_module_names)").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if !strings.HasPrefix(name, "_") && !StandardModules[name] {
			t.Errorf("%s is a module of the standard library", name)
		}
	}
}
