package sandbox_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/sandbox"
)

// TestMeasure counts what lies below a directory once, goes through no link, and
// says where most of it is.
func TestMeasure(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	block := make([]byte, 1<<20)
	err := errors.Join(
		os.MkdirAll(deep, 0o755), os.MkdirAll(filepath.Join(dir, "c"), 0o755),
		os.WriteFile(filepath.Join(deep, "one"), block, 0o644), os.WriteFile(filepath.Join(deep, "two"), block, 0o644),
		os.WriteFile(filepath.Join(dir, "c", "three"), block, 0o644), os.WriteFile(filepath.Join(other, "four"), block, 0o644),
		os.Link(filepath.Join(deep, "one"), filepath.Join(deep, "again")), os.Symlink(other, filepath.Join(dir, "elsewhere")),
	)
	if err != nil {
		t.Fatal(err)
	}
	got := sandbox.Measure(t.Context(), dir)
	if got.Bytes < 3<<20 || got.Bytes >= 4<<20 || got.Most != deep {
		t.Errorf("%d bytes, most of it in %s", got.Bytes, got.Most)
	}
	if err := os.Truncate(filepath.Join(dir, "c", "three"), 1<<40); err != nil {
		t.Fatal(err)
	}
	if again := sandbox.Measure(t.Context(), dir); got.Claimed != 4<<20 || again.Claimed != 1<<40+3<<20 || again.Bytes >= 4<<20 {
		t.Errorf("copies would take %d bytes, and with a file of holes %d", got.Claimed, again.Claimed)
	}
	if got := sandbox.Measure(t.Context(), filepath.Join(dir, "elsewhere")); got.Bytes != 0 {
		t.Errorf("a link was gone through: %+v", got)
	}
}

// TestMeasureSaysWhatIsHidden: a directory that nobody can look into is no way to
// keep what isn't counted without its being known.
func TestMeasureSaysWhatIsHidden(t *testing.T) {
	dir := t.TempDir()
	if got := sandbox.Measure(t.Context(), dir); got.Hidden != "" {
		t.Errorf("nothing is hidden: %+v", got)
	}
	if os.Geteuid() != 0 { // root looks into everything
		for name, mode := range map[string]os.FileMode{"closed": 0, "listed": 0o400} {
			closed := filepath.Join(dir, name)
			if err := errors.Join(os.Mkdir(closed, 0o700), os.WriteFile(filepath.Join(closed, "f"), make([]byte, 1<<20), 0o600), os.Chmod(closed, mode)); err != nil {
				t.Fatal(err)
			}
			got := sandbox.Measure(t.Context(), dir)
			if err := os.RemoveAll(closed); err != nil {
				_ = os.Chmod(closed, 0o700) // #nosec G302 -- so that it can be removed
				_ = os.RemoveAll(closed)
			}
			if got.Hidden != closed {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
	// Deeper than a path may be long.
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		name := strings.Repeat("d", 250)
		if err := root.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
		inner, err := root.OpenRoot(name)
		_ = root.Close()
		if err != nil {
			t.Fatal(err)
		}
		root = inner
	}
	if err := errors.Join(root.WriteFile("f", make([]byte, 1<<20), 0o600), root.Close()); err != nil {
		t.Fatal(err)
	}
	if got := sandbox.Measure(t.Context(), dir); !strings.HasPrefix(got.Hidden, dir+"/ddd") {
		t.Errorf("too deep: %d bytes, hidden: %.80q", got.Bytes, got.Hidden)
	}
}

// TestMaxFile holds each file of a confined command to its bound, at once.
func TestMaxFile(t *testing.T) {
	dir := t.TempDir()
	result, err := sandbox.Run(t.Context(), sandbox.Command{
		Args: []string{"/bin/sh", "-c", "head -c 3000000 /dev/zero >large"}, Dir: dir, Env: sandbox.Environment(dir, nil, nil), MaxFile: 1 << 20,
		Confinement: &sandbox.Confinement{Write: []string{dir}},
	}, io.Discard)
	info, failed := os.Stat(filepath.Join(dir, "large"))
	if err != nil || failed != nil || result.OK() || info.Size() != 1<<20 {
		t.Errorf("%+v %v; the file: %v %v", result, err, info, failed)
	}
}
