package build

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// TestBuildsThatFillTheDisk: a build, and a run of tests, is ended over its bound on
// disk, wherever it writes, with the bound and the place in the sentence. The bound
// holds for one file, too, between two looks.
func TestBuildsThatFillTheDisk(t *testing.T) {
	o := shared.o
	o.MaxDisk = 64 << 20
	small, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	fill := "import os, sys, time\nplace = os.path.expandvars(sys.argv[1])\nos.makedirs(place, exist_ok=True)\nfor n in range(int(sys.argv[2])):\n    with open(f'{place}/{n}', 'wb') as f:\n        f.write(b'x' * int(sys.argv[3]) * 1024 * 1024)\ntime.sleep(120)\n"
	for what, c := range map[string]struct{ command, says string }{
		"in the source": {"python fill.py made/of/it 12 8", "made/of/it of the source"},
		"in TMPDIR":     {"python fill.py $TMPDIR/x 12 8", "x of TMPDIR"},
		"in one file":   {"python fill.py $HOME 1 100", "HOME"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			began := time.Now()
			dir := project(t, with(unit("pass"), files{"fill.py": fill, "slipway.yaml": idle + "build: {commands: ['" + c.command + "']}\n"}))
			_, err := small.Build(t.Context(), slipway.BuildRequest{Service: "svc", Dir: dir, Commit: "c1", RunID: runID("b", t)}, &log)
			wantRefused(t, err, log.String(), "the build is too large", "more than 64 MiB", c.says, "--build-disk")
			if took := time.Since(began); took > 90*time.Second {
				t.Errorf("it took %s to end it", took)
			}
		})
	}
	t.Run("in tests", func(t *testing.T) {
		t.Parallel()
		dir := project(t, unit("sys.argv[1:] = ['$TMPDIR/y', '12', '8']; exec("+fmt.Sprintf("%q", fill)+")"))
		a, err := small.Build(t.Context(), slipway.BuildRequest{Service: "svc", Dir: dir, Commit: "c1", RunID: runID("b", t)}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		_, err = small.Test(t.Context(), slipway.TestRequest{Artifact: a.Digest, RunID: runID("t", t)}, &log)
		wantRefused(t, err, log.String(), "the run of the tests is too large", "y of TMPDIR")
	})
}

// TestRemedies: what a command met in its confinement is said with what to do.
func TestRemedies(t *testing.T) {
	closed := tmpClosed
	defer func() { tmpClosed = closed }()
	var log bytes.Buffer
	r := &run{Builder: shared, log: &log}
	for output, says := range map[string]string{
		"PermissionError: [Errno 13] Permission denied: '/tmp/lock'":               "TMPDIR",
		"sh: 1: cannot create /tmp/x: Permission denied":                           "TMPDIR",
		"mkdir: cannot create directory ‘/var/tmp/x’: Permission denied":           "TMPDIR",
		"EACCES: permission denied, open '/tmp/a b'":                               "TMPDIR",
		"OSError: [Errno 27] File too large":                                       "--build-disk",
		"PermissionError: [Errno 13] Permission denied: '/srv/tmp/x'":              "",
		"PermissionError: [Errno 13] Permission denied: '" + shared.o.Data + "/x'": "",
		"wrote /tmp/x\nPermission denied: '/etc/shadow'":                           "",
	} {
		tmpClosed = func() bool { return true }
		if got := r.remedy(output); (got == "") != (says == "") || !strings.Contains(got, says) || !strings.Contains(log.String(), says) {
			t.Errorf("%q: %q", output, got)
		}
		tmpClosed = func() bool { return false }
		if got := r.remedy(output); strings.Contains(got, "TMPDIR") {
			t.Errorf("where /tmp is open, %q: %q", output, got)
		}
	}
}

// TestTmpOfABuild: /tmp is the build's own, or said to be closed.
func TestTmpOfABuild(t *testing.T) {
	_, log, err := build(t, project(t, with(unit("pass"), files{"do.py": "open('/tmp/planted-8d1f', 'w')\n", "slipway.yaml": idle + "build: {commands: [python do.py]}\n"})))
	if !tmpClosed() {
		if err != nil {
			t.Errorf("%v\n%s", err, log)
		}
		return
	}
	wantRefused(t, err, log, "/tmp is closed to builds on this machine", "TMPDIR")
	if !strings.Contains(log, "note: /tmp is closed") {
		t.Errorf("the log doesn't say it:\n%s", log)
	}
}
