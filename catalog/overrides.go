package catalog

import (
	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/stated"
)

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
