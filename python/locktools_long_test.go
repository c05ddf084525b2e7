//go:build long

package python

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// published is what the tests' own package index offers: a pure wheel of each
// version, with what it requires.
var published = map[string]map[string][]string{
	"alpha": {"1.0": nil, "1.5": nil, "2.0": nil, "2.0.1": nil},
	"beta":  {"1.0": nil, "2.0": {"delta>=1"}},
	"gamma": {"1.0": {"beta>=1; extra == 'fast'"}},
	"delta": {"1.0": nil, "1.1": nil},
}

func wheelFile(name, version string) string {
	return fmt.Sprintf("%s-%s-py3-none-any.whl", name, version)
}

func wheelOf(name, version string) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	info := fmt.Sprintf("%s-%s.dist-info/", name, version)
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	for _, r := range published[name][version] {
		metadata += "Requires-Dist: " + r + "\n"
		if strings.Contains(r, "extra ==") {
			metadata += "Provides-Extra: fast\n"
		}
	}
	for _, f := range [][2]string{
		{name + "/__init__.py", ""}, {info + "METADATA", metadata},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}, {info + "RECORD", ""},
	} {
		w, _ := z.Create(f[0])
		_, _ = w.Write([]byte(f[1]))
	}
	_ = z.Close()
	return out.Bytes()
}

// packageIndex serves published under every first path element, so that two
// URLs can be two indexes.
func packageIndex(t *testing.T) string {
	wheels := map[string][]byte{}
	for name, versions := range published {
		for v := range versions {
			wheels[wheelFile(name, v)] = wheelOf(name, v)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		last := parts[len(parts)-1]
		if wheel, ok := wheels[last]; ok {
			_, _ = w.Write(wheel)
			return
		}
		versions, ok := published[last]
		if !ok {
			http.NotFound(w, r)
			return
		}
		files, links := []map[string]any{}, ""
		for _, v := range slices.Sorted(maps.Keys(versions)) {
			f := wheelFile(last, v)
			sum := fmt.Sprintf("%x", sha256.Sum256([]byte(string(wheels[f]))))
			files = append(files, map[string]any{
				"filename": f, "url": "/files/" + f, "hashes": map[string]string{"sha256": sum}, "size": len(wheels[f]), "upload-time": "2024-01-01T00:00:00Z",
			})
			links += fmt.Sprintf("<a href=\"/files/%s#sha256=%s\">%s</a>\n", f, sum, f)
		}
		if strings.Contains(r.Header.Get("Accept"), "vnd.pypi.simple.v1+json") {
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
			_ = json.NewEncoder(w).Encode(map[string]any{"meta": map[string]string{"api-version": "1.1"}, "name": last, "files": files, "versions": slices.Sorted(maps.Keys(versions))})
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<!DOCTYPE html><html><body>%s</body></html>", links)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// lockTool is one manager at the version that Slipway builds with.
type lockTool struct {
	name string
	env  []string
}

// managersPython is one that the projects of all crossings allow: Poetry makes no lock
// for another Python than its own.
const managersPython = "3.11"

// installedTool makes an environment with the pins that a build uses, or takes
// the program from the directory that SLIPWAY_TEST_TOOLS names.
func installedTool(t *testing.T, name string) lockTool {
	t.Helper()
	bin := os.Getenv("SLIPWAY_TEST_TOOLS")
	if bin == "" {
		venv := filepath.Join(t.TempDir(), name)
		bin = filepath.Join(venv, "bin")
		make := exec.Command("python3", "-m", "venv", venv)
		if name != "uv" {
			make = exec.Command(installedTool(t, "uv").name, "venv", "-q", "--seed", "--python", managersPython, venv)
		}
		mustRun(t, make)
		mustRun(t, exec.Command(filepath.Join(bin, "pip"), "install", "-q", "--no-deps", "--require-hashes", "-r", filepath.Join("..", "adapters", "build", "tools", name+".txt")))
	}
	home := t.TempDir()
	env := []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + home, "LANG=C.UTF-8",
		"UV_PYTHON_DOWNLOADS=never", "UV_CACHE_DIR=" + filepath.Join(home, "uv"), "UV_NO_PROGRESS=1",
		"POETRY_CACHE_DIR=" + filepath.Join(home, "poetry"), "POETRY_VIRTUALENVS_CREATE=false", "POETRY_NO_INTERACTION=1",
		"PDM_CHECK_UPDATE=0", "PDM_CACHE_DIR=" + filepath.Join(home, "pdm"), "PDM_IGNORE_SAVED_PYTHON=1", "PDM_USE_VENV=0",
		"PIPENV_CACHE_DIR=" + filepath.Join(home, "pipenv"), "PIPENV_VENV_IN_PROJECT=1", "PIPENV_NOSPIN=1", "PIPENV_IGNORE_VIRTUALENVS=1", "PIP_NO_INPUT=1",
	}
	return lockTool{name: filepath.Join(bin, name), env: env}
}

func mustRun(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c.Args, err, out)
	}
}

func (l lockTool) run(dir string, args ...string) (string, int) {
	c := exec.Command(l.name, args...)
	c.Dir, c.Env = dir, l.env
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		return err.Error(), -1
	}
	return string(out), c.ProcessState.ExitCode()
}
