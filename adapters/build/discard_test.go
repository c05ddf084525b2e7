package build

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/artifact"
)

// TestDiscard removes an artifact; of the environments those that another artifact
// links to, and those that were used of late, stay.
func TestDiscard(t *testing.T) {
	b := &Builder{o: Options{Data: t.TempDir()}}
	old := time.Now().Add(-2 * unused)
	environment := func(key string, used time.Time) string {
		t.Helper()
		dir := filepath.Join(b.o.Data, "environments", key)
		marker := filepath.Join(dir, "complete.json")
		if err := os.MkdirAll(filepath.Join(dir, "venv", "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(marker, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(marker, used, used); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	artifact := func(d slipway.Digest, key string) string {
		t.Helper()
		dir := artifact.Dir(b.o.Data, d)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..", "..", "environments", key, "venv"), filepath.Join(dir, "venv")); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	stays := map[string]bool{
		environment("shared", old): true, environment("own", old): false, environment("recent", time.Now()): true, environment("forgotten", old): false,
		artifact("sha256:gone", "own"): false, artifact("sha256:kept", "shared"): true,
	}
	if err := b.Discard(t.Context(), "sha256:gone"); err != nil {
		t.Fatal(err)
	}
	for path, want := range stays {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", filepath.Base(path), err == nil, want)
		}
	}
}

// TestRunsOfTheDead: a builder removes what a killed one left, and nothing that is in use.
func TestRunsOfTheDead(t *testing.T) {
	b := &Builder{o: Options{Data: t.TempDir()}}
	left := filepath.Join(b.o.Data, "work", "run-left")
	if err := os.MkdirAll(filepath.Join(left, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	r, done, err := b.newRun(runID("dead", t), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	b.sweepRuns()
	if _, err := os.Stat(left); err == nil {
		t.Error("what nobody uses is still there")
	}
	if _, err := os.Stat(r.home); err != nil {
		t.Error("what is in use was removed")
	}
	done()
	if _, err := os.Stat(r.home); err == nil {
		t.Error("it was left")
	}
}

// TestReleaseRunsAsNobodyElse: a file that a build left with set-user-ID is in the
// release without it.
func TestReleaseRunsAsNobodyElse(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tool")
	if err := os.WriteFile(file, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o755|os.ModeSetuid|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	if err := settle(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o755 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// TestLinksByTheirWholePath: a link that a build made to a place in its tree by the whole
// path of that leads there in the release, too.
func TestLinksByTheirWholePath(t *testing.T) {
	dir := t.TempDir()
	made := filepath.Join(dir, "static", "build", "app.1.js")
	for name, text := range map[string]string{filepath.Join(dir, "static", "app.js"): "x", filepath.Join(dir, "static", "build", "keep"): ""} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink(filepath.Join(dir, "static", "app.js"), made), settle(dir)); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(made); err != nil || target != "../app.js" {
		t.Errorf("it leads to %s %v", target, err)
	}
	if err := errors.Join(os.Symlink(dir+"x/app.js", made+".x")); err != nil {
		t.Fatal(err)
	}
	if err := settle(dir); slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "leaves the project") {
		t.Errorf("%v", err)
	}
}
