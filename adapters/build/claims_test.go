package build

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestWhatCopiesWouldTake: a release of which each copy takes more than a build may keep
// is refused, however little it takes itself.
func TestWhatCopiesWouldTake(t *testing.T) {
	r := &run{Builder: &Builder{o: Options{MaxDisk: 1 << 20}}, log: io.Discard}
	for name, prepare := range map[string]func(dir string) error{
		"a hole": func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "f"), nil, 0o600), os.Truncate(filepath.Join(dir, "f"), 1<<40))
		},
		"many names": func(dir string) error {
			err := os.WriteFile(filepath.Join(dir, "f"), make([]byte, 1<<19), 0o600)
			return errors.Join(err, os.Link(filepath.Join(dir, "f"), filepath.Join(dir, "g")), os.Link(filepath.Join(dir, "f"), filepath.Join(dir, "h")))
		},
	} {
		dir := t.TempDir()
		if err := prepare(dir); err != nil {
			t.Fatal(err)
		}
		if err := r.claims(t.Context(), dir); slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "--build-disk") {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), make([]byte, 1<<19), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.claims(t.Context(), dir); err != nil {
		t.Error(err)
	}
}

// TestClosedDirectory: what a build has closed to its own user is its fault, and
// none of the machine, which would be asked again and again.
func TestClosedDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may look into everything; sandbox's TestRemove is run as another user")
	}
	dir := t.TempDir()
	closed := filepath.Join(dir, "closed")
	if err := errors.Join(os.Mkdir(closed, 0o700), os.WriteFile(filepath.Join(closed, "f"), nil, 0o600), os.Chmod(closed, 0)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(closed, 0o700) }) // #nosec G302 -- so that it can be removed
	if err := settle(dir); slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "closed") {
		t.Errorf("%v", err)
	}
}
