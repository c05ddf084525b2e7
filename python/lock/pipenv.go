package lock

import (
	"crypto/sha256"
	"fmt"

	"github.com/slipway-dev/slipway/python/manifest"
)

// pipenvFreshness computes the Pipfile's hash, with names as written (all
// versions of Pipenv) and normalised (since 2026).
func pipenvFreshness(in Input) Freshness {
	want := manifest.DigString(in.Lock, "_meta", "hash", "sha256")
	if want == "" {
		return unknownFreshness("it has no hash of its Pipfile")
	}
	if manifest.Dig(in.Manifest, "source") == nil {
		return unknownFreshness("its Pipfile names no source, and what Pipenv supposes then is part of the hash")
	}
	for _, normalise := range []bool{false, true} {
		text, err := pythonJSON(pipfileContent(in.Manifest, normalise), true)
		if err != nil {
			return unknownFreshness("the Pipfile holds a value that Pipenv cannot hash")
		}
		if fmt.Sprintf("%x", sha256.Sum256([]byte(text))) == want {
			return freshIf(true, "")
		}
	}
	return freshIf(false, "its hash is of another Pipfile")
}

func pipfileContent(pipfile map[string]any, normalise bool) map[string]any {
	packages := func(key string) any {
		table := manifest.DigTable(pipfile, key)
		out := map[string]any{}
		for name, v := range table {
			if normalise {
				name = manifest.Normalize(name)
			}
			out[name] = v
		}
		return out
	}
	sources := manifest.Dig(pipfile, "source")
	requires := manifest.Dig(pipfile, "requires")
	if requires == nil {
		requires = map[string]any{}
	}
	content := map[string]any{
		"_meta":   map[string]any{"sources": sources, "requires": requires},
		"default": packages("packages"),
		"develop": packages("dev-packages"),
	}
	for category, v := range pipfile {
		if manifest.PipfileSections[category] {
			continue
		}
		if _, ok := v.(map[string]any); ok {
			content[category] = packages(category)
		} else {
			content[category] = v
		}
	}
	return content
}
