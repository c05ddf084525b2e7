package slipway

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"time"
)

// Digest is "sha256:" and 64 hexadecimal digits.
type Digest string

// Process is one process type of a release.
type Process struct {
	Name         string `json:"name"`
	Command      string `json:"command"` // as its author wrote it; see python.Command
	Instances    int    `json:"instances"`
	GraceSeconds int    `json:"grace_seconds"`        // stop signal to SIGKILL
	StopSignal   string `json:"stop_signal,omitzero"` // TERM, INT, QUIT, HUP, USR1, USR2 or WINCH; "" means TERM
	MemoryMB     int    `json:"memory_mb,omitzero"`   // of an instance with all its processes; 0 means the node's bound

	LastSignal  string `json:"last_signal,omitzero"`  // sent at the end of the grace, a moment before SIGKILL; "" for none
	BehindShell bool   `json:"behind_shell,omitzero"` // the first process is a shell, which ends by TERM; StopSignal is for what it leaves
	// Env are variables by which the program takes options of its own, unless the
	// service sets them. Options are those that hold a list of options: the service's
	// own list comes behind, and so wins where both name one.
	Env     map[string]string `json:"env,omitempty"`
	Options map[string]string `json:"options,omitempty"`
}

// Health is how an instance is found healthy.
type Health struct {
	Path           string `json:"path"` // "" means any HTTP answer is enough
	Statuses       []int  `json:"statuses,omitempty"`
	Host           string `json:"host,omitempty"`
	TimeoutSeconds int    `json:"timeout_seconds"`
}

// Well is a path that a healthy instance does not answer with 400, "" when none
// is known.
func (h Health) Well() string {
	if slices.Contains(h.Statuses, 400) {
		return ""
	}
	return h.Path
}

// Template is a config file that the repository asks to be rendered.
type Template struct {
	Source string `json:"source"` // the Jinja2 template, relative to the service's directory
	Path   string `json:"path"`   // where the result goes, relative to the service's directory
}

// SourcePath is a directory, slash-separated and relative to the root of a
// release's source, which is the repository's and not always the service's. It is
// a type of its own so that it isn't joined to the service's directory again.
type SourcePath string

// In is where the directory is, below the place of the source on this machine.
func (p SourcePath) In(source string) string {
	return filepath.Join(source, filepath.FromSlash(string(p)))
}

// Local tells whether the directory lies inside the source; "" is its root.
func (p SourcePath) Local() bool { return p == "" || filepath.IsLocal(filepath.FromSlash(string(p))) }

// DataPath is a file or directory in the service's own tree, or in its /tmp, that the
// service writes to. It is kept across deploys, and all of its processes share it.
type DataPath struct {
	Path      SourcePath `json:"path"`
	Directory bool       `json:"directory,omitempty"`
	Tmp       bool       `json:"tmp,omitempty"` // Path lies below /tmp
}

// String is the path as people write it.
func (d DataPath) String() string {
	if d.Tmp {
		return "/tmp/" + string(d.Path)
	}
	return string(d.Path)
}

// Static is a directory of the release whose files the edge serves by itself, to
// everybody who asks for a path that begins with Path.
type Static struct {
	Path string     `json:"path"` // begins and ends with a slash, and isn't "/"
	Dir  SourcePath `json:"dir"`
}

// AnswerSeconds is what a release states that says nothing else. It stands in the
// manifest, so that a release made before there was a limit goes on without one.
const AnswerSeconds = 300

