package catalog

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/python/stated"
)

// Overrides reads what a service's owners state instead of what is detected: YAML
// or JSON with the keys of slipway.yaml, after setting some of them, such as
// health.path, where "" takes one back. The errors name each key at fault as a
// field: overrides/health/path.
func Overrides(text string, set map[string]string) (slipway.Overrides, error) {
	o, problems := stated.EditOverrides(text, set)
	if len(problems) == 0 {
		return o, nil
	}
	slices.SortStableFunc(problems, func(a, b python.Problem) int { return strings.Compare(a.Key, b.Key) })
	var all []*slipway.Error
	for _, p := range problems[:min(len(problems), 20)] {
		all = append(all, slipway.Errorf(slipway.Invalid, "%s", p.Sentence()).At(overrideField(p.Key)))
	}
	first := all[0]
	first.More = all[1:]
	return "", first
}

// overrideField is the field of a key. A list counts as one field.
func overrideField(key string) string {
	key, _, _ = strings.Cut(key, "[")
	if key == "" {
		return "overrides"
	}
	return "overrides/" + strings.NewReplacer("~", "~0", "/", "~1", ".", "/").Replace(key)
}

// Overridden lists what a change of overrides changes, by key, as it was and as
// it is.
func Overridden(was, is slipway.Overrides) (before, after map[string]string) {
	before, after = map[string]string{}, map[string]string{}
	old, now := stated.OverrideValues(was), stated.OverrideValues(is)
	for key, value := range old {
		if value != now[key] {
			before["overrides."+key], after["overrides."+key] = value, now[key]
		}
	}
	for key, value := range now {
		if _, there := old[key]; !there {
			before["overrides."+key], after["overrides."+key] = "", value
		}
	}
	return before, after
}
