package config_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/config"
	"github.com/slipway-dev/slipway/adapters/config/configtest"
)

// data is one data directory for the package: Jinja2 is installed once.
var data string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "slipway-config-")
	if err != nil {
		panic(err)
	}
	data = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, data, dir string) *config.Jinja {
	return config.New(config.Options{Data: data, Python: python(t), Timeout: 3 * time.Second, Tree: func(context.Context, slipway.Digest) (string, slipway.Manifest, error) {
		return filepath.Dir(dir), slipway.Manifest{Dir: slipway.SourcePath(filepath.Base(dir))}, nil
	}})
}

func TestJinjaKeepsTheContract(t *testing.T) {
	configtest.Run(t, func(t *testing.T, dir string) slipway.Renderer { return open(t, data, dir) })
}

func TestAnEndlessLoopIsFound(t *testing.T) {
	dir := configtest.Tree(t, map[string]string{"a.j2": "one\ntwo\n{% for a in range(99999) %}{% for b in range(99999) %}{% set x = a %}{% endfor %}{% endfor %}"})
	_, err := open(t, data, dir).Render(context.Background(), configtest.Request(nil, "a"), &bytes.Buffer{})
	if slipway.CodeOf(err) != slipway.Refused || !strings.HasPrefix(err.Error(), "a.j2:3: rendering takes longer") {
		t.Errorf("%v", err)
	}
}

// TestWithoutTemplatesNothingRuns gives an interpreter that doesn't exist.
func TestWithoutTemplatesNothingRuns(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "data")
	j := config.New(config.Options{Data: empty, Python: "/no/such/python", Tree: func(context.Context, slipway.Digest) (string, slipway.Manifest, error) {
		return empty, slipway.Manifest{}, nil
	}})
	values := map[string]slipway.ConfigValue{"A": {Value: "1"}}
	if _, err := j.Render(context.Background(), configtest.Request(values), &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(empty); err == nil {
		t.Error("the data directory was touched")
	}
	_, err := j.Render(context.Background(), configtest.Request(values, "a"), &bytes.Buffer{})
	if slipway.CodeOf(err) != slipway.Unavailable {
		t.Errorf("without an interpreter: %v", err)
	}
}

// TestInstallationHeals finds what a kill leaves: an environment without its
// mark of completion, and one whose interpreter is gone.
func TestInstallationHeals(t *testing.T) {
	own, err := os.MkdirTemp("", "slipway-config-") // not beside the source, whose surroundings templates may read here
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(own) })
	dir := configtest.Tree(t, map[string]string{"a.j2": "x"})
	render := func() (log string) {
		t.Helper()
		var out bytes.Buffer
		if _, err := open(t, own, dir).Render(context.Background(), configtest.Request(nil, "a"), &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if !strings.Contains(render(), "installing") || strings.Contains(render(), "installing") {
		t.Error("it is installed once")
	}
	marks, _ := filepath.Glob(filepath.Join(own, "tools", "*", ".complete"))
	if len(marks) != 1 {
		t.Fatalf("%v", marks)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(marks[0]), "bin", "python")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(render(), "installing") {
		t.Error("without its interpreter it was not installed again")
	}
}

func TestNoIndex(t *testing.T) {
	t.Setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
	t.Setenv("PIP_EXTRA_INDEX_URL", "")
	t.Setenv("PIP_FIND_LINKS", t.TempDir())
	t.Setenv("PIP_DEFAULT_TIMEOUT", "1")
	t.Setenv("PIP_RETRIES", "0")
	dir := configtest.Tree(t, map[string]string{"a.j2": "x"})
	_, err := open(t, t.TempDir(), dir).Render(context.Background(), configtest.Request(nil, "a"), &bytes.Buffer{})
	if slipway.CodeOf(err) != slipway.Unavailable || !strings.Contains(err.Error(), "package index") {
		t.Errorf("%v", err)
	}
}
