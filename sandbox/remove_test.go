package sandbox_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/sandbox"
)

// TestRemove: what code has closed to its own user goes, and what a link there leads to
// stays as it is.
func TestRemove(t *testing.T) {
	if os.Geteuid() == 0 { // whom no mode holds: as another user, by this program
		dir, err := os.MkdirTemp("", "slipway-remove-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		const nobody = 65534
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(dir, "test")
		if out, err := exec.Command("cp", program, copied).CombinedOutput(); err != nil {
			t.Fatalf("%s", out)
		}
		if err := os.Chmod(copied, 0o755); err != nil { // #nosec G302 -- another user runs it
			t.Fatal(err)
		}
		cmd := exec.Command(copied, "-test.run", "^TestRemove$")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("as user %d: %v\n%s", nobody, err, out)
		}
		return
	}
	dir, outside := filepath.Join(t.TempDir(), "work"), t.TempDir()
	if err := os.Chmod(outside, 0o500); err != nil { // #nosec G302 -- it isn't to be opened
		t.Fatal(err)
	}
	for k, mode := range []os.FileMode{0, 0o400, 0o100, 0o500} {
		inner := filepath.Join(dir, strconv.Itoa(k), "closed", "in", "it")
		if err := errors.Join(os.MkdirAll(inner, 0o700), os.WriteFile(filepath.Join(inner, "f"), nil, 0o400), os.Symlink(outside, filepath.Join(inner, "link"))); err != nil {
			t.Fatal(err)
		}
		for at := inner; at != filepath.Join(dir, strconv.Itoa(k)); at = filepath.Dir(at) {
			if err := os.Chmod(at, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	if err := sandbox.Remove(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if info, err := os.Stat(outside); err != nil || info.Mode().Perm() != 0o500 {
		t.Errorf("what a link leads to: %v %v", info, err)
	}
}
