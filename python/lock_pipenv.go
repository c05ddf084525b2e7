package python

import (
	"crypto/sha256"
	"fmt"
)

// pipfileSections are not package categories.
var pipfileSections = map[string]bool{
	"source": true, "packages": true, "dev-packages": true, "requires": true, "scripts": true,
	"pipfile": true, "pipenv": true, "default": true, "develop": true,
}

// pipenvFreshness computes the Pipfile's hash, with names as written (all
// versions of Pipenv) and normalised (since 2026).
func pipenvFreshness(in lockInput) freshness {
	want := digString(in.lock, "_meta", "hash", "sha256")
	if want == "" {
		return unknownFreshness("it has no hash of its Pipfile")
	}
	if dig(in.manifest, "source") == nil {
		return unknownFreshness("its Pipfile names no source, and what Pipenv supposes then is part of the hash")
	}
	for _, normalise := range []bool{false, true} {
		text, err := pythonJSON(pipfileContent(in.manifest, normalise), true)
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
		table := digTable(pipfile, key)
		out := map[string]any{}
		for name, v := range table {
			if normalise {
				name = normalizeName(name)
			}
			out[name] = v
		}
		return out
	}
	sources := dig(pipfile, "source")
	requires := dig(pipfile, "requires")
	if requires == nil {
		requires = map[string]any{}
	}
	content := map[string]any{
		"_meta":   map[string]any{"sources": sources, "requires": requires},
		"default": packages("packages"),
		"develop": packages("dev-packages"),
	}
	for category, v := range pipfile {
		if pipfileSections[category] {
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

// pipfileDependencies collects what a Pipfile declares.
func pipfileDependencies(p pyproject) Dependencies {
	deps := Dependencies{Groups: map[string][]Dependency{}, Extras: map[string][]Dependency{}, Files: map[string][]Dependency{}}
	deps.Production = p.poetryTable("packages", digTable(p.data, "packages"))
	if dev := digTable(p.data, "dev-packages"); dev != nil {
		deps.Groups["dev"] = p.poetryTable("dev-packages", dev)
	}
	for category, v := range p.data {
		if table, ok := v.(map[string]any); ok && !pipfileSections[category] {
			deps.Groups[normalizeName(category)] = p.poetryTable(category, table)
		}
	}
	for i := range deps.Production {
		if deps.Production[i].Specifier == "*" {
			deps.Production[i].Specifier = ""
		}
	}
	return deps
}
