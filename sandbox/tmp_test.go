package sandbox_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/internal/layertest"
	"github.com/slipway-dev/slipway/sandbox"
)

// TestTmpOfItsOwn: what outlives its caller finds the directory that it was given at /tmp,
// and nothing of the machine's; a link in it leads to what it may write to.
func TestTmpOfItsOwn(t *testing.T) {
	layertest.Needs(t, sandbox.Mounts(), "mounts of one's own")
	p := newPlace(t)
	c := p.confinement()
	c.Tmp = filepath.Join(p.own, "tmp")
	mine, err := os.MkdirTemp("/tmp", "slipway-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(mine)
	if err := os.Symlink(filepath.Join(p.own, "kept"), filepath.Join(c.Tmp, "link")); err != nil {
		t.Fatal(err)
	}
	if out, code := p.confined(t, c, `test ! -e `+mine+` && echo x > /tmp/file && echo y > /var/tmp/link && test -s /tmp/link`); code != 0 {
		t.Error(out)
	}
	for name, want := range map[string]string{"tmp/file": "x\n", "kept": "y\n"} {
		if text, err := os.ReadFile(filepath.Join(p.own, name)); err != nil || string(text) != want {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
	if _, err := os.Stat("/tmp/file"); err == nil {
		t.Error("it lies in the machine's /tmp")
	}
}