// Manifest says how a release is run. It is part of the artifact and of its
// digest: what was decided when the release was built doesn't move afterwards.
type Manifest struct {
	Service        string     `json:"service"`
	Commit         string     `json:"commit"`
	Python         string     `json:"python"` // full version
	Framework      string     `json:"framework,omitempty"`
	Application    string     `json:"application,omitempty"` // which of several objects it is, where importing has told
	Dir            SourcePath `json:"dir"`                   // the service's own
	Processes      []Process  `json:"processes"`
	ReleaseCommand string     `json:"release_command,omitempty"`
	// ReleaseRepeatable says that the release command may run again when it can't be
	// found out whether it has run.
	ReleaseRepeatable bool              `json:"release_repeatable,omitempty"`
	Health            Health            `json:"health"`
	Hosts             *AcceptedHosts    `json:"hosts,omitempty"`       // nil when it takes all, or that isn't known
	Env               map[string]string `json:"env,omitempty"`         // the lowest layer of config
	SearchPath        []SourcePath      `json:"search_path,omitempty"` // PYTHONPATH, unless config sets one
	// Package is where the project itself is installed: the last directory of
	// PYTHONPATH, whoever sets that, with its programs in bin; "" when it is none.
	Package       SourcePath `json:"package,omitempty"`
	Data          []DataPath `json:"data,omitempty"`
	Templates     []Template `json:"templates,omitempty"`
	Checks        []Check    `json:"checks,omitempty"`
	Trials        []Trial    `json:"trials,omitempty"` // of a rehearsal
	Pages         Pages      `json:"pages,omitempty"`
	Static        *Static    `json:"static,omitempty"`
	AnswerSeconds int        `json:"answer_seconds,omitempty"` // for the service to begin an answer; 0 for as long as it takes
	// Limits and LimitsByEnvironment are what it states of the edge's; see LimitsIn.
	Limits              *Limits           `json:"limits,omitempty"`
	LimitsByEnvironment map[string]Limits `json:"environment_limits,omitempty"`
	VerifyCommand       string            `json:"verify_command,omitempty"` // run against the live URL, after the checks
	Lock                Digest            `json:"lock,omitempty"`           // of the lock file, "" when unlocked
	// PackagesAsOf is the day, such as 2024-05-31, before which packages had to be there
	// to count where nothing held their versions; "" when there was no such day.
	PackagesAsOf string    `json:"packages_as_of,omitempty"`
	Environment  string    `json:"environment"`         // key of the virtual environment
	Overrides    Overrides `json:"overrides,omitzero"`  // that it was built with
	Addresses    []string  `json:"addresses,omitempty"` // variables by which it is told where servers are
	Required     []string  `json:"required,omitempty"`  // variables that it reads without a default
	// Asked are the variables that it asks for and may do without, or reads by a function of
	// its own; those of one list are wanted by one file.
	Asked  [][]string `json:"asked,omitempty"`
	Tables *Tables    `json:"tables,omitempty"` // what would make its tables; nil where that isn't known, or is run
}

// Tables is the project's own command that makes the tables of its database, which no
// step runs, with what states it as the release command.
type Tables struct {
	Command string `json:"command"`
	State   string `json:"state"`
	Once    string `json:"once,omitempty"` // the same, so that it runs once, where it empties what is there
}

// Artifact is a built release on disk: a directory addressed by its digest
// that holds source/, venv (a link to the immutable environment), manifest.json,
// sbom.json (CycloneDX) and dependencies.json. Nothing in it changes afterwards.
type Artifact struct {
	Digest   Digest   `json:"digest"`
	Path     string   `json:"path"`
	Manifest Manifest `json:"manifest"`
	Bytes    int64    `json:"bytes"`
	Reused   bool     `json:"reused"` // the environment was not built again
	Reason   string   `json:"reason"` // why it was or was not reused
	// BuiltUnder are the layers that held the code of the project in this build, in
	// the words of Protection.Layers; nil of an artifact that was only opened.
	BuiltUnder []string `json:"built_under,omitempty"`
	BuiltBy    string   `json:"built_by,omitempty"` // the version of Slipway; "" of one that was only opened
}

// Dependency is one distribution that a release contains.
type Dependency struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Direct  bool   `json:"direct"`
}

// BuildRequest asks for a release of the tree at Dir.
type BuildRequest struct {
	Service string // becomes part of the manifest
	Dir     string // an exported tree; the builder doesn't write into it
	Path    string // the service's directory inside
	Commit  string
	Written time.Time // when the commit was made; zero for a working tree
	RunID   string    // marks every process of the build, so that a rerun can end what a crash left

	Overrides Overrides // become part of the manifest: others make another artifact

	// History is Source.History of the commit; nil where the tree is of no
	// repository. It is asked when the project's own build asks git.
	History func(ctx context.Context, dir string, log io.Writer) error
}

