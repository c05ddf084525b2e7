package python

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// detectManager settles what installs the dependencies, reads them and judges
// the lock. It halts the detection when the manifests contradict each other.
func (d *detection) detectManager() {
	d.deps = newDependencies()
	if d.halted {
		return
	}
	d.warnStray()
	if d.refuseTemplate() {
		d.halted = true
		return
	}
	var problem *Problem
	if d.pyproject, problem = manifest.ReadPyproject(d.tree, "pyproject.toml"); problem != nil {
		d.problem(*problem)
		d.halted = true
		return
	}
	d.datePackages()
	d.manifests = collectManifests(d.tree)
	d.deps = d.pyproject.Dependencies()
	d.project.Name = manifest.DigString(d.pyproject.Data, "project", "name")
	if d.project.Name == "" {
		d.project.Name = manifest.DigString(d.pyproject.Data, "tool", "poetry", "name")
	}
	if d.config != nil && d.config.Name != "" {
		d.project.Name = d.config.Name
	}
	switch {
	case d.config != nil && (d.config.Manager != "" || len(d.config.Requirements) > 0):
		d.configuredManager()
	case len(d.manifests.locks) > 0:
		d.lockedManager()
	default:
		d.unlockedManager()
	}
	d.readDevelopmentFiles()
	d.project.Manifests = d.paths(d.project.Manifests)
}

func newDependencies() manifest.Dependencies {
	return manifest.Dependencies{Groups: map[string][]manifest.Dependency{}, Extras: map[string][]manifest.Dependency{}, Files: map[string][]manifest.Dependency{}}
}

func (d *detection) choose(m Manager, f Finding) {
	d.project.Manager = m
	f.What, f.Value = "manager", string(m)
	d.find(f)
}

// refuse reports what is wrong and halts: later stages would build on sand.
func (d *detection) refuse(p Problem) {
	d.problem(p)
	d.halted = true
}

// configuredManager follows slipway.yaml or an override, whatever else is in the repository.
func (d *detection) configuredManager() {
	m, key := d.config.Manager, "manager"
	if len(d.config.Requirements) > 0 && (m == "" || m == Pip || m == PipTools) {
		if m == "" {
			m, key = Pip, "requirements"
		}
		at := d.stated(key)
		d.useRequirements(m, d.config.Requirements, Finding{File: at.File, Line: at.Line, Rule: "manager." + at.rule, Rivals: d.rivals("")})
		return
	}
	at := d.stated(key)
	f := Finding{File: at.File, Line: at.Line, Rule: "manager." + at.rule}
	k, locked := lock.KindOf(m)
	switch {
	case m == NoDeps:
		d.choose(NoDeps, f)
	case locked && (d.tree.Exists(k.File) || m == UV):
		f.Rivals = d.rivals(k.File)
		d.useLock(k, f)
	case locked:
		d.refuse(Problem{Code: "lock.missing", Message: at.Where() + " sets manager: " + string(m) + ", and there is no " + k.File,
			File: at.File, Line: at.Line, Remedy: cmp.Or(k.Remedy, "add "+k.File) + " (then commit " + k.File + ")"})
	case m == Pip || m == PipTools:
		file := d.manifests.main
		if file == "" {
			file = chooseProductionFile(d.manifests).file
		}
		if file == "" {
			d.choose(m, f)
			d.useProjectItself()
			return
		}
		f.Rivals = d.rivals(file)
		d.useRequirements(m, []string{file}, f)
	default:
		d.refuse(Problem{Code: "manager.unknown", Message: at.Where() + " sets manager: " + string(m) + ", which Slipway does not know",
			File: at.File, Line: at.Line, Remedy: "use one of uv, poetry, pdm, pipenv, pip-tools, pip, pylock, none"})
	}
}

// rivals names the other files that could have decided.
func (d *detection) rivals(chosen string) []string {
	out := []string{}
	for _, f := range append(append([]string{}, d.manifests.locks...), d.manifests.main, d.manifests.setup, d.manifests.conda) {
		if f != "" && f != chosen {
			out = append(out, d.tree.Path(f)+":1")
		}
	}
	return out
}

