package build

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway"
)

// linksOut finds a file by which an environment takes code from a directory that
// will be gone: what an editable install leaves, by whatever way it came in.
func linksOut(venv, gone string) (name string, err error) {
	libraries, _ := filepath.Glob(filepath.Join(venv, "lib", "python*", "site-packages"))
	for _, dir := range libraries {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			if !points(e) {
				continue
			}
			text, err := readMade(filepath.Join(dir, e.Name()))
			if err != nil {
				return "", err
			}
			if bytes.Contains(text, []byte(gone)) {
				return e.Name(), nil
			}
		}
	}
	return "", nil
}

// points tells whether a file of site-packages is of a kind that names other
// places to import from.
func points(e fs.DirEntry) bool {
	name := e.Name()
	return e.Type().IsRegular() && (strings.HasSuffix(name, ".pth") || strings.HasSuffix(name, ".egg-link") ||
		strings.HasPrefix(name, "__editable__") || strings.HasPrefix(name, "_editable_"))
}

// selfContained refuses an environment that would lose a part with the build.
func (r *run) selfContained(env environment) error {
	name, err := linksOut(env.venv(), r.home)
	if err != nil {
		return disk(err, "the environment can't be read")
	}
	if name != "" {
		return slipway.Errorf(slipway.Refused, "a dependency was installed as a link to its source (%s), which a release can't keep; install it without -e, --editable or editable = true", name)
	}
	return nil
}
