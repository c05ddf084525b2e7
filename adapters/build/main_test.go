package build

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/examples"
	"github.com/slipway-dev/slipway/python"
)

// shared builds for all tests: tools are installed once, environments reused.
var (
	shared       *Builder
	interpreters []python.Interpreter
)

// planted is in this process's environment, and the name of a program on its PATH, where no build or test may see it.
const planted = "planted-4f1c"

func TestMain(m *testing.M) {
	os.Exit(func() int {
		data, err := os.MkdirTemp("", "slipway-build-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(data)
		os.Setenv("SLIPWAY_PLANTED_TOKEN", planted)
		tools := filepath.Join(data, "platform")
		if err := os.Mkdir(tools, 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(tools, planted+"-tool"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			panic(err)
		}
		os.Setenv("PATH", tools+":"+os.Getenv("PATH"))
		if interpreters, err = FindInterpreters(context.Background(), data); err != nil {
			panic(err)
		}
		if shared, err = New(Options{Data: data, Interpreters: interpreters}); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

// files is a project: its files by their paths.
type files map[string]string

const flaskApp = "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get(\"/\")\ndef index():\n    return \"one\"\n"

func with(f files, more ...files) files {
	all := files{}
	for _, one := range append([]files{f}, more...) {
		for name, text := range one {
			all[name] = text
		}
	}
	return all
}

func example(t *testing.T, name string) files {
	t.Helper()
	all := files{}
	err := fs.WalkDir(examples.Files, name, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := examples.Files.ReadFile(path)
		all[strings.TrimPrefix(path, name+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func write(t *testing.T, dir string, f files) {
	t.Helper()
	for name, text := range f {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func project(t *testing.T, f files) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, f)
	return dir
}

// lock makes a lock in dir with a tool as Slipway installs it.
func lock(t *testing.T, dir string, tl tool, env []string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	r, done, err := shared.newRun(runID("lock", t), &log)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if err := r.bootstrap(t.Context(), tl); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	interpreter, err := toolInterpreter(interpreters)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), r.program(tl), args...)
	cmd.Dir = dir
	cmd.Env = r.toolEnv(map[string]string{"UV_PYTHON": interpreter, "PDM_PYTHON": interpreter, "PIPENV_PYTHON": interpreter, "PIPENV_IGNORE_VIRTUALENVS": "1"}, true)
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", tl.name, args, err, out)
	}
}

// runID marks a run of this process's tests alone: a run ends whatever carries its
// mark on the machine, which may run these tests twice at once.
func runID(what string, t testing.TB) string {
	return fmt.Sprintf("%s-%s-%s", what, filepath.Base(shared.o.Data), t.Name())
}

func build(t *testing.T, dir string) (slipway.Artifact, string, error) {
	t.Helper()
	var log bytes.Buffer
	a, err := shared.Build(t.Context(), slipway.BuildRequest{Service: "svc", Dir: dir, Commit: "c1", RunID: runID("b", t)}, &log)
	return a, log.String(), err
}

func mustBuild(t *testing.T, dir string) (slipway.Artifact, string) {
	t.Helper()
	a, log, err := build(t, dir)
	if err != nil {
		t.Fatalf("build: %v\n%s", err, log)
	}
	return a, log
}

func runTests(t *testing.T, dir string, timeout time.Duration) (slipway.TestReport, string, error) {
	t.Helper()
	a, _ := mustBuild(t, dir)
	var log bytes.Buffer
	report, err := shared.Test(t.Context(), slipway.TestRequest{Artifact: a.Digest, RunID: runID("t", t), Timeout: timeout}, &log)
	return report, log.String(), err
}

func wantRefused(t *testing.T, err error, log string, says ...string) {
	t.Helper()
	wantCode(t, err, slipway.Refused, log, says...)
}

func wantCode(t *testing.T, err error, code slipway.Code, log string, says ...string) {
	t.Helper()
	if err == nil || slipway.CodeOf(err) != code {
		t.Fatalf("error %v (%v), want %v\n%.4000s", err, slipway.CodeOf(err), code, log)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q doesn't say %q\n%.4000s", err, s, log)
		}
	}
}
