// Package stated reads what owners state of a service, in slipway.yaml and in overrides, and
// says by key what is wrong with it. What detection would have found is not known here.
package stated

import (
	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
)

// Config is slipway.yaml: what a team states itself. Anything in it
// overrides detection. Its JSON Schema is python/stated/slipway.schema.json.
type Config struct {
	File string `yaml:"-" json:"-"`

	Name           string             `yaml:"name" json:"name,omitempty"`
	Root           string             `yaml:"root" json:"root,omitempty"`
	Manager        manifest.Manager   `yaml:"manager" json:"manager,omitempty"`
	Requirements   []string           `yaml:"requirements" json:"requirements,omitempty"`
	Groups         []string           `yaml:"groups" json:"groups,omitempty"`
	Extras         []string           `yaml:"extras" json:"extras,omitempty"`
	Python         string             `yaml:"python" json:"python,omitempty"`
	Strict         bool               `yaml:"strict" json:"strict,omitempty"` // exact patch version or refuse
	Virtualenv     bool               `yaml:"virtualenv" json:"virtualenv,omitempty"`
	StaleLock      string             `yaml:"stale_lock" json:"stale_lock,omitempty"`         // "refuse" (default) or "warn"
	PackagesAsOf   string             `yaml:"packages_as_of" json:"packages_as_of,omitempty"` // "commit" (default), "newest" or a day up to today, for versions that nothing holds
	Framework      string             `yaml:"framework" json:"framework,omitempty"`
	Application    string             `yaml:"application" json:"application,omitempty"` // module:object or module:factory()
	Server         string             `yaml:"server" json:"server,omitempty"`
	Processes      map[string]Process `yaml:"processes" json:"processes,omitempty"`
	ReleaseCommand shell.Command      `yaml:"release_command" json:"release_command,omitempty"`
	Repeatable     bool               `yaml:"release_repeatable" json:"release_repeatable,omitempty"` // safe to run again
	Test           *TestConfig        `yaml:"test" json:"test,omitempty"`
	Health         *HealthConfig      `yaml:"health" json:"health,omitempty"`
	Env            map[string]string  `yaml:"env" json:"env,omitempty"` // lowest layer of config
	Files          []FileConfig       `yaml:"files" json:"files,omitempty"`
	Verify         []CheckConfig      `yaml:"verify" json:"verify,omitempty"`
	Pages          string             `yaml:"pages" json:"pages,omitempty"`                   // whose own files are missing: "warn" (default), "refuse" or "ignore"
	VerifyCommand  shell.Command      `yaml:"verify_command" json:"verify_command,omitempty"` // run against the live URL, which is in BASE_URL
	Data           []string           `yaml:"data" json:"data,omitzero"`                      // kept across deploys; a directory ends with /
	StaticFiles    string             `yaml:"static_files" json:"static_files,omitempty"`     // who serves Django's: "edge" (default) or "application"
	AnswerSeconds  *int               `yaml:"answer_seconds" json:"answer_seconds,omitempty"` // for the service to begin an answer; 0 for as long as it takes
	Build          *BuildConfig       `yaml:"build" json:"build,omitempty"`
	Limits         *slipway.Limits    `yaml:"limits" json:"limits,omitempty"` // of the edge

	Environments map[string]EnvironmentConfig `yaml:"environments" json:"environments,omitempty"`
}

// EnvironmentConfig is what is otherwise in one environment.
type EnvironmentConfig struct {
	Limits *slipway.Limits `yaml:"limits" json:"limits,omitempty"`
}

// Process is one process type. In YAML it may be a bare string: its command.
type Process struct {
	Command      shell.Command `yaml:"command" json:"command"`
	Instances    int           `yaml:"instances" json:"instances,omitempty"`         // default 1
	GraceSeconds int           `yaml:"grace_seconds" json:"grace_seconds,omitempty"` // stop signal to SIGKILL; what suits the program unless given
	StopSignal   string        `yaml:"stop_signal" json:"stop_signal,omitempty"`     // one of StopSignals; what suits the program unless given
	MemoryMB     int           `yaml:"memory_mb" json:"memory_mb,omitempty"`         // of an instance; the node's bound unless given
}

// TestConfig overrides how tests run.
type TestConfig struct {
	Command        shell.Command     `yaml:"command" json:"command,omitempty"`
	Groups         []string          `yaml:"groups" json:"groups,omitzero"` // an empty list: none
	Extras         []string          `yaml:"extras" json:"extras,omitzero"`
	Requirements   []string          `yaml:"requirements" json:"requirements,omitzero"`
	Packages       []string          `yaml:"packages" json:"packages,omitempty"` // requirements besides
	Without        []string          `yaml:"without" json:"without,omitempty"`   // distributions that are not installed
	Env            map[string]string `yaml:"env" json:"env,omitempty"`
	TimeoutSeconds int               `yaml:"timeout_seconds" json:"timeout_seconds,omitempty"`
	Skip           bool              `yaml:"skip" json:"skip,omitempty"`
}

// HealthConfig overrides how an instance is found healthy.
type HealthConfig struct {
	Path           string `yaml:"path" json:"path,omitempty"`
	Statuses       []int  `yaml:"statuses" json:"statuses,omitempty"`
	Host           string `yaml:"host" json:"host,omitempty"`
	TimeoutSeconds int    `yaml:"timeout_seconds" json:"timeout_seconds,omitempty"` // until healthy, default 60
}

// FileConfig is one config file rendered from a Jinja2 template in the repository.
type FileConfig struct {
	Template string `yaml:"template" json:"template"`
	Path     string `yaml:"path" json:"path"` // where the result goes, relative to the service's directory
}

// CheckConfig is one HTTP check of a verification.
type CheckConfig struct {
	Path           string `yaml:"path" json:"path"`
	Status         int    `yaml:"status" json:"status,omitempty"` // default: any of 200-399
	Contains       string `yaml:"contains" json:"contains,omitempty"`
	MaxMillis      int    `yaml:"max_millis" json:"max_millis,omitempty"`
	Successes      int    `yaml:"successes" json:"successes,omitempty"` // in a row, default 3
	TimeoutSeconds int    `yaml:"timeout_seconds" json:"timeout_seconds,omitempty"`
}

// BuildConfig bounds and feeds the build.
type BuildConfig struct {
	Commands       []shell.Command   `yaml:"commands" json:"commands,omitempty"` // run in the release after install, e.g. collectstatic
	Env            map[string]string `yaml:"env" json:"env,omitempty"`
	TimeoutSeconds int               `yaml:"timeout_seconds" json:"timeout_seconds,omitempty"`
}

// BuildEnv is what slipway.yaml adds to the environment of a build. A nil
// config adds nothing.
func (c *Config) BuildEnv() map[string]string {
	if c == nil || c.Build == nil {
		return nil
	}
	return c.Build.Env
}
