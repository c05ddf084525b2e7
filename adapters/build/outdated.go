package build

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// outdated are the words by which a build from source fails with build tools of
// today, whichever the Python, and those that still do (the tools' changelogs). Up to
// Python 3.6 an import that finds no name doesn't say where it looked.
var outdated = []struct {
	pattern *regexp.Regexp
	needs   string
}{
	{regexp.MustCompile(`(?m)cannot import name '?Feature'?(?: from '?setuptools|$)`), "setuptools<46"},
	{regexp.MustCompile(`use_2to3 is invalid`), "setuptools<58"},
	{regexp.MustCompile(`\bInvalidVersion: Invalid version: |error in \S+ setup command: '(?:install|setup|tests|extras)_require' must be `), "setuptools<66"},
	{regexp.MustCompile(`(?m)cannot import name '?convert_path'?(?: from '?setuptools|$)`), "setuptools<70"},
	{regexp.MustCompile(`No module named '?setuptools\.command\.test|cannot import name '?test'? from '?setuptools\.command`), "setuptools<72"},
	{regexp.MustCompile(`Invalid dash-separated key`), "setuptools<78"},
	{regexp.MustCompile(`No module named '?pkg_resources`), "setuptools<82"},
	{regexp.MustCompile(`has no attribute 'cython_sources'|cython_sources`), "cython<3"},
}

// olderTools are the build tools that a failed build from source asks for.
func olderTools(output string) (needs []string) {
	for _, o := range outdated {
		if o.pattern.MatchString(output) {
			needs = append(needs, o.needs)
		}
	}
	return needs
}

// withOlderTools are the arguments by which a failed command of uv pip is given the
// build tools of the days of what it builds; nil when nothing in what it said asks
// for that.
func (r *run) withOlderTools(args []string, seen string) ([]string, error) {
	needs := olderTools(seen)
	if len(needs) == 0 || len(args) < 3 || args[1] != "pip" {
		return nil, nil
	}
	list := filepath.Join(r.own(), "build-tools.txt")
	if err := writeAnew(list, strings.Join(needs, "\n")+"\n"); err != nil {
		return nil, disk(err, "the list of build tools can't be kept")
	}
	fmt.Fprintf(r.log, "note: something is too old for today's build tools; building it again with %s\n", strings.Join(needs, ", "))
	return append(slices.Clone(args), "--build-constraint", list), nil
}
