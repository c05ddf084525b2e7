package stated

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/tree"
)

// ReadOverrides reads what a service's owners state instead of what is detected: YAML
// or JSON with the keys of slipway.yaml, after setting some of them, such as
// health.path, where "" takes one back. The errors name each key at fault as a
// field: overrides/health/path.
func ReadOverrides(text string, set map[string]string) (slipway.Overrides, error) {
	o, problems := EditOverrides(text, set)
	if len(problems) == 0 {
		return o, nil
	}
	slices.SortStableFunc(problems, func(a, b tree.Problem) int { return strings.Compare(a.Key, b.Key) })
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
