package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAStartDoesNotReadTheProgram counts what a new process reads until an engine and a worker
// have started: less than the file of the program, of which the engine's client would take
// a sum.
func TestAStartDoesNotReadTheProgram(t *testing.T) {
	if os.Getenv("ENGINE_TEST_READS") == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestAStartDoesNotReadTheProgram$")
		child.Env = append(os.Environ(), "ENGINE_TEST_READS=1")
		if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	before := reads(t)
	e := start(t, filepath.Join(t.TempDir(), "temporal.db"))
	defer e.Stop()
	w := run(t, e.Client())
	defer w.Stop()
	if read := reads(t) - before; read >= program.Size() {
		t.Errorf("a start reads %d bytes; the program has %d", read, program.Size())
	}
}

// reads is how many bytes this process has read until now.
func reads(t *testing.T) (n int64) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(text), "rchar: %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}
