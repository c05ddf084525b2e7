package lock

import (
	"crypto/sha256"
	"fmt"
	"regexp"

	"github.com/slipway-dev/slipway/python/manifest"
)

var poetryVersion = regexp.MustCompile(`Poetry (\S+)`)

// poetryFreshness computes Poetry's content-hash. Three recipes are in use:
// Poetry 1 hashes parts of [tool.poetry]; 2 adds parts of [project]; 2.3 adds
// [dependency-groups]. The lock's first line says which Poetry wrote it, but
// only since 1.4, so any recipe that agrees is believed.
func poetryFreshness(in Input) Freshness {
	want := manifest.DigString(in.Lock, "metadata", "content-hash")
	if want == "" {
		return unknownFreshness("it has no content-hash")
	}
	recipes := []map[string]any{
		poetryContent(in.Manifest, true),
		poetryContent(in.Manifest, false),
		poetryLegacyContent(in.Manifest, true),
		poetryLegacyContent(in.Manifest, false),
	}
	if m := poetryVersion.FindStringSubmatch(firstLine(in.Text)); m != nil {
		if v, ok := manifest.ParseVersion(m[1]); ok {
			switch old, groups := v.At(0) < 2, v.At(0) > 2 || v.At(1) >= 3; {
			case old:
				recipes = recipes[2:]
			case groups:
				recipes = recipes[:1]
			default:
				recipes = recipes[1:2]
			}
		}
	}
	for _, content := range recipes {
		text, err := pythonJSON(content, false)
		if err != nil {
			return unknownFreshness("pyproject.toml holds a value that Poetry cannot hash")
		}
		if fmt.Sprintf("%x", sha256.Sum256([]byte(text))) == want {
			return freshIf(true, "")
		}
	}
	return freshIf(false, "its content-hash is of another pyproject.toml")
}

var poetryLegacyKeys = []string{"dependencies", "source", "extras", "dev-dependencies"}

func poetryLegacyContent(project map[string]any, group bool) map[string]any {
	content := map[string]any{}
	for _, key := range poetryLegacyKeys {
		content[key] = manifest.Dig(project, "tool", "poetry", key)
	}
	if g := manifest.Dig(project, "tool", "poetry", "group"); group && g != nil {
		content["group"] = g
	}
	return content
}

func poetryContent(of map[string]any, withGroups bool) map[string]any {
	project := map[string]any{}
	for _, key := range []string{"requires-python", "dependencies", "optional-dependencies"} {
		if v := manifest.Dig(of, "project", key); v != nil {
			project[key] = v
		}
	}
	groups := manifest.DigTable(of, "dependency-groups")
	if !withGroups {
		groups = nil
	}
	if len(project) == 0 && len(groups) == 0 {
		return poetryLegacyContent(of, true)
	}
	poetry := map[string]any{}
	for _, key := range append([]string{"group"}, poetryLegacyKeys...) {
		if v := manifest.Dig(of, "tool", "poetry", key); v != nil {
			poetry[key] = v
		}
	}
	content := map[string]any{"tool": map[string]any{"poetry": poetry}}
	if len(project) > 0 {
		content["project"] = project
	}
	if len(groups) > 0 {
		content["dependency-groups"] = groups
	}
	return content
}
