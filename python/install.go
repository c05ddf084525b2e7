package python

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	slipway "github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
)

// planInstall fills Project.Install from what the earlier stages chose.
func (d *detection) planInstall() {
	in := &d.project.Install
	in.Frozen = d.frozen
	if d.config != nil {
		in.Groups = append(in.Groups, d.config.Groups...)
		in.Extras = append(in.Extras, d.config.Extras...)
		in.Virtualenv = d.config.Virtualenv
		in.Frozen = in.Frozen || d.config.StaleLock == "warn" && d.project.Lock != nil
		d.checkGroups()
	}
	in.Unmarked = d.project.Manager == PDM && d.project.Lock != nil && !slices.Contains(manifest.DigStrings(d.lockData, "metadata", "strategy"), "inherit_metadata")
	switch d.project.Manager {
	case UV, Poetry, PDM:
		in.Project = d.installable()
	case Pip, PipTools:
		in.Project = len(in.Requirements) == 0 && in.Ranges == nil
	}
	if d.project.Lock != nil && d.project.Manager == Pipenv {
		in.RequireHashes = d.project.Lock.Hashes
	}
	if s := d.project.Server; s != nil && s.Injected && s.Requirement != "" && !slices.Contains(in.Packages, s.Requirement) {
		in.Packages = append(in.Packages, s.Requirement)
	}
	if missing := d.workerPackage(); missing != "" {
		in.Packages = append(in.Packages, missing)
	}
	in.Files = d.closure()
	in.Local, d.project.Test.Local = d.localParts()
	in.Commits = slices.ContainsFunc(d.locked, func(p lock.Package) bool { return p.Source == "git" })
	in.Package = d.planPackage()
	for _, dep := range d.deps.Production {
		d.project.direct = append(d.project.direct, manifest.Normalize(dep.Name))
	}
}

// Direct lists the production dependencies that the project names itself,
// normalised.
func (p *Project) Direct() []string { return p.direct }

// installable says that a locked project is a package of its own, and not just
// a list of dependencies.
func (d *detection) installable() bool {
	p := d.pyproject
	switch d.project.Manager {
	case UV:
		if v, ok := manifest.Dig(p.Data, "tool", "uv", "package").(bool); ok {
			return v
		}
		return p.Has("build-system")
	case PDM:
		if v, ok := manifest.Dig(p.Data, "tool", "pdm", "distribution").(bool); ok {
			return v
		}
		return p.Has("build-system")
	}
	if v, ok := manifest.Dig(p.Data, "tool", "poetry", "package-mode").(bool); ok {
		return v
	}
	return p.Has("build-system")
}

// checkGroups reports groups and extras of slipway.yaml that do not exist.
func (d *detection) checkGroups() {
	for _, part := range []struct {
		key, code string
		names     []string
		known     map[string][]manifest.Dependency
	}{
		{"groups", "config.unknown_group", d.config.Groups, d.deps.Groups},
		{"extras", "config.unknown_extra", d.config.Extras, d.deps.Extras},
	} {
		for _, n := range part.names {
			if _, ok := part.known[manifest.Normalize(n)]; ok || d.halted {
				continue
			}
			have := strings.Join(slices.Sorted(maps.Keys(part.known)), ", ")
			at := d.stated(part.key)
			d.problem(Problem{Code: part.code, Message: at.Where() + " names " + n + " under " + part.key + "; the project has " + cmp.Or(have, "none"),
				File: at.File, Line: at.Line, Remedy: "correct " + part.key + ": in " + at.Where()})
		}
	}
}