// lockedManager decides when there is at least one lock.
func (d *detection) lockedManager() {
	locks := d.manifests.locks
	if len(locks) == 2 && locks[1] == "pylock.toml" && d.exportedFrom(locks[0]) {
		d.find(Finding{What: "derived", Value: "pylock.toml", File: "pylock.toml", Line: 1, Rule: "manager.derived.pylock", Rivals: []string{locks[0]}})
		locks = locks[:1]
	}
	if len(locks) > 1 {
		d.refuse(Problem{Code: "manager.two_locks", Message: "two lock files could be the one that counts: " + strings.Join(locks, " and "),
			File: locks[1], Remedy: "delete the one you no longer use (git rm " + locks[1] + "), or say which one counts: " + d.stating("manager", string(kindOfLock(locks[0]).Manager))})
		return
	}
	k := kindOfLock(locks[0])
	d.useLock(k, Finding{File: k.File, Line: 1, Rule: "manager.lock." + string(k.Manager)})
	if d.halted || d.manifests.main == "" {
		return
	}
	d.reconcile(k)
}

// kindOfLock is what is known of a lock file.
func kindOfLock(file string) lock.Kind {
	return lock.Kinds[slices.IndexFunc(lock.Kinds, func(kind lock.Kind) bool { return kind.File == file })]
}

func (d *detection) exportedFrom(lock string) bool {
	text, _ := d.tree.ReadLock("pylock.toml")
	data, _, err := manifest.ParseTOML(text)
	return err == nil && strings.HasPrefix(lock, manifest.DigString(data, "created-by"))
}

// useLock chooses k and reads its manifest and the lock.
func (d *detection) useLock(k lock.Kind, f Finding) {
	d.choose(k.Manager, f)
	lockName := k.File
	if !d.tree.Exists(lockName) {
		if up, ok := d.workspaceLock(); ok {
			lockName = up
		} else {
			d.refuse(Problem{Code: "lock.missing", Message: "there is no " + k.File, File: k.File, Remedy: k.Remedy + " (then commit " + k.File + ")"})
			return
		}
	}
	switch k.Manager {
	case PyLock:
		d.readLockFile(k, lockName, nil)
		d.project.Manifests = []string{lockName}
		if len(d.deps.Production) == 0 {
			d.deps.Production = everythingLocked(lockName, d.locked)
		}
		return
	case Pipenv:
		pipfile, problem := manifest.ReadPyproject(d.tree, "Pipfile")
		if problem != nil {
			problem.Code = "pipfile.syntax"
			d.refuse(*problem)
			return
		}
		if pipfile.File == "" {
			d.orphan(k)
			return
		}
		d.deps = manifest.PipfileDependencies(pipfile)
		d.project.Manifests = []string{"Pipfile", lockName}
		d.readLockFile(k, lockName, pipfile.Data)
		return
	}
	if d.pyproject.File == "" {
		d.orphan(k)
		return
	}
	d.project.Manifests = []string{"pyproject.toml", lockName}
	d.readLockFile(k, lockName, d.pyproject.Data)
}

func (d *detection) orphan(k lock.Kind) {
	d.refuse(Problem{Code: "lock.orphan", Message: k.File + " is here without the " + k.Manifest + " that it locks",
		File: k.Manifest, Remedy: "commit " + k.Manifest + ", or delete " + k.File})
}

func everythingLocked(file string, packages []lock.Package) []manifest.Dependency {
	var out []manifest.Dependency
	for _, p := range packages {
		out = append(out, manifest.Dependency{Name: p.Name, Specifier: "==" + p.Version, Evidence: tree.Evidence{File: file, Line: 1, Text: p.Name}})
	}
	return out
}

