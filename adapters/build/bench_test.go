package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/artifact"
)

// BenchmarkEnvironment compares builds with the same done by hand, in the same run
// and turn by turn, with all wheels in the cache of downloads: by hand means without
// confinement, with hard links and bytecode by uv, as builds were once. Nothing is
// removed meanwhile, as file systems then are slow to make files for a while.
//
//	new/by-hand     an environment of wheels that were compiled before
//	first/by-hand   the same with nothing compiled before
//	reused/by-hand  a change of the source alone
//	start/unlooked  importing the application after a look at the digest, and without
func BenchmarkEnvironment(b *testing.B) {
	for name, wanted := range map[string]string{
		"flask":  "flask==3.1.0\ngunicorn==23.0.0\n",
		"django": "flask==3.1.0\ndjango==5.1.4\nrequests==2.32.3\nsqlalchemy==2.0.36\npydantic==2.10.4\ngunicorn==23.0.0\n",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				took := map[string][]time.Duration{}
				for n := range 6 {
					round := fmt.Sprintf("# %s %d %d\n", name, b.N, n)
					turn(b, took, n, wanted+round, round)
				}
				median := func(what string) float64 {
					list := took[what][1:] // the first one fills the caches
					slices.Sort(list)
					return list[len(list)/2].Seconds()
				}
				for _, what := range []string{"new", "first", "reused"} {
					b.ReportMetric(median(what), "s-"+what)
				}
				b.ReportMetric(median("new")/median("hand"), "new/by-hand")
				b.ReportMetric(median("first")/median("hand"), "first/by-hand")
				b.ReportMetric(median("reused")/median("hand again"), "reused/by-hand")
				b.ReportMetric(median("start")/median("unlooked"), "start/unlooked")
			}
		})
	}
}

// turn does each once.
func turn(b *testing.B, took map[string][]time.Duration, n int, wanted, round string) {
	dir := b.TempDir()
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	measure := func(what string, f func() error) {
		began := time.Now()
		if err := f(); err != nil {
			b.Fatalf("%s: %v", what, err)
		}
		took[what] = append(took[what], time.Since(began))
	}
	var built slipway.Artifact
	build := func() (err error) {
		built, err = shared.Build(b.Context(), slipway.BuildRequest{Service: "svc", Dir: dir, Commit: "c1", RunID: runID(fmt.Sprint("bench-", n), b)}, io.Discard)
		return err
	}
	put("app.py", flaskApp+round)
	put("requirements.txt", wanted)
	measure("new", build)
	interpreter := filepath.Join(built.Path, "venv", "bin", "python")

	venv := filepath.Join(b.TempDir(), "venv")
	measure("hand", func() error { return byHand(b.Context(), interpreter, venv, dir) })

	put("app.py", flaskApp+round+"# changed\n")
	measure("reused", build)
	measure("hand again", func() error { return importByHand(b.Context(), filepath.Join(venv, "bin", "python"), dir) })

	start := func() error { return importByHand(b.Context(), interpreter, filepath.Join(built.Path, "source")) }
	measure("unlooked", start)
	if err := artifact.Verify(b.Context(), shared.o.Data, built.Digest); err != nil { // what was made in this moment is read once more
		b.Fatal(err)
	}
	measure("start", func() error {
		if err := artifact.Verify(b.Context(), shared.o.Data, built.Digest); err != nil {
			return err
		}
		return start()
	})

	if err := os.Rename(shared.bytecodes(), filepath.Join(shared.o.Data, fmt.Sprintf("aside-%d", time.Now().UnixNano()))); err != nil {
		b.Fatal(err)
	}
	put("requirements.txt", wanted+"# first\n")
	measure("first", build)
}

// byHand makes an environment as one would by hand.
func byHand(ctx context.Context, interpreter, venv, dir string) error {
	base, err := filepath.EvalSymlinks(interpreter)
	if err != nil {
		return err
	}
	program := filepath.Join((&run{Builder: shared}).toolDir(uv), "bin", "uv")
	for _, args := range [][]string{
		{"venv", "--quiet", "--python", base, venv},
		{"pip", "install", "--quiet", "--link-mode", "hardlink", "--compile-bytecode", "--python", venv, "-r", "requirements.txt"},
	} {
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "UV_CACHE_DIR="+filepath.Join(shared.o.Data, "cache", "uv"), "UV_SYSTEM_CERTS=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	if _, err := artifact.Digest(ctx, venv); err != nil {
		return err
	}
	return importByHand(ctx, filepath.Join(venv, "bin", "python"), dir)
}

// importByHand takes the source's digest and imports the application.
func importByHand(ctx context.Context, interpreter, dir string) error {
	if _, err := artifact.Digest(ctx, dir); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, interpreter, "-B", "-c", "import app")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
