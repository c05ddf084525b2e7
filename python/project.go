// Package python holds what Slipway knows about Python projects: how to tell
// what a repository needs, how to build, test, start and migrate it, and what
// to refuse. It is pure: it reads an fs.FS and returns data. Nothing in here
// runs a command, reads a clock or opens a socket.
package python

import (
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/python/tree"
)

// Command is one command line as its author would type it.
type Command = shell.Command

// Manager is a tool that installs a project's dependencies.
type Manager = manifest.Manager

// The managers that a project can have.
const (
	UV       = manifest.UV
	Poetry   = manifest.Poetry
	PDM      = manifest.PDM
	Pipenv   = manifest.Pipenv
	PipTools = manifest.PipTools
	Pip      = manifest.Pip
	PyLock   = manifest.PyLock
	NoDeps   = manifest.NoDeps
)

// Problem is something that stops a deploy or ought to be known, with the way out.
type Problem = tree.Problem

// Interface is how a server talks to an application object.
type Interface string

const (
	WSGI Interface = "wsgi"
	ASGI Interface = "asgi"
	Raw  Interface = "raw" // the program opens its own socket, or none
)

// Confidence says how sure a finding is. Only high and medium findings may
// start a deploy; a low one becomes a problem that asks.
type Confidence string

const (
	High   Confidence = "high"   // stated by the repository, or by the service's owners
	Medium Confidence = "medium" // inferred, and checked by importing before a deploy
	Low    Confidence = "low"    // a suggestion only
)

// Interpreter is a Python that the machine has.
type Interpreter struct {
	Version string `json:"version"` // full, as "3.12.1"
	Path    string `json:"path"`
}

// Options tells Detect what it cannot read from the tree.
type Options struct {
	// Path is the service's directory inside the tree; "" or "." is its root.
	Path string
	// Overrides count where slipway.yaml doesn't say otherwise.
	Overrides slipway.Overrides
	// Interpreters are the Pythons to choose from, in no particular order.
	Interpreters []Interpreter
	// Today decides which Pythons are past their end of life. The zero time
	// switches that check off.
	Today time.Time
	// Fetch says that a Python which is missing can be had in the build.
	Fetch bool
	// Written is when the commit was made; the zero time for a working tree, which is of
	// now.
	Written time.Time
	// Chosen is the Key of the object that a build has found to be the only one that works.
	Chosen string
	// Pins are what a package index tells of AskedPins; nil when it wasn't asked.
	Pins []PinFacts
	// Newest is the newest minor version of Python 3 that a build has found to do, 0
	// for any, and NewestWhy what it has found.
	Newest    int
	NewestWhy string
}

// Project is what Slipway understands of a Python project and why. Its JSON
// is the output of `slipway detect --json` and is stable: fields are added,
// never renamed or removed.
type Project struct {
	Deployable  bool               `json:"deployable"`
	Name        string             `json:"name,omitempty"` // from [project] or slipway.yaml; may be empty
	Root        slipway.SourcePath `json:"root"`           // directory of the manifests, in which every command runs; "." for the tree's root
	Manager     Manager            `json:"manager"`
	Manifests   []string           `json:"manifests"` // files that state dependencies, relative to the tree
	Lock        *Lock              `json:"lock"`      // nil when there is none
	Python      Python             `json:"python"`
	Framework   string             `json:"framework"` // django, flask, fastapi, starlette, litestar, sanic, quart, falcon, bottle, pyramid, aiohttp, tornado, streamlit, gradio, dash, "" ...
	Processes   map[string]Command `json:"processes"` // web, worker, scheduler ...
	Stops       map[string]Stop    `json:"stops"`     // how each of them is stopped
	Application *Application       `json:"application"`
	// Candidates are the objects between which reading can't decide, Application among
	// them: the build imports each and takes the only one that works.
	Candidates     []Candidate `json:"candidates,omitempty"`
	Server         *Server     `json:"server"`
	ReleaseCommand Command     `json:"release_command"` // empty when there is none
	Test           Test        `json:"test"`
	Health         Health      `json:"health"`

	Hosts   *slipway.AcceptedHosts `json:"hosts,omitempty"` // that the application takes; nil when it takes all, or it can't be told
	Install Install                `json:"install"`
	// PackagesAsOf is the day, such as 2024-05-31, before which packages had to be there
	// to count where nothing holds their versions; "" for all that there are.
	PackagesAsOf string             `json:"packages_as_of,omitempty"`
	Static       *Static            `json:"static"` // nil when there are no static files to collect
	System       []SystemNeed       `json:"system"` // libraries and headers that some dependency wants
	Config       *stated.Config     `json:"config,omitempty"`
	Data         []slipway.DataPath `json:"data"` // what the service writes to in its own tree, or in its /tmp
	Trials       []slipway.Trial    `json:"-"`    // what a rehearsal runs
	Tables       *slipway.Tables    `json:"-"`    // what would make its tables, which nothing runs
	Findings     []Finding          `json:"findings"`
	Warnings     []Problem          `json:"warnings"`
	Problems     []Problem          `json:"problems"` // not empty: not deployable

	direct  []string
	sets    []needSet         // what the tests may be given besides
	modules map[string]string // the project's own, and the directories in which they are
	asked   []Pin
}

// Lock is a lock file and whether it still matches its manifest.
type Lock struct {
	File   string `json:"file"`
	Fresh  *bool  `json:"fresh"` // nil when it cannot be told from the files
	Reason string `json:"reason,omitempty"`
	Hashes bool   `json:"hashes"` // every entry carries hashes
	Digest string `json:"digest"` // sha256 of the file
}

