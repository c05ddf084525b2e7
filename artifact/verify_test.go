package artifact_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/artifact"
)

// built lays out an artifact as the builder does, with files of so many packages.
func built(t testing.TB, packages int) (data string, digest slipway.Digest) {
	t.Helper()
	data = t.TempDir()
	environment := filepath.Join(data, "environments", "key")
	put(t, filepath.Join(data, "staging", "source", "app.py"), "one")
	put(t, filepath.Join(environment, "venv", "bin", "python"), "#!")
	for i := range packages {
		dir := filepath.Join(environment, "venv", "lib", fmt.Sprintf("package%d", i))
		put(t, filepath.Join(dir, "__init__.py"), strings.Repeat("x = 1\n", 300))
		put(t, filepath.Join(dir, "__pycache__", "__init__.cpython-312.pyc"), strings.Repeat("y", 2000))
	}
	manifest := []byte(`{"environment": "key"}`)
	put(t, filepath.Join(data, "staging", "manifest.json"), string(manifest))
	installed, err := artifact.Keep(t.Context(), filepath.Join(environment, "venv"), filepath.Join(environment, artifact.Record))
	if err != nil {
		t.Fatal(err)
	}
	source, err := artifact.Keep(t.Context(), filepath.Join(data, "staging", "source"), filepath.Join(data, "staging", artifact.Record))
	if err != nil {
		t.Fatal(err)
	}
	digest = artifact.DigestOf(source, installed, manifest)
	dir := artifact.Dir(data, digest)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(data, "staging"), dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..", "..", "environments", "key", "venv"), filepath.Join(dir, "venv")); err != nil {
		t.Fatal(err)
	}
	return data, digest
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestVerifySeesEveryChange changes one thing each time.
func TestVerifySeesEveryChange(t *testing.T) {
	const venv = "environments/key/venv"
	changes := map[string]struct {
		change func(t *testing.T, data, dir string)
		says   string
	}{
		"nothing": {func(*testing.T, string, string) {}, ""},
		"touched": {func(t *testing.T, data, dir string) {
			if err := os.Chtimes(filepath.Join(dir, "source/app.py"), time.Now(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}, ""},
		"source": {func(t *testing.T, data, dir string) { put(t, filepath.Join(dir, "source/app.py"), "two") }, "app.py was changed"},
		"source with its times set back": {func(t *testing.T, data, dir string) {
			path := filepath.Join(dir, "source/app.py")
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			put(t, path, "two")
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, "app.py was changed"},
		"environment": {func(t *testing.T, data, dir string) {
			put(t, filepath.Join(data, venv, "lib/package0/__init__.py"), "evil")
		}, "lib/package0/__init__.py was changed"},
		"compiled Python": {func(t *testing.T, data, dir string) {
			put(t, filepath.Join(data, venv, "lib/package0/__pycache__/__init__.cpython-312.pyc"), strings.Repeat("z", 2000))
		}, "__init__.cpython-312.pyc was changed"},
		"a file more": {func(t *testing.T, data, dir string) {
			put(t, filepath.Join(data, venv, "lib/sitecustomize.py"), "evil")
		}, "lib/sitecustomize.py was added"},
		"a file less": {func(t *testing.T, data, dir string) {
			_ = os.Remove(filepath.Join(data, venv, "lib/package1/__init__.py"))
		}, "lib/package1/__init__.py was removed"},
		"a link instead": {func(t *testing.T, data, dir string) {
			path := filepath.Join(data, venv, "bin/python")
			_ = os.Remove(path)
			if err := os.Symlink("/bin/sh", path); err != nil {
				t.Fatal(err)
			}
		}, "bin/python was changed"},
		"a mode": {func(t *testing.T, data, dir string) { _ = os.Chmod(filepath.Join(dir, "source/app.py"), 0o755) }, "app.py was changed"},
		"manifest": {func(t *testing.T, data, dir string) {
			put(t, filepath.Join(dir, "manifest.json"), `{"environment": "key", "release_command": "evil"}`)
		}, "its files give"},
		"another environment": {func(t *testing.T, data, dir string) {
			put(t, filepath.Join(data, "environments/other/venv/bin/python"), "evil")
			_ = os.Remove(filepath.Join(dir, "venv"))
			if err := os.Symlink("../../environments/other/venv", filepath.Join(dir, "venv")); err != nil {
				t.Fatal(err)
			}
		}, "was exchanged"},
		"a record that was made to fit": {func(t *testing.T, data, dir string) {
			put(t, filepath.Join(dir, "source/app.py"), "two")
			if _, err := artifact.Keep(context.Background(), filepath.Join(dir, "source"), filepath.Join(dir, artifact.Record)); err != nil {
				t.Fatal(err)
			}
		}, "its files give"},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			data, digest := built(t, 2)
			if err := artifact.Verify(t.Context(), data, digest); err != nil {
				t.Fatal(err)
			}
			c.change(t, data, artifact.Dir(data, digest))
			for range 2 { // a second look must not have learnt the change
				err := artifact.Verify(t.Context(), data, digest)
				switch {
				case c.says == "" && err != nil:
					t.Errorf("refused: %v", err)
				case c.says != "" && (slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "build the commit again")):
					t.Errorf("said %v, want %q", err, c.says)
				}
			}
		})
	}
}

// TestVerifyOfAnOlderArtifact has no records at first.
func TestVerifyOfAnOlderArtifact(t *testing.T) {
	data, digest := built(t, 1)
	records := []string{filepath.Join(artifact.Dir(data, digest), artifact.Record), filepath.Join(data, "environments", "key", artifact.Record)}
	forget := func() {
		for _, record := range records {
			if err := os.Remove(record); err != nil {
				t.Fatal(err)
			}
		}
	}
	forget()
	if err := artifact.Verify(t.Context(), data, digest); err != nil {
		t.Fatal(err)
	}
	forget() // it was written
	put(t, filepath.Join(data, "environments/key/venv/lib/package0/__init__.py"), "evil")
	if err := artifact.Verify(t.Context(), data, digest); slipway.CodeOf(err) != slipway.Refused {
		t.Errorf("changed and without a record: %v", err)
	}
	if _, err := os.Stat(records[0]); err == nil {
		t.Error("what was changed got a record")
	}
}

func TestVerifyOfWhatIsGone(t *testing.T) {
	data, digest := built(t, 1)
	if err := artifact.Verify(t.Context(), data, "sha256:00"); slipway.CodeOf(err) != slipway.NotFound {
		t.Error(err)
	}
	if err := os.RemoveAll(filepath.Join(data, "environments", "key")); err != nil {
		t.Fatal(err)
	}
	if err := artifact.Verify(t.Context(), data, digest); slipway.CodeOf(err) != slipway.NotFound {
		t.Error(err)
	}
}

// BenchmarkVerify looks at an environment of some size: 4,000 files.
func BenchmarkVerify(b *testing.B) {
	data, digest := built(b, 2000)
	if err := artifact.Verify(b.Context(), data, digest); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := artifact.Verify(b.Context(), data, digest); err != nil {
			b.Fatal(err)
		}
	}
}