// closure is every file whose change means another environment.
func (d *detection) closure() []string {
	names := map[string]bool{}
	add := func(name string) {
		if d.tree.Exists(name) {
			names[d.tree.Path(name)] = true
		}
	}
	for _, f := range d.project.Manifests {
		names[f] = true
	}
	for _, f := range d.project.Install.Requirements {
		names[f] = true
	}
	if d.project.Lock != nil {
		names[d.project.Lock.File] = true
	}
	if d.project.Install.Project || len(d.project.Install.Extras)+len(d.project.Install.Groups) > 0 {
		for _, f := range []string{"pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in"} {
			add(f)
		}
	}
	add("pip.conf")
	add("uv.toml")
	for _, dir := range d.pathDependencies() {
		for _, f := range []string{"pyproject.toml", "setup.py", "setup.cfg"} {
			add(path.Join(dir, f))
		}
		add(dir) // a wheel or an archive
	}
	out := slices.AppendSeq([]string{}, maps.Keys(names))
	slices.Sort(out)
	return out
}

// pathDependencies are directories and archives of the repository that the
// install reads: uv members and sources, Poetry paths, "./lib" requirements.
func (d *detection) pathDependencies() []string {
	var out []string
	for _, dep := range d.deps.Production {
		if dep.URL != "" && !manifest.IsRemote(dep.URL) {
			target, _, _ := strings.Cut(strings.TrimPrefix(dep.URL, "file:"), "[")
			out = append(out, path.Clean(target))
		}
	}
	for _, source := range manifest.DigTable(d.pyproject.Data, "tool", "uv", "sources") {
		if p := manifest.DigString(source, "path"); p != "" {
			out = append(out, path.Clean(p))
		}
	}
	for _, pattern := range manifest.DigStrings(d.pyproject.Data, "tool", "uv", "workspace", "members") {
		out = append(out, d.tree.Glob(path.Clean(pattern))...)
	}
	return manifest.SortedUnique(out)
}

// CacheKey names the environment that the project's production dependencies
// make: equal keys, equal environments. read returns a file of the tree by the
// names in Install.Files. bucket, such as today's date, is mixed in only when nothing
// pins the versions, so that an unlocked environment is renewed now and then; where
// its packages are of a day, that is what names it.
// tree is the digest of the whole source, for an environment with parts that are
// built from it (Install.Local, Test.Local), and "" for another.
func (p *Project) CacheKey(interpreterVersion, platform, builderVersion, bucket, tree string, env map[string]string, read func(name string) ([]byte, error)) (string, error) {
	type file struct{ Name, Digest string }
	key := struct {
		Interpreter, Platform, Builder, Bucket string
		Manager                                Manager
		Requirements, Groups, Extras, Packages []string
		RequireHashes, Project, Virtualenv     bool
		Files                                  []file
		Tree                                   string `json:",omitempty"`
		Env                                    map[string]string
	}{
		Interpreter: interpreterVersion, Platform: platform, Builder: builderVersion, Manager: p.Manager,
		Requirements: p.Install.Requirements, Groups: sorted(p.Install.Groups), Extras: sorted(p.Install.Extras), Packages: sorted(p.Install.Packages),
		RequireHashes: p.Install.RequireHashes, Project: p.Install.Project, Virtualenv: p.Install.Virtualenv, Tree: tree, Env: env,
	}
	if p.Install.Local != "" && tree == "" {
		return "", slipway.Errorf(slipway.Internal, "%s is installed from the tree, whose digest is missing", p.Install.Local)
	}
	switch {
	case p.PackagesAsOf != "":
		key.Bucket = "before " + p.PackagesAsOf
	case !p.Pinned():
		key.Bucket = bucket
	}
	for _, name := range sorted(p.Install.Files) {
		data, err := read(name)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(data)
		key.Files = append(key.Files, file{name, hex.EncodeToString(sum[:])})
	}
	text, err := json.Marshal(key)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(text)), nil
}

// Pinned says that the versions to install are all written down.
func (p *Project) Pinned() bool {
	if p.Lock != nil || p.Manager == NoDeps {
		return true
	}
	for _, w := range p.Warnings {
		if w.Code == "requirements.unpinned" || w.Code == "lock.missing" {
			return false
		}
	}
	return p.Install.RequireHashes || len(p.Install.Requirements) > 0
}

func sorted(list []string) []string {
	out := append([]string{}, list...)
	sort.Strings(out)
	return out
}