// unlockedManager decides when there is no lock in the service's directory.
func (d *detection) unlockedManager() {
	m := d.manifests
	if up, ok := d.workspaceLock(); ok && d.pyproject.HasProject() {
		d.useLock(lock.Kinds[0], Finding{File: up, Line: 1, Rule: "manager.lock.uv.workspace"})
		return
	}
	stated := len(d.deps.Production) > 0
	switch {
	case m.main != "" && stated && (d.pyproject.HasProject() || d.pyproject.HasPoetry()):
		d.requirementsBesideProject()
	case m.main != "":
		d.plainRequirements(m.main, Finding{File: m.main, Line: 1, Rule: "manager.requirements", Rivals: d.rivals(m.main)})
	case d.pyproject.HasProject() && (stated || !m.pipfile):
		d.unlockedProject()
	case m.pipfile:
		d.unlockedPipfile()
	case d.pyproject.HasPoetry():
		d.unlockedPoetry()
	default:
		d.withoutProject()
	}
}

// withoutProject looks at what is left: a directory of requirements, setup.py,
// conda, plain files, nothing.
func (d *detection) withoutProject() {
	m := d.manifests
	chosen := chooseProductionFile(m)
	switch {
	case len(chosen.rivals) > 0:
		d.refuse(Problem{Code: "manager.requirements_ambiguous", Message: "several requirements files could be production's: " + strings.Join(append([]string{chosen.file}, chosen.rivals...), ", "),
			File: d.configFile(), Remedy: d.stating("requirements", "["+chosen.file+"]")})
	case chosen.file != "":
		d.plainRequirements(chosen.file, Finding{File: chosen.file, Line: 1, Rule: "manager.requirements.directory", Confidence: Medium})
	case m.setup != "":
		d.choose(Pip, Finding{File: m.setup, Line: 1, Rule: "manager.setup"})
		d.useProjectItself()
	case m.conda != "":
		d.refuse(Problem{Code: "manager.conda", Message: m.conda + " describes a conda environment, which Slipway does not support",
			File: m.conda, Remedy: "list the Python packages in pyproject.toml or requirements.txt"})
	case m.pixi != "" || d.pyproject.Has("tool", "pixi"):
		d.refuse(Problem{Code: "manager.pixi", Message: cmp.Or(m.pixi, "pyproject.toml") + " describes a pixi environment, which Slipway does not support",
			File: cmp.Or(m.pixi, "pyproject.toml"), Remedy: "list the Python packages in pyproject.toml or requirements.txt"})
	default:
		d.withoutManifest()
	}
}

func (d *detection) withoutManifest() {
	if d.unusualRequirements() {
		return
	}
	for _, n := range d.tree.List(".") {
		for _, wrong := range misspeltRequirements {
			if n == wrong {
				d.refuse(Problem{Code: "manager.misspelt", Message: "there is no requirements.txt, but a file named " + n,
					File: n, Remedy: "git mv " + n + " requirements.txt"})
				return
			}
		}
	}
	for _, n := range d.tree.List(".") {
		if strings.EqualFold(n, "requirements.in") {
			d.notCompiled(n)
			return
		}
	}
	if len(d.manifests.requirements) > 0 {
		d.refuse(Problem{Code: "manager.only_development", Message: "the only requirements files are for development: " + strings.Join(d.manifests.requirements, ", "),
			File: d.configFile(), Remedy: "add requirements.txt, or take that: " + d.stating("requirements", "["+d.manifests.requirements[0]+"]")})
		return
	}
	if !d.manifests.python {
		what := ""
		for _, other := range []string{"package.json", "go.mod", "Cargo.toml", "Gemfile", "composer.json", "pom.xml"} {
			if d.tree.Exists(other) {
				what = "; there is a " + other
				break
			}
		}
		d.refuse(Problem{Code: "project.not_python", Message: "nothing here is Python: no .py file, no requirements.txt, no pyproject.toml" + what,
			File: ".", Remedy: "give the service's directory with root: in " + d.configFile() + ", or register another repository"})
		return
	}
	first := d.tree.Walk(false)[0]
	d.choose(NoDeps, Finding{File: first, Line: 1, Rule: "manager.none", Confidence: Medium})
}

