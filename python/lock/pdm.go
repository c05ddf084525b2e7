package lock

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
)

// pdmFreshness computes PDM's content_hash.
func pdmFreshness(in Input) Freshness {
	stated := manifest.DigString(in.Lock, "metadata", "content_hash")
	algorithm, want, ok := strings.Cut(stated, ":")
	if manifest.Dig(in.Lock, "metadata", "lock_inputs") != nil {
		return unknownFreshness("it records its inputs in a form that only PDM can compare")
	}
	if !ok || algorithm != "sha256" || want == "" {
		return unknownFreshness("it has no content_hash of a known kind")
	}
	if !hasKey(in.Manifest, "project") {
		return unknownFreshness("PDM converts a pyproject.toml without [project] before it hashes it")
	}
	if members := manifest.DigList(in.Manifest, "tool", "pdm", "workspace", "members"); len(members) > 0 {
		return unknownFreshness("it belongs to a PDM workspace")
	}
	for _, recipe := range []map[string]any{pdmContent(in.Manifest, true), pdmContent(in.Manifest, false), pdmOldContent(in.Manifest)} {
		text, err := pythonJSON(recipe, false)
		if err != nil {
			return unknownFreshness("pyproject.toml holds a value that PDM cannot hash")
		}
		if fmt.Sprintf("%x", sha256.Sum256([]byte(text))) == want {
			return freshIf(true, "")
		}
	}
	return freshIf(false, "its content_hash is of another pyproject.toml")
}

// pdmOldContent is what PDM hashed before it took the whole resolution table
// and the dependency groups in.
func pdmOldContent(project map[string]any) map[string]any {
	content := pdmContent(project, false)
	delete(content, "resolution")
	content["overrides"] = map[string]any{}
	if overrides := manifest.Dig(project, "tool", "pdm", "resolution", "overrides"); overrides != nil {
		content["overrides"] = overrides
	}
	return content
}

func hasKey(m map[string]any, key string) bool {
	_, ok := m[key]
	return ok
}

// pdmContent hashes dev-dependencies as written when groups is false, and
// merged with the dependency groups under normalised names when it is true.
func pdmContent(project map[string]any, groups bool) map[string]any {
	or := func(v, otherwise any) any {
		if v == nil {
			return otherwise
		}
		return v
	}
	dev := map[string]any{}
	for name, list := range manifest.DigTable(project, "dependency-groups") {
		dev[manifest.Normalize(name)] = list
	}
	for name, list := range manifest.DigTable(project, "tool", "pdm", "dev-dependencies") {
		key := manifest.Normalize(name)
		have, _ := dev[key].([]any)
		more, _ := list.([]any)
		dev[key] = append(append([]any{}, have...), more...)
	}
	if !groups {
		dev = map[string]any{}
		for name, list := range manifest.DigTable(project, "tool", "pdm", "dev-dependencies") {
			dev[name] = list
		}
	}
	return map[string]any{
		"sources":               or(manifest.Dig(project, "tool", "pdm", "source"), []any{}),
		"dependencies":          or(manifest.Dig(project, "project", "dependencies"), []any{}),
		"dev-dependencies":      dev,
		"optional-dependencies": or(manifest.Dig(project, "project", "optional-dependencies"), map[string]any{}),
		"requires-python":       or(manifest.Dig(project, "project", "requires-python"), ""),
		"resolution":            or(manifest.Dig(project, "tool", "pdm", "resolution"), map[string]any{}),
	}
}
