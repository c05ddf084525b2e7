package python_test

import (
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/python"
)

// detected is what is understood of a project's files, on a machine with Python 3.13.
func detected(t *testing.T, texts map[string]string) *python.Project {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range texts {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	p, err := python.Detect(files, python.Options{Interpreters: []python.Interpreter{{Path: "/usr/bin/python3.13", Version: "3.13.1"}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
