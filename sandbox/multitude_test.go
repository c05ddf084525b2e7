package sandbox_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/layertest"
	"github.com/slipway-dev/slipway/sandbox"
)

// TestMultitude has a command start processes until it gets no more. Who isn't root is
// refused them by the kernel; TestAsAnotherUser runs this as such a user.
func TestMultitude(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the kernel holds nobody who is root; TestAsAnotherUser tries it")
	}
	layertest.Needs(t, sandbox.Mounts(), "mounts of one's own")
	p := newPlace(t)
	// Threads count as processes do, and cost less.
	script := `python3 -c '
import resource, threading
print("limit", resource.getrlimit(resource.RLIMIT_NPROC))
threading.stack_size(32768)
stop, n = threading.Event(), 0
try:
    while n < 6000:
        threading.Thread(target=stop.wait, daemon=True).start(); n += 1
except RuntimeError:
    print("refused after", n)
stop.set()
'`
	out, code := p.confined(t, p.confinement(), script)
	if code != 0 || !strings.Contains(out, "refused after") {
		t.Errorf("as a service: %d %s", code, out)
	}
	if out, r := p.held(t, p.confinement(), script); !r.OK() || !strings.Contains(out, "refused after") {
		t.Errorf("as a build: %+v %s", r, out)
	}
}

// TestMultitudeOfRoot: what the kernel doesn't count is counted by who watches.
func TestMultitudeOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the kernel holds who isn't root, see TestMultitude")
	}
	dir := t.TempDir()
	script := `i=0; while [ $i -lt 4400 ]; do sleep 60 & i=$((i+1)); done; wait`
	result, err := sandbox.Run(t.Context(), sandbox.Command{
		Args: []string{"/bin/sh", "-c", script}, Dir: dir, Env: sandbox.Environment(dir, nil, nil), MaxMemory: 64 << 30,
		Confinement: &sandbox.Confinement{Write: []string{dir}},
	}, io.Discard)
	if err != nil || !result.Multitude || result.OK() {
		t.Errorf("%+v %v", result, err)
	}
}
