package python

import (
	"io/fs"
	"sort"
	"time"

	"go.yaml.in/yaml/v3"

	slipway "github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/python/tree"
)

// detection is one run of Detect. Its stages fill project in order, and each
// may rely on what the ones before it found.
//
// File names inside a detection are relative to the service's directory, as
// Tree.Read takes them; find, problem and warn turn them into names relative
// to the whole tree. Fields of Project that hold files need Tree.Path.
type detection struct {
	tree    tree.Tree
	opts    Options
	config  *stated.Config // nil without slipway.yaml and overrides
	over    *yaml.Node     // the overrides that are in force, nil for none
	project *Project
	deps    manifest.Dependencies

	home      string // the directory Options.Path names; tree may since be below it
	manifests manifests
	pyproject manifest.Pyproject
	locked    []lock.Package
	lockData  map[string]any
	frozen    bool              // the lock is of an earlier version of the project, and counts
	options   []manifest.Option // of requirement files: where packages come from
	// production is the locked packages that production installs, nil for all
	production map[string]bool
	code       code              // parsed modules of the service
	procfile   map[string]string // its commands that count for nothing, by process
	halted     bool              // the manifests make no sense: later stages would only add noise
}

// Detect reads the project at o.Path in fsys. It returns an error only when
// the tree cannot be read; what is wrong with the project is in
// Project.Problems, and a project with none is deployable.
func Detect(fsys fs.FS, o Options) (*Project, error) {
	t, err := tree.Open(fsys, o.Path)
	if err != nil {
		return nil, err
	}
	d := &detection{tree: t, opts: o, project: newProject(), home: t.Dir, procfile: map[string]string{}}

	d.loadConfig()
	d.chooseRoot()
	d.detectManager()
	d.dropDate()
	d.setProduction()
	d.detectInterpreter()
	if d.anachronous() {
		day := d.project.PackagesAsOf
		o.Written = time.Time{}
		p, err := Detect(fsys, o)
		if err == nil {
			p.Warnings = append(p.Warnings, Problem{Code: "packages.newest", Message: "its commit is of " + day + ", and Python " + p.Python.Version + ", which runs it, came later: today's packages are installed",
				Remedy: "have a Python of those days installed, or state versions"})
		}
		return p, err
	}
	if !d.halted {
		d.detectApplication()
		d.unreadImage()
		d.toldWhere()
		d.planStops()
		d.checkImports()
		d.refuseSpellings()
		d.detectMigrations()
		d.detectTests()
		d.settlePoetryTests()
		d.settlePipfileTests()
		d.detectHealth()
		d.planData()
		d.project.Tables = d.tables()
		d.planStatic()
		d.warnHTTPS()
		d.planTrials()
	}
	d.planInstall()
	d.keepSetuptools()
	d.leaveOut()
	d.detectSystem()

	d.project.Root = slipway.SourcePath(d.tree.Dir)
	d.project.Config = d.config
	d.project.Deployable = len(d.project.Problems) == 0
	return d.project, d.tree.Failure()
}

// newProject returns a Project whose lists are empty rather than null, so
// that readers of its JSON need no special case.
func newProject() *Project {
	return &Project{
		Root:      ".",
		Manifests: []string{},
		Processes: map[string]Command{},
		Stops:     map[string]Stop{},
		Test: Test{
			Groups: []string{}, Extras: []string{}, Requirements: []string{},
			Packages: []string{}, Without: []string{}, Before: []Command{},
		},
		Install: Install{
			Requirements: []string{}, Groups: []string{}, Extras: []string{},
			Packages: []string{}, Files: []string{},
		},
		System:   []SystemNeed{},
		Data:     []slipway.DataPath{},
		Findings: []Finding{},
		Warnings: []Problem{},
		Problems: []Problem{},
	}
}

// find records an answer with its evidence.
func (d *detection) find(f Finding) {
	f.File = d.tree.Path(f.File)
	if f.Rivals == nil {
		f.Rivals = []string{}
	}
	if f.Confidence == "" {
		f.Confidence = High
	}
	d.project.Findings = append(d.project.Findings, f)
}

// problem records something that stops a deploy.
func (d *detection) problem(p Problem) {
	p.File = d.tree.Path(p.File)
	d.project.Problems = append(d.project.Problems, p)
}

// warn records something that ought to be known and stops nothing.
func (d *detection) warn(p Problem) {
	p.File = d.tree.Path(p.File)
	d.project.Warnings = append(d.project.Warnings, p)
}

// paths turns names relative to the service's directory into sorted names
// relative to the tree, each once.
func (d *detection) paths(names []string) []string {
	seen := map[string]bool{}
	out := []string{}
	for _, n := range names {
		p := d.tree.Path(n)
		if p != "" && !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	sort.Strings(out)
	return out
}
