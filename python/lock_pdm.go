package python

import "strings"

// pdmFreshness computes PDM's content_hash.
func pdmFreshness(in lockInput) freshness {
	stated := digString(in.lock, "metadata", "content_hash")
	algorithm, want, ok := strings.Cut(stated, ":")
	if dig(in.lock, "metadata", "lock_inputs") != nil {
		return unknownFreshness("it records its inputs in a form that only PDM can compare")
	}
	if !ok || algorithm != "sha256" || want == "" {
		return unknownFreshness("it has no content_hash of a known kind")
	}
	if !hasKey(in.manifest, "project") {
		return unknownFreshness("PDM converts a pyproject.toml without [project] before it hashes it")
	}
	if members := digList(in.manifest, "tool", "pdm", "workspace", "members"); len(members) > 0 {
		return unknownFreshness("it belongs to a PDM workspace")
	}
	text, err := pythonJSON(pdmContent(in.manifest), false)
	if err != nil {
		return unknownFreshness("pyproject.toml holds a value that PDM cannot hash")
	}
	return freshIf(sha256Hex(text) == want, "its content_hash is of another pyproject.toml")
}

func hasKey(m map[string]any, key string) bool {
	_, ok := m[key]
	return ok
}

func pdmContent(manifest map[string]any) map[string]any {
	or := func(v, otherwise any) any {
		if v == nil {
			return otherwise
		}
		return v
	}
	dev := map[string]any{}
	for name, list := range digTable(manifest, "dependency-groups") {
		dev[normalizeName(name)] = list
	}
	for name, list := range digTable(manifest, "tool", "pdm", "dev-dependencies") {
		key := normalizeName(name)
		have, _ := dev[key].([]any)
		more, _ := list.([]any)
		dev[key] = append(append([]any{}, have...), more...)
	}
	return map[string]any{
		"sources":               or(dig(manifest, "tool", "pdm", "source"), []any{}),
		"dependencies":          or(dig(manifest, "project", "dependencies"), []any{}),
		"dev-dependencies":      dev,
		"optional-dependencies": or(dig(manifest, "project", "optional-dependencies"), map[string]any{}),
		"requires-python":       or(dig(manifest, "project", "requires-python"), ""),
		"resolution":            or(dig(manifest, "tool", "pdm", "resolution"), map[string]any{}),
	}
}
