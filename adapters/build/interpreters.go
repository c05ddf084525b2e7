package build

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// FindInterpreters lists the Pythons of this machine, the oldest first: those of
// pyenv and uv, the system's, and those on the PATH. Each is asked for its
// version once and remembered in the data directory by its file's time.
func FindInterpreters(ctx context.Context, data string) ([]python.Interpreter, error) {
	cache := filepath.Join(data, "cache", "interpreters.json")
	known := map[string]string{} // path and time to version
	if text, err := os.ReadFile(cache); err == nil {
		_ = json.Unmarshal(text, &known) // unreadable: ask again
	}
	asked := map[string]string{}
	seen := map[string]bool{}
	var found []python.Interpreter
	for _, path := range candidates(data) {
		real, err := filepath.EvalSymlinks(path)
		if err != nil || seen[real] {
			continue
		}
		seen[real] = true
		info, err := os.Stat(real)
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		key := fmt.Sprintf("%s@%d", path, info.ModTime().UnixNano())
		version, ok := known[key]
		if !ok {
			version = ask(ctx, path)
		}
		if asked[key] = version; version != "" {
			found = append(found, python.Interpreter{Version: version, Path: path})
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// A cache that can't be written costs time, nothing else.
	if text, err := json.Marshal(asked); err == nil && os.MkdirAll(filepath.Dir(cache), 0o700) == nil {
		_ = os.WriteFile(cache, text, 0o644)
	}
	return onePerVersion(byVersion(found)), nil
}

// candidates are paths that may be interpreters. pyenv's shims are passed over:
// what they start depends on the directory.
func candidates(data string) []string {
	home, _ := os.UserHomeDir()
	pyenv := os.Getenv("PYENV_ROOT")
	if pyenv == "" {
		pyenv = filepath.Join(home, ".pyenv")
	}
	patterns := []string{
		filepath.Join(pyenv, "versions", "3*", "bin", "python3"),
		filepath.Join(home, ".local", "share", "uv", "python", "cpython-3*", "bin", "python3"),
		"/usr/bin/python3.[0-9]*", "/usr/local/bin/python3.[0-9]*", "/opt/python*/bin/python3", "/usr/bin/python3", "/usr/local/bin/python3",
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if dir != filepath.Join(pyenv, "shims") && filepath.IsAbs(dir) {
			patterns = append(patterns, filepath.Join(dir, "python3"), filepath.Join(dir, "python3.[0-9]*"))
		}
	}
	var all []string
	for _, p := range patterns {
		paths, _ := filepath.Glob(p)
		for _, path := range paths {
			if !strings.HasSuffix(path, "-config") {
				all = append(all, path)
			}
		}
	}
	return append(all, fetchedInterpreters(data)...)
}

// ask returns an interpreter's version, "" when it isn't one that can be used.
func ask(ctx context.Context, path string) string {
	var out bytes.Buffer
	result, err := sandbox.Run(ctx, sandbox.Command{
		Args: []string{path, "-I", "-S", "-c", "import sys,platform; assert platform.python_implementation()=='CPython'; print('%d.%d.%d'%sys.version_info[:3])"},
		Dir:  "/", Env: sandbox.Environment(os.TempDir(), nil, nil), Timeout: 10 * time.Second, MaxOutput: 4096,
	}, &out)
	version := strings.TrimSpace(out.String())
	if err != nil || !result.OK() || !strings.HasPrefix(version, "3.") {
		return ""
	}
	return version
}

func onePerVersion(sorted []python.Interpreter) []python.Interpreter {
	var out []python.Interpreter
	for _, i := range sorted {
		if len(out) == 0 || out[len(out)-1].Version != i.Version {
			out = append(out, i)
		}
	}
	return out
}

// Newest returns the newest interpreter, for the platform's own use.
func Newest(all []python.Interpreter) (string, error) {
	return toolInterpreter(all)
}
