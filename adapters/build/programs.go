package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

// systemPath is where a process of a service finds programs that its environment
// doesn't have, as the node starts it.
var systemPath = []string{"/usr/local/bin", "/usr/bin", "/bin"}

// programs refuses a release whose commands name a program that is not there: it
// is known now, and would else be found out when the release is to take over.
// Names are looked up as soon as there is an environment; paths, which a build
// command may make, after those.
func (r *run) programs(p *python.Project, source string, env environment, paths bool) error {
	var names []string
	for name := range p.Processes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := missingProgram(p, p.Processes[name], source, env, paths, "the process "+name, "the dependencies that production installs"); err != nil {
			return slipway.Errorf(slipway.Refused, "%w%s", err, r.whyUnbuilt())
		}
	}
	if err := missingProgram(p, p.ReleaseCommand, source, env, paths, "the release command", "the dependencies that production installs"); err != nil {
		return slipway.Errorf(slipway.Refused, "%w%s", err, r.whyUnbuilt())
	}
	return nil
}

// missingProgram says what a command starts with and can't be started; nil when
// it is there, or only the run can tell.
func missingProgram(p *python.Project, c python.Command, source string, env environment, path bool, what, belongs string) error {
	dir := c.Directory()
	if info, err := os.Stat(filepath.Join(p.Root.In(source), dir)); path && dir != "" && !filepath.IsAbs(dir) && (err != nil || !info.IsDir()) {
		return slipway.Errorf(slipway.Refused, "%s goes to the directory %s, which is not in the release; commit it, let a build command make it, or change the command %q", what, dir, string(c))
	}
	program := c.Program()
	if program == "" || strings.Contains(program, "/") != path {
		return nil
	}
	if !path {
		dirs := []string{filepath.Join(env.venv(), "bin")}
		if at := packageOf(p, source); at != "" {
			dirs = append(dirs, filepath.Join(at, "bin"))
		}
		for _, dir := range append(dirs, systemPath...) {
			if executable(filepath.Join(dir, program)) == nil {
				return nil
			}
		}
		return slipway.Errorf(slipway.Refused, "%s starts %s, which the release's environment doesn't have; add the package that brings it to %s, or change the command %q", what, program, belongs, string(c))
	}
	at := program
	if !filepath.IsAbs(at) {
		at = filepath.Join(p.Root.In(source), dir, program)
	}
	switch err := executable(at); {
	case errors.Is(err, fs.ErrPermission):
		return slipway.Errorf(slipway.Refused, "%s starts %s, which is there and may not be executed; run git update-index --chmod=+x %s, and commit", what, program, strings.TrimPrefix(program, "./"))
	case err != nil:
		return slipway.Errorf(slipway.Refused, "%s starts %s, which is not in the release; commit it, let a build command make it, or change the command %q", what, program, string(c))
	}
	return nil
}

// executable is nil for a program, ErrPermission for a file that is none.
func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	case info.Mode()&0o111 == 0:
		return fs.ErrPermission
	}
	return nil
}

var (
	// ofModule is the module that a program of an environment is started by.
	ofModule = regexp.MustCompile(`(?m)^(?:from|import) ([A-Za-z_]\w*)[\w.]*(?: import \w+)?$`)
	// ofPkgResources imports, at once and whatever comes, what setuptools has no longer.
	ofPkgResources = regexp.MustCompile(`(?m)^(?:import pkg_resources|from pkg_resources)\b`)
)

// lacksPkgResources says of the program of a process that its own package imports the
// pkg_resources which the environment doesn't have, as the import of an application says
// it of itself; "" for none.
func lacksPkgResources(p *python.Project, env environment) string {
	sites, _ := filepath.Glob(filepath.Join(env.venv(), "lib", "python*", "site-packages"))
	for _, site := range sites {
		if _, err := os.Stat(filepath.Join(site, "pkg_resources")); err == nil {
			return ""
		}
		for _, c := range p.Processes {
			program := c.Program()
			if program == "" || strings.Contains(program, "/") {
				continue
			}
			script, err := readSome(filepath.Join(env.venv(), "bin", program))
			if err != nil || !strings.HasPrefix(string(script), "#!") {
				continue
			}
			for _, m := range ofModule.FindAllStringSubmatch(string(script), -1) {
				if text, err := readSome(filepath.Join(site, m[1], "__init__.py")); err == nil && ofPkgResources.Match(text) {
					return fmt.Sprintf("%s imports %s: No module named 'pkg_resources'", program, m[1])
				}
			}
		}
	}
	return ""
}