// unlockedProject installs the project itself, from ranges.
func (d *detection) unlockedProject() {
	f := Finding{File: "pyproject.toml", Line: d.pyproject.Line("project", ""), Rule: "manager.project", Rivals: d.rivals("")}
	without := Problem{Code: "lock.missing", Message: "pyproject.toml has no lock: " + d.followed(), Remedy: "uv lock (then commit uv.lock)" + d.renewed()}
	if d.pyproject.HasPDM() {
		f.Line, f.Rule, f.Confidence = d.pyproject.Line("tool.pdm", ""), "manager.pdm_unlocked", Medium
		without.Message, without.Remedy = "pyproject.toml is for PDM and has no pdm.lock: pip installs it, and "+d.followed(), "pdm lock (then commit pdm.lock)"+d.renewed()
	}
	d.choose(Pip, f)
	d.project.Manifests = []string{"pyproject.toml"}
	if slices.Contains(manifest.DigStrings(d.pyproject.Data, "project", "dynamic"), "dependencies") {
		d.dynamicDependencies()
	}
	if len(d.deps.Production) > 0 {
		without.File, without.Line = f.File, f.Line
		d.warn(without)
	}
}

func (d *detection) unlockedPoetry() {
	line := d.pyproject.Line("tool.poetry", "")
	if packageMode, ok := manifest.Dig(d.pyproject.Data, "tool", "poetry", "package-mode").(bool); ok && !packageMode || !d.pyproject.Has("build-system") {
		texts, what, ok := d.poetryRanges(d.deps.Production, "dependencies")
		if !ok {
			d.refuse(Problem{Code: "lock.missing", Message: "pyproject.toml states " + what + " in a way that only Poetry can resolve, and there is no poetry.lock",
				File: "pyproject.toml", Line: line, Remedy: "poetry lock (then commit poetry.lock)"})
			return
		}
		d.project.Install.Ranges = append([]string{}, texts...) // not nil: the project itself isn't asked for
	}
	d.choose(Pip, Finding{File: "pyproject.toml", Line: line, Rule: "manager.poetry_unlocked", Confidence: Medium})
	d.project.Manifests = []string{"pyproject.toml"}
	d.warn(Problem{Code: "lock.missing", Message: "pyproject.toml has no poetry.lock: " + d.followed(),
		File: "pyproject.toml", Line: line, Remedy: "poetry lock (then commit poetry.lock)" + d.renewed()})
}

// useProjectItself reads dependencies of a package that pip installs whole.
func (d *detection) useProjectItself() {
	if d.pyproject.HasProject() || d.pyproject.HasPoetry() {
		d.project.Manifests = []string{"pyproject.toml"}
		return
	}
	for _, f := range []string{"setup.py", "setup.cfg"} {
		if d.tree.Exists(f) {
			d.project.Manifests = append(d.project.Manifests, f)
		}
	}
	if len(d.project.Manifests) == 0 {
		d.refuse(Problem{Code: "manager.nothing_to_install", Message: "manager: pip is set, and there is nothing for pip to install",
			File: d.configFile(), Line: d.configLine("manager"), Remedy: "add requirements.txt, or set manager: none in " + d.configFile()})
		return
	}
	setup := manifest.ReadSetup(d.tree)
	d.deps.Production = append(d.deps.Production, setup.Production...)
	for extra, list := range setup.Extras {
		d.deps.Extras[extra] = list
	}
}

// dynamicDependencies follows [tool.setuptools.dynamic] to its files.
func (d *detection) dynamicDependencies() {
	files := manifest.DigStrings(d.pyproject.Data, "tool", "setuptools", "dynamic", "dependencies", "file")
	if f := manifest.DigString(d.pyproject.Data, "tool", "setuptools", "dynamic", "dependencies", "file"); f != "" {
		files = []string{f}
	}
	for _, f := range files {
		set := manifest.ReadRequirements(d.tree, path.Clean(f))
		d.project.Manifests = append(d.project.Manifests, set.Files...)
		d.deps.Production = append(d.deps.Production, declaredIn(set)...)
	}
	if len(files) == 0 {
		setup := manifest.ReadSetup(d.tree)
		d.deps.Production = append(d.deps.Production, setup.Production...)
		if setup.File != "" {
			d.project.Manifests = append(d.project.Manifests, setup.File)
		}
	}
}
