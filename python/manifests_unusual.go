package python

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// unusualRequirements takes the only file of requirements that there is under a name
// that no tool looks for: what its author installs from it doesn't depend on the name.
// It reports whether the matter is settled, by an answer or by a question.
func (d *detection) unusualRequirements() bool {
	var named []string
	for _, f := range d.manifests.requirements {
		if !forDevelopment(f) {
			named = append(named, f)
		}
	}
	here := d.tree.List(".")
	for _, f := range misspeltRequirements {
		if slices.Contains(here, f) {
			named = append(named, f)
		}
	}
	var readable []string
	for _, f := range manifest.SortedUnique(named) {
		if set := manifest.ReadRequirements(d.tree, f); len(set.Requirements) > 0 && len(set.Problems) == 0 {
			readable = append(readable, f)
		}
	}
	switch {
	case len(readable) == 0:
		return false
	case len(readable) > 1:
		d.refuse(Problem{Code: "manager.requirements_ambiguous", Message: "several requirements files could be production's: " + strings.Join(readable, ", "),
			File: d.configFile(), Remedy: d.stating("requirements", "["+readable[0]+"]")})
		return true
	}
	d.warn(Problem{Code: "manager.misspelt", Message: "there is no requirements.txt; " + readable[0] + " is installed in its place",
		File: readable[0], Line: 1, Remedy: "git mv " + readable[0] + " requirements.txt"})
	d.plainRequirements(readable[0], Finding{File: readable[0], Line: 1, Rule: "manager.requirements.unusual", Confidence: Medium})
	return true
}

// notCompiled installs what requirements.in asks for, which nobody has compiled.
func (d *detection) notCompiled(file string) {
	d.plainRequirements(file, Finding{File: file, Line: 1, Rule: "manager.requirements.not_compiled", Confidence: Medium})
}

// hostOfIndex names an index by its host alone: its address may hold a password.
func hostOfIndex(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ","
	}
	return " at " + tree.Clip(u.Host) + ","
}

// unlockedPipfile installs the ranges of a Pipfile that has no lock.
func (d *detection) unlockedPipfile() {
	pipfile, problem := manifest.ReadPyproject(d.tree, "Pipfile")
	if problem != nil {
		problem.Code = "pipfile.syntax"
		d.refuse(*problem)
		return
	}
	deps := manifest.PipfileDependencies(pipfile)
	refuse := func(what string) {
		d.refuse(Problem{Code: "lock.missing", Message: "Pipfile states " + what + " in a way that only Pipenv can resolve, and there is no Pipfile.lock",
			File: "Pipfile", Line: 1, Remedy: "pipenv lock (then commit Pipfile.lock)"})
	}
	for _, source := range manifest.DigList(pipfile.Data, "source") {
		if at := manifest.DigString(source, "url"); !strings.Contains(at, "//pypi.org/") && !strings.Contains(at, "//pypi.python.org/") {
			refuse("an index of its own" + hostOfIndex(at))
			return
		}
	}
	texts, what, ok := rangesOf(deps.Production)
	if !ok {
		refuse(what)
		return
	}
	d.deps = deps
	d.project.Install.Ranges = append([]string{}, texts...)
	d.choose(Pip, Finding{File: "Pipfile", Line: 1, Rule: "manager.pipfile_unlocked", Confidence: Medium})
	d.project.Manifests = []string{"Pipfile"}
	d.warn(Problem{Code: "lock.missing", Message: "Pipfile has no Pipfile.lock: " + d.followed(),
		File: "Pipfile", Line: 1, Remedy: "pipenv lock (then commit Pipfile.lock)" + d.renewed()})
}

// rangesOf writes dependencies as pip reads them. ok is false, and what says of which,
// when one comes from elsewhere than an index.
func rangesOf(list []manifest.Dependency) (texts []string, what string, ok bool) {
	for _, dep := range list {
		text, written := requirementOf(dep)
		if dep.URL != "" || !written {
			return nil, dep.Name, false
		}
		texts = append(texts, text)
	}
	return texts, "", true
}

// settlePipfileTests writes the groups that the tests need as packages: what installs an
// unlocked Pipfile doesn't know them.
func (d *detection) settlePipfileTests() {
	if d.evidenceOf("manager").File != "Pipfile" || d.project.Manager != Pip {
		return
	}
	t := &d.project.Test
	left := []string{}
	for _, g := range t.Groups {
		texts, _, ok := rangesOf(d.deps.Groups[g])
		if !ok {
			left = append(left, g) // the installation says what is wrong with it
			continue
		}
		t.Packages = append(t.Packages, texts...)
	}
	t.Groups = left
}

// endless are files of a directory of requirements that have no ending.
func endless(t tree.Tree) []string {
	var out []string
	for _, f := range t.Glob("requirements/*") {
		if path.Ext(f) == "" && t.Exists(f) {
			out = append(out, f)
		}
	}
	return out
}
