package manifest

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
)

// CompareDependencies tells what differs between what two releases contain, by
// name, direct ones first, and how many are the same. A jump is major when the
// epoch or the first release number differs (PEP 440); a version that can't be
// read is compared as text up to its first dot.
func CompareDependencies(was, is []slipway.Dependency) (changes []slipway.DependencyChange, same int) {
	before := map[string]slipway.Dependency{}
	for _, d := range was {
		before[d.Name] = d
	}
	for _, d := range is {
		b, ok := before[d.Name]
		delete(before, d.Name)
		switch {
		case !ok:
			changes = append(changes, slipway.DependencyChange{Name: d.Name, To: d.Version, Direct: d.Direct})
		case b.Version == d.Version:
			same++
		default:
			changes = append(changes, slipway.DependencyChange{Name: d.Name, From: b.Version, To: d.Version, Direct: d.Direct, Major: major(b.Version, d.Version)})
		}
	}
	for _, d := range before {
		changes = append(changes, slipway.DependencyChange{Name: d.Name, From: d.Version, Direct: d.Direct})
	}
	slices.SortFunc(changes, func(a, b slipway.DependencyChange) int {
		switch {
		case a.Direct != b.Direct && a.Direct:
			return -1
		case a.Direct != b.Direct:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return changes, same
}

func major(was, is string) bool {
	a, okA := ParseVersion(was)
	b, okB := ParseVersion(is)
	if !okA || !okB {
		x, _, _ := strings.Cut(was, ".")
		y, _, _ := strings.Cut(is, ".")
		return x != y
	}
	return a.epoch != b.epoch || a.At(0) != b.At(0)
}
