package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// fetchedPythons is where Pythons lie that were fetched.
func fetchedPythons(data string) string { return filepath.Join(data, "pythons") }

// fetchedInterpreters are their programs, each below the directory of its full
// version: uv's links to the newest of a minor version may move on.
func fetchedInterpreters(data string) []string {
	paths, _ := filepath.Glob(filepath.Join(fetchedPythons(data), "cpython-3.*.*", "bin", "python3"))
	return paths
}

// fetchSettings are the machine's words on where uv has Pythons from.
var fetchSettings = []string{"UV_PYTHON_INSTALL_MIRROR", "UV_PYTHON_DOWNLOADS_JSON_URL"}

// interpreters are the Pythons that there are now.
func (b *Builder) interpreters() []python.Interpreter {
	if now := b.pythons.Load(); now != nil {
		return *now
	}
	return b.o.Interpreters
}

// fetchPython has uv fetch a Python into the data directory, where it stays for all
// builds. uv compares what it gets with the checksums that it was released with.
func (r *run) fetchPython(ctx context.Context, version string) error {
	if err := r.bootstrap(ctx, uv); err != nil {
		return err
	}
	dir := fetchedPythons(r.o.Data)
	unlock, err := lockFile(ctx, dir+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	fmt.Fprintf(r.log, "fetching Python %s, which this machine doesn't have\n", version)
	settings := map[string]string{"UV_PYTHON_DOWNLOADS": "manual", "UV_PYTHON_INSTALL_DIR": dir}
	for _, name := range fetchSettings {
		if v := os.Getenv(name); v != "" {
			settings[name] = v
		}
	}
	var out bytes.Buffer
	result, err := sandbox.Run(ctx, sandbox.Command{
		Args: []string{r.program(uv), "python", "install", "--no-bin", "--no-config", version},
		Dir:  r.home, Env: r.toolEnv(settings, true), Timeout: 10 * time.Minute, MaxOutput: maxOutput, RunID: r.id,
	}, &out)
	if err != nil {
		return err
	}
	_, _ = r.log.Write(out.Bytes())
	if !result.OK() {
		return slipway.Errorf(slipway.Unavailable, "Python %s could not be fetched; the log says why. Have it installed on this machine, or tell uv where it is to be had (UV_PYTHON_INSTALL_MIRROR)", version)
	}
	now := slices.Clone(r.interpreters())
	for _, path := range fetchedInterpreters(r.o.Data) {
		i := python.Interpreter{Version: ask(ctx, path), Path: path}
		if i.Version != "" && !slices.ContainsFunc(now, func(there python.Interpreter) bool { return there.Version == i.Version }) {
			now = append(now, i)
		}
	}
	r.pythons.Store(&now)
	return nil
}