// TestRequest asks for the tests of an artifact, run beside it and not in it, as
// the project stood when it was built: the overrides are those of its manifest.
type TestRequest struct {
	Artifact Digest
	Path     string
	RunID    string
	Timeout  time.Duration // 0 means the builder's default

	Command string            // instead of the project's own; a verification's
	Env     map[string]string // that it sees besides

	// History is as for the build: tests may install the project by building it.
	History func(ctx context.Context, dir string, log io.Writer) error
}

// TestVerdict is what a run of the tests comes to. A release gets past its tests
// with every verdict but failed; an environment may ask for passed.
type TestVerdict string

const (
	TestsPassed  TestVerdict = "passed"
	TestsFailed  TestVerdict = "failed"  // some were red, or they could not be run to their end
	TestsNone    TestVerdict = "none"    // the project has none that are known
	TestsSkipped TestVerdict = "skipped" // its owner doesn't want them run
)

// TestVerdicts lists them all, for enums.
var TestVerdicts = []TestVerdict{TestsPassed, TestsFailed, TestsNone, TestsSkipped}

// TestReport is what the tests said.
type TestReport struct {
	Verdict  TestVerdict   `json:"verdict,omitempty"` // "" until the run is judged, and in reports of before there were verdicts
	Reason   string        `json:"reason,omitempty"`  // why it failed, or how it is known that there are none, in one sentence
	Command  string        `json:"command"`           // "" when the project has none
	Total    int           `json:"total"`
	Passed   int           `json:"passed"`
	Failed   int           `json:"failed"`
	Errors   int           `json:"errors"`
	Skipped  int           `json:"skipped"`
	Seconds  float64       `json:"seconds"`
	Failures []TestFailure `json:"failures,omitempty"` // at most 50
}

// Judged is the report with the verdict that follows from how Builder.Test
// ended. The counts alone don't tell: tests whose dependencies can't be
// installed, or that run out of time, have no failure to count.
func (r TestReport) Judged(err error) TestReport {
	switch {
	case err != nil || r.Failed+r.Errors > 0:
		r.Verdict = TestsFailed
		if err != nil {
			r.Reason = err.Error()
		}
	case r.Verdict == TestsSkipped, r.Verdict == TestsNone:
	case r.Command == "":
		r.Verdict = TestsNone
	default:
		r.Verdict = TestsPassed
	}
	return r
}

// Standing is the verdict that a release goes on with; "" when its tests have to
// run, again or for the first time. A report of before there were verdicts counts
// as passed when some test did and none failed: it says "no tests" of a release
// whose tests could not run as well.
func (r *TestReport) Standing() TestVerdict {
	switch {
	case r == nil || r.Verdict == TestsFailed:
		return ""
	case r.Verdict == "" && r.Passed > 0 && r.Failed+r.Errors == 0:
		return TestsPassed
	}
	return r.Verdict
}

// TestFailure is one test that did not pass.
type TestFailure struct {
	Name    string `json:"name"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
	Excerpt string `json:"excerpt,omitempty"` // bounded, scrubbed
}

// Builder makes releases. Build and Test may run at once, and again with the
// same request after a crash: what an earlier try left half done is discarded,
// what it finished is found and returned.
type Builder interface {
	// Build makes the artifact of a tree. What the project itself gets wrong
	// (not deployable, a stale lock, unsatisfiable requirements, an import that
	// fails) is Refused with the tool's reason in words; the raw output goes to log.
	Build(ctx context.Context, req BuildRequest, log io.Writer) (Artifact, error)
	// Test runs the tests. Red tests are not an error: they are in the report,
	// and Refused is returned beside it. A project without tests returns an
	// empty report and nil, or one that says none and why when that was found out
	// by running; one whose owner doesn't want them run says skipped.
	Test(ctx context.Context, req TestRequest, log io.Writer) (TestReport, error)
	// Open finds an artifact by its digest, or NotFound.
	Open(ctx context.Context, digest Digest) (Artifact, error)
	// Dependencies lists what an artifact contains, sorted by name.
	Dependencies(ctx context.Context, digest Digest) ([]Dependency, error)
	// Migrations lists the schema migrations that an artifact carries, as far as
	// they can be read from its source.
	Migrations(ctx context.Context, digest Digest) (Migrations, error)
	// Discard removes an artifact that nothing refers to any more.
	Discard(ctx context.Context, digest Digest) error
}
