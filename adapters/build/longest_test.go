package build

import (
	"bytes"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// TestNoProjectTakesADay asks for a day for what never ends, of a platform that
// gives three seconds.
func TestNoProjectTakesADay(t *testing.T) {
	short, err := New(Options{Data: shared.o.Data, Interpreters: shared.o.Interpreters, Longest: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	endless := "[\"python -c 'import threading; threading.Event().wait()'\"]"
	began := time.Now()
	_, err = short.Build(t.Context(), slipway.BuildRequest{Service: "svc", Dir: project(t, unit("pass", "build: {timeout_seconds: 86400, commands: "+endless+"}\n")), Commit: "c1", RunID: runID("b", t)}, &log)
	wantRefused(t, err, log.String(), "within 3s", "--max-build-time")
	a, _ := mustBuild(t, project(t, unit("threading.Event().wait()", "test: {timeout_seconds: 86400}\n")))
	_, err = short.Test(t.Context(), slipway.TestRequest{Artifact: a.Digest, RunID: runID("t", t)}, &log)
	wantRefused(t, err, log.String(), "within 3s", "--max-build-time")
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("it took %s", took)
	}
}
