package python

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
)

// Package is the project itself where it is one that can be installed: its
// console scripts, its metadata, its entry points and what its build makes are
// there only when it is.
type Package struct {
	// Name is the distribution's, normalised; "" when only the build tells.
	Name string `json:"name,omitempty"`
	// Requires are the requirements of its build, never empty; nil when one of
	// them comes from the tree, or can't be read, so that the build has to find them.
	Requires []string `json:"requires,omitempty"`
	// FromGit says that its version, or what it contains, is told by the history
	// and the tags of its repository.
	FromGit bool `json:"from_git,omitempty"`
}

// buildsFromGit are build requirements that ask git for the version, or for the
// files that belong to a package.
var buildsFromGit = map[string]bool{
	"setuptools-scm": true, "vcs-versioning": true, "hatch-vcs": true, "poetry-dynamic-versioning": true, "versioningit": true, "uv-dynamic-versioning": true,
	"dunamai": true, "versioneer": true, "pbr": true, "setuptools-git-versioning": true, "setuptools-git": true, "setuptools-vcs-version": true, "flit-scm": true,
	"hatch-regex-commit": true, "setupmeta": true, "reno": true, "miniver": true, "better-setuptools-git-version": true, "very-good-setuptools-git-version": true,
}

var (
	setupName    = regexp.MustCompile(`(?m)^\s*name\s*=\s*["']([A-Za-z0-9][A-Za-z0-9._-]*)["']`)
	setupEntries = regexp.MustCompile(`\bentry_points\s*=`)
	setupFromGit = regexp.MustCompile(`use_scm_version|setuptools_scm|versioneer|\bpbr\s*=|[\"']git[\"' ]`)
)

// planPackage says what there is to install of the project itself, after its
// dependencies; nil when it is no package. A project whose dependencies are found
// out by installing it is one, whatever it says.
func (d *detection) planPackage() *Package {
	p := d.pyproject
	if d.halted || !d.isPackage() && d.localMetadata() == "" {
		return nil
	}
	setup, _ := d.tree.Read("setup.py")
	cfg, _ := d.tree.Read("setup.cfg")
	pkg := &Package{Name: manifest.Normalize(cmp.Or(
		manifest.DigString(p.Data, "project", "name"), manifest.DigString(p.Data, "tool", "poetry", "name"), manifest.DigString(p.Data, "tool", "flit", "metadata", "dist-name"),
		manifest.DigString(p.Data, "tool", "flit", "metadata", "module"), cfgValue(cfg, "metadata", "name"), group1(setupName, setup)))}
	if pkg.Requires = manifest.DigStrings(p.Data, "build-system", "requires"); len(pkg.Requires) == 0 {
		pkg.Requires = []string{"setuptools>=40.8.0"} // as PEP 518 has it
		if !p.Has("build-system") && d.project.Manager == Poetry {
			pkg.Requires = []string{"poetry-core"}
		}
	}
	pkg.FromGit = setupFromGit.MatchString(setup) || manifest.DigString(p.Data, "tool", "pdm", "version", "source") == "scm" ||
		strings.Contains(cfgValue(cfg, "metadata", "version"), "scm") || d.tree.Exists("versioneer.py")
	for _, text := range pkg.Requires {
		dep, ok := manifest.ParseRequirement(text)
		pkg.FromGit = pkg.FromGit || buildsFromGit[dep.Name]
		if !ok || dep.URL != "" || manifest.Dig(p.Data, "tool", "uv", "sources", dep.Name) != nil {
			pkg.Requires = nil
			break
		}
	}
	return pkg
}

// isPackage tells whether the project says of itself that it is one: by a build
// system for what it describes, or by programs and plugins that only installing
// makes. What its manager is told to leave alone is none.
func (d *detection) isPackage() bool {
	p := d.pyproject
	described := manifest.DigString(p.Data, "project", "name") != "" || manifest.DigString(p.Data, "tool", "poetry", "name") != ""
	locks := map[Manager][]string{UV: {"tool", "uv", "package"}, PDM: {"tool", "pdm", "distribution"}, Poetry: {"tool", "poetry", "package-mode"}}
	for manager, keys := range locks {
		if is, ok := manifest.Dig(p.Data, keys...).(bool); ok && (d.project.Manager == manager || locks[d.project.Manager] == nil) {
			return is && described
		}
	}
	if p.Has("build-system") {
		return described || p.Has("tool", "flit", "metadata") || setupFile(d.tree) != ""
	}
	switch d.project.Manager {
	case UV, PDM, Poetry: // without a build system they install dependencies only
		return false
	}
	if manifest.DigString(p.Data, "project", "name") != "" && (p.Has("project", "scripts") || p.Has("project", "gui-scripts") || p.Has("project", "entry-points")) {
		return true
	}
	cfg, _ := d.tree.Read("setup.cfg")
	text, _ := d.tree.Read("setup.py")
	return cfgSection(cfg, "options.entry_points") || setupEntries.MatchString(text)
}

func group1(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// cfgValue is a value of one line in a section of setup.cfg.
func cfgValue(text, section, key string) string {
	at := ""
	for line := range strings.Lines(text) {
		line, _ = manifest.CutComment(line)
		if strings.HasPrefix(line, "[") {
			at = strings.Trim(line, "[] ")
			continue
		}
		if name, value, ok := strings.Cut(line, "="); ok && at == section && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func cfgSection(text, section string) bool {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "["+section+"]" {
			return true
		}
	}
	return false
}
