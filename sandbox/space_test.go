package sandbox_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
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
	if got := sandbox.Measure(t.Context(), filepath.Join(dir, "elsewhere")); got.Bytes != 0 {
		t.Errorf("a link was gone through: %+v", got)
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