// Python is the interpreter wanted and the one found.
type Python struct {
	Wanted      string `json:"wanted"`      // as written: "3.12", ">=3.11,<3.14"; "" when nothing says
	Source      string `json:"source"`      // file:line, or "wheels", or "default"
	Interpreter string `json:"interpreter"` // path of the chosen one, "" when none fits
	Version     string `json:"version"`     // its full version
	// Fetch is the version that is missing and that the build fetches first; ""
	// for none.
	Fetch string `json:"fetch,omitempty"`
}

// Application is the object a server imports.
type Application struct {
	Module    string             `json:"module"` // payments.wsgi
	Object    string             `json:"object"` // app, or create_app when Factory
	Factory   bool               `json:"factory"`
	Arguments string             `json:"arguments,omitempty"` // literals that the factory is called with
	Interface Interface          `json:"interface"`           // "" until the import has told
	Dir       slipway.SourcePath `json:"dir"`                 // directory to import from
}

// Server is the program that serves the application.
type Server struct {
	Name string `json:"name"` // gunicorn, uvicorn, hypercorn, daphne, granian, waitress, uwsgi
	// Injected says that the project does not declare it: Slipway installs
	// Requirement beside the project's own dependencies.
	Injected    bool   `json:"injected"`
	Requirement string `json:"requirement,omitempty"` // gunicorn==23.0.0
}

// Test is how the project's tests run.
type Test struct {
	Command Command `json:"command"`        // "" when there are none
	Runner  string  `json:"runner"`         // pytest, django, unittest, custom, ""
	Skip    bool    `json:"skip,omitempty"` // the owner doesn't want them run
	// Groups, Extras and Requirements are what the tests need beyond production.
	Groups       []string  `json:"groups"`
	Extras       []string  `json:"extras"`
	Requirements []string  `json:"requirements"` // files relative to the tree
	Packages     []string  `json:"packages"`     // requirement strings, such as pytest itself
	Without      []string  `json:"without"`      // packages that are left out, such as one that needs headers
	Before       []Command `json:"before"`       // e.g. collectstatic for a manifest storage
	// Env is what another platform's file gives them; slipway.yaml's test.env goes over it.
	Env map[string]string `json:"env,omitempty"`
	// Seen is where a test stands, as file:line; "" when none was seen. A run that
	// finds no test has overlooked it.
	Seen string `json:"seen,omitempty"`
	// Local is as in Install, for the environment of the tests.
	Local string `json:"local,omitempty"`
}

// Health is how to tell that an instance serves.
type Health struct {
	Path     string `json:"path"`               // "" means any HTTP answer is enough
	Statuses []int  `json:"statuses,omitempty"` // accepted beyond 200-399
	Host     string `json:"host,omitempty"`     // Host header the application accepts
}

// Install is how production dependencies get into an environment: enough for
// a builder to act without reading the manifests again.
type Install struct {
	Requirements  []string `json:"requirements"` // requirement files, in order
	RequireHashes bool     `json:"require_hashes"`
	Project       bool     `json:"project"` // install the project itself (pip install .)
	Groups        []string `json:"groups"`  // extra production groups, from slipway.yaml
	Extras        []string `json:"extras"`
	Packages      []string `json:"packages"`          // injected: the server
	Without       []string `json:"without,omitempty"` // what no installation takes: Python has it
	// Ranges are requirements that Slipway has written from a manifest without a
	// lock that no installer reads by itself.
	Ranges     []string `json:"ranges,omitempty"`
	Files      []string `json:"files"`      // the closure that decides the cache key
	Frozen     bool     `json:"frozen"`     // the lock counts although its manifest has changed (stale_lock: warn, lock.version, lock.setting)
	Virtualenv bool     `json:"virtualenv"` // slipway.yaml asks for virtualenv instead of venv
	// Unmarked is a lock that doesn't say on which machines its packages are wanted: a
	// pdm.lock without the strategy inherit_metadata.
	Unmarked bool `json:"unmarked,omitempty"`
	// Local names something that is built or copied from the tree itself, such as
	// ./lib; "" when all comes from outside. Then the whole tree decides the
	// environment, of which Files is only a part.
	Local string `json:"local,omitempty"`
	// Commits says that the lock takes something from git, by its commit, for which no
	// file's hash can stand.
	Commits bool `json:"commits,omitempty"`
	// Package is the project itself, to be installed last; nil when it is no package.
	Package *Package `json:"package,omitempty"`
}

// SystemNeed is something outside PyPI that a dependency wants.
type SystemNeed struct {
	Package string `json:"package"` // mysqlclient
	Needs   string `json:"needs"`   // "MySQL client headers (Debian: default-libmysqlclient-dev)"
}

// Finding is one answer with its evidence.
type Finding struct {
	What       string     `json:"what"` // manager, python, framework, web, test, health ...
	Value      string     `json:"value"`
	File       string     `json:"file"`
	Line       int        `json:"line"`
	Rule       string     `json:"rule"` // stable id, such as manager.lock.uv
	Confidence Confidence `json:"confidence"`
	Rivals     []string   `json:"rivals"` // what else it could have been, with file:line
}

// Overridden says that the service's owners have said it.
func (f Finding) Overridden() bool { return strings.Contains(f.Rule, ".override") }

// Key is the key of slipway.yaml, and of overrides, that says something else
// than the finding; "" when none does.
func (f Finding) Key() string {
	switch f.What {
	case "packages":
		return "packages_as_of"
	case "manager", "python", "framework", "application", "server", "root":
		return f.What
	case "release":
		return "release_command"
	case "test":
		return "test.command"
	case "health":
		return "health.path"
	case "derived", "settings", "health.host", "test.before", "server.worker":
		return ""
	}
	if stated.ProcessName.MatchString(f.What) {
		return "processes." + f.What + ".command"
	}
	return ""
}
