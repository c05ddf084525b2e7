package slipway

import (
	"context"
	"io"
	"iter"
	"strings"
)

// ConfigValue is one setting: a plain value, or a reference to a secret. The
// fingerprint is keyed, so that it tells a changed secret without telling
// anything about its value.
type ConfigValue struct {
	Value       string    `json:"value,omitempty"`
	Secret      SecretRef `json:"secret,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"`
}

// ReservedVariable tells whether the platform sets a variable of each process
// itself, so that nobody else can: not an environment's config, not slipway.yaml.
func ReservedVariable(name string) bool {
	return name == "PORT" || name == "HOST" || strings.HasPrefix(name, "SLIPWAY_")
}

// MaxEnvironment bounds the variables of a process, names and values together. Linux
// starts no program with more than 2 MiB of variables and arguments (a quarter of the
// stack that it may have); the rest is for what the platform adds.
const MaxEnvironment = 3 << 19

// CheckEnvironment refuses variables that no process can be started with. service and
// environment are whose they are.
func CheckEnvironment(service, environment string, variables iter.Seq2[string, string]) error {
	sum, largest, most := 0, "", -1
	for name, value := range variables {
		n := len(name) + len(value) + 10 // =, the end, and the pointer to it
		if sum += n; n > most || n == most && name < largest {
			largest, most = name, n
		}
	}
	if sum <= MaxEnvironment {
		return nil
	}
	return Errorf(Refused, "the variables of %s in %s have %d bytes, and a process can have at most %d; the largest is %s with %d: keep large settings in a file of the repository, or in a template (`slipway config ls %s --env %s` shows them all)",
		service, environment, sum, MaxEnvironment, largest, most, service, environment)
}

// ConfigLayer is where a value was set. Later layers win.
type ConfigLayer string

const (
	LayerDefaults    ConfigLayer = "defaults"            // slipway.yaml
	LayerService     ConfigLayer = "service"             // the service, everywhere
	LayerEnvironment ConfigLayer = "environment"         // every service of an environment
	LayerBoth        ConfigLayer = "service_environment" // this service in this environment
)

// LayerOrder is from the weakest to the strongest.
var LayerOrder = []ConfigLayer{LayerDefaults, LayerService, LayerEnvironment, LayerBoth}

// MergeConfig lays the layers over each other and tells where each key's
// value came from.
func MergeConfig(layers map[ConfigLayer]map[string]ConfigValue) (values map[string]ConfigValue, from map[string]ConfigLayer) {
	values, from = map[string]ConfigValue{}, map[string]ConfigLayer{}
	for _, layer := range LayerOrder {
		for key, v := range layers[layer] {
			values[key], from[key] = v, layer
		}
	}
	return values, from
}

// Snapshot is the rendered config of one deployment, secrets by reference. It
// is immutable and known by its digest, which covers Env and Files.
type Snapshot struct {
	Digest Digest                 `json:"digest"`
	Env    map[string]ConfigValue `json:"env"`
	Files  []RenderedFile         `json:"files,omitempty"`
}

// RenderedFile is a config file ready to be written. Where a secret belongs its
// content holds SecretMark(ref); the node puts the value there when it writes.
type RenderedFile struct {
	Path    string `json:"path"` // relative to the service's directory
	Content string `json:"content"`
}

// SecretMark is what stands for a secret in a rendered file.
func SecretMark(ref SecretRef) string { return "\u2039slipway-secret:" + string(ref) + "\u203a" }

// RenderRequest asks for a snapshot. Values is the merged config.
type RenderRequest struct {
	Artifact    Digest
	Service     string
	Environment string
	Release     int
	Templates   []Template
	Values      map[string]ConfigValue
}

// Renderer renders config. Render is pure with respect to its request, so it
// may be repeated freely.
type Renderer interface {
	// Render returns Refused with file and line when a template has a syntax
	// error or uses an undefined variable, needs too long, or writes too much.
	// Templates see each key of Values by its name, and `service`,
	// `environment`, `release`, `config` (a mapping of all keys).
	Render(ctx context.Context, req RenderRequest, log io.Writer) (Snapshot, error)
}
