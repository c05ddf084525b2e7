package manifest

import (
	"reflect"
	"testing"

	"github.com/slipway-dev/slipway"
)

func TestCompareDependencies(t *testing.T) {
	dep := func(name, version string, direct bool) slipway.Dependency {
		return slipway.Dependency{Name: name, Version: version, Direct: direct}
	}
	changes, same := CompareDependencies(
		[]slipway.Dependency{dep("a", "1.9", false), dep("b", "2.0", true), dep("c", "1!2.0", false), dep("d", "1", false), dep("e", "2024.1", false)},
		[]slipway.Dependency{dep("a", "2.0rc1", false), dep("b", "2.0.1", true), dep("c", "2!2.0", false), dep("e", "2024.1", false), dep("z", "1", true)})
	want := []slipway.DependencyChange{
		{Name: "b", From: "2.0", To: "2.0.1", Direct: true}, {Name: "z", To: "1", Direct: true},
		{Name: "a", From: "1.9", To: "2.0rc1", Major: true}, {Name: "c", From: "1!2.0", To: "2!2.0", Major: true}, {Name: "d", From: "1"},
	}
	if !reflect.DeepEqual(changes, want) || same != 1 {
		t.Errorf("%+v, %d the same", changes, same)
	}
}
